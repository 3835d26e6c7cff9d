package model

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/kernel"
)

// TestFigures encodes whole retrieval sets with real models and compares nDCG@10 and R@100 with what the models' reference
// implementations reach. It takes minutes, so it runs only when LABRADOR_FIGURES names models: a comma-separated list of
// names of real-expected.json, each optionally with a dtype and the sets behind colons ("all-MiniLM-L6-v2:int8:text/scifact+code/mbpp").
func TestFigures(t *testing.T) {
	list := os.Getenv("LABRADOR_FIGURES")
	if list == "" {
		t.Skip("set LABRADOR_FIGURES to run (minutes)")
	}
	raw, err := os.ReadFile(outside.Data(t, "models/real-expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]json.RawMessage
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatal(err)
	}
	for _, job := range strings.Split(list, ",") {
		parts := append(strings.Split(job, ":"), "", "")
		name, dtype, only := parts[0], parts[1], parts[2]
		var sets map[string]map[string]any
		if err := json.Unmarshal(expected[name], &sets); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		for _, set := range strings.Split(only, "+") {
			if only != "" && sets[set] == nil {
				t.Fatalf("%s has no figures of %q", name, set)
			}
		}
		m := openModel(t, realPath(t, name), Options{DType: dtype, NoSpecial: strings.HasPrefix(name, "Smol"), Pooling: map[bool]string{true: "mean"}[strings.HasSuffix(name, "plain-mean")]})
		for set, want := range sets {
			if only == "" || slices.Contains(strings.Split(only, "+"), set) {
				t.Run(job+"/"+set, func(t *testing.T) { checkFigures(t, m, name, set, want) })
			}
		}
	}
}

func realPath(t *testing.T, name string) string {
	name, _, _ = strings.Cut(name, " ")
	if strings.HasPrefix(name, "SmolLM2") {
		name += ".gguf"
	}
	return outside.RealModel(t, name)
}

func checkFigures(t *testing.T, m *Model, name, set string, want map[string]any) {
	split, _ := want["split"].(string)
	if split == "" {
		split = "test"
	}
	dir := outside.Data(t, set)
	docIDs, docs := readItems(t, dir, name)
	qrels, err := labrador.ReadQrels(filepath.Join(dir, "qrels", split+".tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var queries []labrador.Item
	var queryIDs []string
	for q, err := range labrador.ReadQueries(filepath.Join(dir, "queries.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		if qrels[q.ID] != nil {
			queryIDs, queries = append(queryIDs, q.ID), append(queries, labrador.Item{Text: wrapped(name, "Query", "query", q.Text)})
		}
	}
	start := time.Now()
	d := encodeAll(t, m, labrador.DocumentSide, docs)
	q := encodeAll(t, m, labrador.QuerySide, queries)
	took := time.Since(start)
	measures, err := eval.Parse("nDCG@10")
	if err != nil {
		t.Fatal(err)
	}
	recall, err := eval.Parse("R@100")
	if err != nil {
		t.Fatal(err)
	}
	res, err := eval.PerQuery(append(measures, recall...), qrels, exactRun(q, d, queryIDs, docIDs), eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %s: nDCG@10 %.4f (reference %v), R@100 %.4f (%v), %d documents, %s", m.ID(), set, mean(res.Of("nDCG@10")), want["ndcg_cut_10"], mean(res.Of("R@100")), want["recall_100"], len(docs), took.Round(time.Second))
	bound := map[string]float64{"": 0.001, "f32": 0.001, "bf16": 0.003, "int8": 0.005 * want["ndcg_cut_10"].(float64)}[m.opts.DType]
	if strings.HasSuffix(name, "plain-mean") {
		// The reference's conversion of the file drops its pre-tokenizer's rule for digits: ten of 9,676 document tokens differ.
		bound = 0.003
	}
	if diff := mean(res.Of("nDCG@10")) - want["ndcg_cut_10"].(float64); diff > bound+5e-5 || diff < -bound-5e-5 {
		t.Errorf("%s: nDCG@10 differs by %+.4f", set, diff)
	}
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

// wrapped is a text in SmolLM2's one-word prompt (real-expected.json, "_how"), or as it is.
func wrapped(name, kind, word, text string) string {
	if !strings.HasSuffix(name, "one-word") {
		return text
	}
	return fmt.Sprintf("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n%s: \"%s\". Use one word to represent the %s in a retrieval task. Make sure your word is in lowercase.<|im_end|>\n<|im_start|>assistant\nThe word is: \"", kind, text, word)
}

func readItems(t *testing.T, dir, name string) ([]string, []labrador.Item) {
	var ids []string
	var items []labrador.Item
	for d, err := range labrador.ReadDocuments(filepath.Join(dir, "corpus.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
		text := d.Contents()
		if strings.HasPrefix(name, "all-MiniLM") { // the reference strips for this one (real-expected.json, "_how")
			text = strings.TrimSpace(text)
		}
		items = append(items, labrador.Item{Text: wrapped(name, "Passage", "passage", text)})
	}
	return ids, items
}

func encodeAll(t *testing.T, m *Model, side labrador.Side, items []labrador.Item) labrador.Matrix {
	x, err := m.Encode(context.Background(), side, items)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// exactRun is the 1000 best documents of every query by inner product.
func exactRun(q, d labrador.Matrix, queryIDs, docIDs []string) labrador.Run {
	k, run := kernel.Current(), labrador.Run{}
	scores := make([]float32, d.Rows)
	for i, id := range queryIDs {
		k.DotRows(scores, q.Row(i), d.Data)
		hits := make([]labrador.Hit, d.Rows)
		for j, s := range scores {
			hits[j] = labrador.Hit{ID: docIDs[j], Score: s}
		}
		labrador.SortHits(hits)
		run[id] = hits[:min(len(hits), 1000)]
	}
	return run
}
