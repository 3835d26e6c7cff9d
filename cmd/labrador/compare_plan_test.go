package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/outside"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/study/cost"
)

func TestPlanFlags(t *testing.T) {
	for _, f := range []planFlags{
		{budget: 1, expect: 1}, {unmeasured: true, expect: 1}, {on: true, budget: -1, expect: 1}, {on: true}, {on: true, expect: 1, machines: []string{"a"}},
		{on: true, expect: 1, machines: []string{"=3"}}, {on: true, expect: 1, prices: []string{"a=-1"}}, {on: true, expect: 1, prices: []string{"a=NaN"}},
	} {
		if f.validate() == nil {
			t.Errorf("%+v accepted", f)
		}
	}
	if err := (&planFlags{on: true, expect: .1, machines: []string{"a=3"}, prices: []string{"b=0.02", "c=1e-3"}}).validate(); err != nil {
		t.Error(err)
	}
}

// planOf plans a study over two tiny datasets.
func planOf(t *testing.T, systems string) *study.Plan {
	t.Helper()
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	data := t.TempDir()
	for _, name := range []string{"one", "two"} {
		var corpus, queries strings.Builder
		qrels := "query-id\tcorpus-id\tscore\n"
		for i := range 40 {
			fmt.Fprintf(&corpus, `{"_id":"d%d","title":"number %d","text":"some words about %s and the number %d"}`+"\n", i, i, name, i*i)
			fmt.Fprintf(&queries, `{"_id":"q%d","text":"what about %d"}`+"\n", i, i*i)
			qrels += fmt.Sprintf("q%d\td%d\t1\n", i, i)
		}
		for file, text := range map[string]string{"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String(), "qrels/test.tsv": qrels} {
			path := filepath.Join(data, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	text := "name: p\ndatasets: [one, two]\nmeasures: [nDCG@10]\nsystems:\n" + systems
	s, err := study.Parse(strings.NewReader(text), "p", systemKinds{folders: []string{data}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := study.NewPlan(context.Background(), s, study.Options{Folders: []string{data}, Cache: t.TempDir(), Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPrintPlanOfBM25(t *testing.T) {
	p := planOf(t, "  - bm25\n  - {name: code, kind: bm25, analyzer: code}\n  - {name: both, kind: fuse, of: [bm25, code]}\nclaims:\n  - {say: x, higher: code, than: bm25, on: all}\n")
	f := &planFlags{on: true, expect: .3, budget: time.Hour}
	var out bytes.Buffer
	if err := f.printPlan(context.Background(), &out, &bytes.Buffer{}, p, false); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"one", "still to do", "2 runs that only search given vectors or fuse others are not listed", "can still be decided"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
	out.Reset()
	if err := f.printPlan(context.Background(), &out, &bytes.Buffer{}, p, true); err != nil {
		t.Fatal(err)
	}
	var c studyCost
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Rows) != 6 || c.Rows[0].Documents.Texts != 40 || c.Rows[0].All.Seconds <= 0 || c.Rows[0].All.Bytes <= 0 || !c.Reduction.Fits {
		t.Errorf("%+v", c)
	}
	f.prices = []string{"nobody=1"}
	if err := f.printPlan(context.Background(), &out, &bytes.Buffer{}, p, true); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (&planFlags{on: true, expect: 1}).printPlan(ctx, &out, &bytes.Buffer{}, p, true); err == nil {
		t.Error("a cancelled plan was printed")
	}
}

// TestPlanCountsTokens: what is counted without weights is what the encoder makes, with and without a recipe.
func TestPlanCountsTokens(t *testing.T) {
	for _, c := range []dense.Options{
		{Model: outside.RealModel(t, "all-MiniLM-L6-v2")},
		{Model: outside.RealModel(t, "all-MiniLM-L6-v2"), MaxTokens: 12},
		{Model: outside.RealModel(t, "SmolLM2-135M-Instruct.Q4_1.gguf"), Recipe: "one-word"},
		{Model: outside.RealModel(t, "SmolLM2-135M-Instruct.Q4_1.gguf"), Recipe: "promptreps", MaxTokens: 9},
	} {
		e, err := dense.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		mo := model.Options{NoPrompt: c.Recipe != ""}
		if c.Recipe == "" {
			mo.MaxTokens = c.MaxTokens
		}
		info, err := model.Inspect(c.Model, mo)
		if err != nil {
			t.Fatal(err)
		}
		counter, err := newTokenCounter(c, info)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range []labrador.Item{{Text: "what is a retriever?"}, {Title: "Dogs", Text: strings.Repeat("Labradors fetch ducks. ", 90)}, {}} {
			for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
				got, err := e.Tokenize(context.Background(), side, []labrador.Item{item})
				if err != nil {
					t.Fatal(err)
				}
				counted, err := counter(t.Context(), side, []labrador.Item{item})
				if err != nil {
					t.Fatal(err)
				}
				if n := len(counted[0].IDs); n != len(got[0].IDs) {
					t.Errorf("%s %q max %d, %s: %d tokens counted, %d encoded", filepath.Base(c.Model), c.Recipe, c.MaxTokens, side, n, len(got[0].IDs))
				}
			}
		}
		e.Close()
	}
}

// TestPlanShape: parameters that tokens are multiplied with are those of the published shapes: MiniLM-L6 has 6 x (4 x 384^2 + 2 x 384 x
// 1536) in matrices, SmolLM2-135M 30 x (2 x 576^2 + 2 x 576 x 192 + 3 x 576 x 1536).
func TestPlanShape(t *testing.T) {
	for name, want := range map[string]float64{"all-MiniLM-L6-v2": 6 * (4*384*384 + 2*384*1536), "SmolLM2-135M-Instruct.Q4_1.gguf": 30 * (2*576*576 + 2*576*192 + 3*576*1536)} {
		path := outside.RealModel(t, name)
		info, err := model.Inspect(path, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := float64(shapeOf(info, dense.Options{Model: path}, false).Parameters)
		if got < want || got > 1.04*want { // norms, biases, positions and a pooler are counted too
			t.Errorf("%s: %v parameters, want about %v", name, got, want)
		}
		half := float64(shapeOf(info, dense.Options{Model: path, Layer: info.Layers / 2}, false).Parameters)
		if half != float64(int64(got)/2) {
			t.Errorf("%s: half of the layers have %v parameters of %v", name, half, got)
		}
	}
}

func TestPrintPlanOfModel(t *testing.T) {
	path := outside.RealModel(t, "all-MiniLM-L6-v2")
	p := planOf(t, "  - bm25\n  - {name: mini, kind: dense, model: "+path+"}\n  - {name: bits, kind: dense, format: binary, model: "+path+"}\n")
	var out bytes.Buffer
	if err := (&planFlags{on: true, expect: 1, prices: []string{"mini=2"}}).printPlan(context.Background(), &out, &bytes.Buffer{}, p, true); err != nil {
		t.Fatal(err)
	}
	var c studyCost
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	mini, bits := c.Rows[1], c.Rows[2]
	if mini.System != "mini" || mini.TokensPerSecond <= 0 || mini.All.Seconds <= 0 || mini.All.FLOPs <= 0 || mini.All.Bytes != 80*384*4 || mini.All.Price <= 0 {
		t.Errorf("%+v", mini)
	}
	if bits.SameAs != "mini" || bits.All.Tokens != 0 {
		t.Errorf("%+v", bits)
	}
}

// TestPlanOfLayers: a sweep over layers goes through the texts once, as deep as the deepest, whatever its place; every layer keeps vectors; and
// what the store has of a layer is known.
func TestPlanOfLayers(t *testing.T) {
	path := tiny.Model(t, "st-bert-mean")
	p := planOf(t, "  - {name: mini, kind: dense, model: "+path+", layer: [1, 0, 2]}\n")
	c := planCost(t, p)
	one, last, two := c.Rows[0], c.Rows[1], c.Rows[2]
	if last.All.Tokens <= 0 || last.All.Seconds <= 0 || last.PassOf != "" || one.PassOf != "mini-layer=0" || one.All.Tokens+two.All.Tokens != 0 {
		t.Errorf("%+v", c.Rows[:3])
	}
	if one.All.Bytes != last.All.Bytes || one.All.Bytes <= 0 || c.All.Tokens != last.Documents.Total()+c.Rows[4].Documents.Total()+last.Queries.Total() { // two datasets with the same queries
		t.Errorf("%+v", c)
	}
	kept, err := openVectorStore()
	if err != nil {
		t.Fatal(err)
	}
	e, err := dense.Open(t.Context(), dense.Options{Model: path, Layer: 0, Dataset: "one"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Vectors(context.Background(), kept, labrador.DocumentSide, dense.Documents(p.Data[0].Documents), nil); err != nil {
		t.Fatal(err)
	}
	c = planCost(t, p)
	one, last, two = c.Rows[0], c.Rows[1], c.Rows[2]
	documents := one.Documents.Mean * float64(one.Documents.Texts)
	if last.DocumentsDone != 1 || one.DocumentsDone != 0 || math.Abs(two.Left.Tokens-documents) > 1e-6 || one.Left.Tokens != 0 || two.Left.FLOPs >= last.All.FLOPs {
		t.Errorf("with the last layer's documents there: %+v", c.Rows[:3])
	}
}

// TestPlanOfSplits: a study over two splits of one dataset encodes and indexes its documents once, as the store and the folder of indexes
// have them.
func TestPlanOfSplits(t *testing.T) {
	path := tiny.Model(t, "st-bert-mean")
	p := planOf(t, "  - bm25\n  - {name: mini, kind: dense, model: "+path+"}\n")
	once := planCost(t, p)
	text := "name: p\ndatasets: [one, {name: one-dev, dataset: one, split: dev}]\nmeasures: [nDCG@10]\nsystems: [bm25, {name: mini, kind: dense, model: " + path + "}]\n"
	folder := filepath.Dir(p.Data[0].Dir)
	writeFile(t, filepath.Join(p.Data[0].Dir, "qrels", "dev.tsv"), "q1\td1\t1\nq2\td2\t1\n")
	s, err := study.Parse(strings.NewReader(text), "p", systemKinds{folders: []string{folder}})
	if err != nil {
		t.Fatal(err)
	}
	both, err := study.NewPlan(t.Context(), s, study.Options{Folders: []string{folder}, Cache: t.TempDir(), Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	twice := planCost(t, both)
	rows := twice.Rows
	if len(rows) != 4 || rows[0].Dataset != "one" || rows[2].Dataset != "one-dev" {
		t.Fatalf("%+v", rows)
	}
	if queries := rows[3].Queries.Mean * 2; math.Abs(rows[3].All.Tokens-queries) > 1e-6 || rows[3].DocumentsOf != "one" || rows[3].All.Bytes != 2*64*4 {
		t.Errorf("mini on the second split: %+v", rows[3])
	}
	if rows[2].All.Bytes != 0 || rows[2].DocumentsOf != "one" || rows[2].All.Seconds <= 0 {
		t.Errorf("bm25 on the second split: %+v", rows[2])
	}
	if first := once.Rows[1]; math.Abs(rows[1].All.Tokens-first.All.Tokens) > 1e-6 || rows[1].DocumentsOf != "" {
		t.Errorf("mini on the first: %+v, alone %+v", rows[1], first)
	}
	var out bytes.Buffer
	if err := (&planFlags{on: true, expect: 1}).printPlan(t.Context(), &out, &bytes.Buffer{}, both, false); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"index as for one", "documents as for one, 0 % of the queries"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
}

// TestPlanOfNames: one corpus under two names is planned as it is encoded: once; for a recipe with a task line that the names tell apart, the
// queries twice.
func TestPlanOfNames(t *testing.T) {
	bert, qwen := tiny.Model(t, "st-bert-mean"), tiny.Model(t, "qwen2")
	folder := filepath.Dir(planOf(t, "  - bm25\n").Data[0].Dir)
	for _, file := range []string{"corpus.jsonl", "queries.jsonl", "qrels/test.tsv"} {
		data, err := os.ReadFile(filepath.Join(folder, "one", file))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, "scifact", file), string(data))
	}
	text := "name: p\ndatasets: [one, scifact]\nmeasures: [nDCG@10]\nsystems: [{name: mini, kind: dense, model: " + bert + "}, {name: echo, kind: dense, model: " + qwen + ", recipe: echo}]\n"
	s, err := study.Parse(strings.NewReader(text), "p", systemKinds{folders: []string{folder}})
	if err != nil {
		t.Fatal(err)
	}
	o := study.Options{Folders: []string{folder}, Cache: t.TempDir(), Out: t.TempDir()}
	p, err := study.NewPlan(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	var planned int64
	rows := planCost(t, p).Rows
	for _, r := range rows {
		planned += int64(r.All.Bytes)
	}
	if mini, echo := rows[2], rows[3]; mini.All.Tokens != 0 || mini.SameAs != "mini" || mini.DocumentsOf != "one" || echo.DocumentsOf != "one" || echo.SameAs != "" ||
		math.Abs(echo.All.Tokens-echo.Queries.Total()) > 1e-6 {
		t.Errorf("under the second name: %+v, %+v", mini, echo)
	}
	if _, err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, err := openVectorStore()
	if err != nil {
		t.Fatal(err)
	}
	infos, err := kept.List()
	var bytes int64
	for _, i := range infos {
		bytes += int64(i.Rows * i.Cols * 4)
	}
	if err != nil || len(infos) != 5 || bytes != planned {
		t.Errorf("%d sets of %d bytes of vectors, planned were %d; %v", len(infos), bytes, planned, err)
	}
	if p, err = study.NewPlan(t.Context(), s, study.Options{Folders: []string{folder}, Cache: t.TempDir(), Out: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	for _, r := range planCost(t, p).Rows { // other runs of the same vectors
		if r.DocumentsDone != 1 || r.QueriesDone != 1 || r.Left.Tokens != 0 {
			t.Errorf("all vectors are there: %+v", r)
		}
	}
}

// planCost is what printPlan prints as JSON.
func planCost(t *testing.T, p *study.Plan) (c studyCost) {
	t.Helper()
	var out bytes.Buffer
	if err := (&planFlags{on: true, expect: 1}).printPlan(t.Context(), &out, &bytes.Buffer{}, p, true); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWriteReductionNamesSpreads: the reader sees which standard deviations were measured and which are assumed.
func TestWriteReductionNamesSpreads(t *testing.T) {
	loads := []cost.Load{{Dataset: "a", Queries: 100, Fixed: 1}, {Dataset: "b", Queries: 100, Fixed: 1}}
	claims := []cost.Claim{{Name: "x > y", Datasets: []string{"a", "b"}, Expected: .05, SD: map[string]float64{"b": .125}}}
	var out bytes.Buffer
	if err := writeReduction(&out, cost.Reduce(loads, claims, 10, cost.Options{})); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"standard deviation by runs in the cache: b .1250", "a standard deviation of 0.3"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
}
