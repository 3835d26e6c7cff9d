package index

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

// sequence makes documents a sequence.
func sequence(docs []labrador.Document) iter.Seq2[labrador.Document, error] {
	return func(yield func(labrador.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// randomDocuments have words w0, w1, ... with falling frequencies, many lengths, and many equal ones.
func randomDocuments(r *rand.Rand, n, words int) []labrador.Document {
	docs := make([]labrador.Document, n)
	for i := range docs {
		docs[i].ID = fmt.Sprintf("d%d", (i*7919)%n)
		text := func(n int) string {
			var b strings.Builder
			for range n {
				fmt.Fprintf(&b, "w%d ", int(float64(words)*r.Float64()*r.Float64()*r.Float64()*r.Float64()))
			}
			return b.String()
		}
		docs[i].Title, docs[i].Text = text(r.IntN(4)), text(1+r.IntN(8)*r.IntN(12))
	}
	return docs
}

func buildDocuments(t testing.TB, docs []labrador.Document, o BM25Options) *BM25 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index")
	if err := BuildBM25(context.Background(), path, sequence(docs), o); err != nil {
		t.Fatal(err)
	}
	x, err := OpenBM25(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// naive scores every document by the formulas over plain maps, without anything of the index but its statistics.
func naive(docs []labrador.Document, o BM25Options, query []string, k int) []NumberedHit {
	o = o.withDefaults()
	sums := make([]float64, len(docs))
	hit := make([]bool, len(docs))
	fields := 1
	if o.TitleWeight > 0 {
		fields = 2
	}
	for f := range fields {
		freqs, df, cf := make([]map[string]int, len(docs)), map[string]int64{}, map[string]int64{}
		var lengths []uint32
		var n, tokens int64
		for i, d := range docs {
			words := strings.Fields(strings.ToLower(fieldText(d, f, fields)))
			freqs[i] = map[string]int{}
			for _, w := range words {
				if freqs[i][w]++; freqs[i][w] == 1 {
					df[w]++
				}
				cf[w]++
			}
			length := uint32(len(words))
			if !o.ExactLengths {
				length = lengthOf(lengthCode(length))
			}
			lengths = append(lengths, length)
			tokens += int64(len(words))
			if len(words) > 0 {
				n++
			}
		}
		fm := newFormula(o, n, tokens, lengths)
		weights := map[string]float32{}
		for _, w := range query {
			weights[w]++
		}
		for w, count := range weights {
			if df[w] == 0 {
				continue
			}
			if f == 1 {
				count *= float32(o.TitleWeight)
			}
			if count *= fm.weigh(df[w]); count <= 0 {
				continue
			}
			for i := range docs {
				if freqs[i][w] > 0 {
					sums[i] += float64(fm.score(uint32(freqs[i][w]), fm.byLength[i], count, fm.background(cf[w])))
					hit[i] = true
				}
			}
		}
	}
	order := make([]int, len(docs))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return docs[order[a]].ID < docs[order[b]].ID })
	var out []NumberedHit
	for number, i := range order {
		if hit[i] {
			out = append(out, NumberedHit{uint32(number), float32(sums[i])})
		}
	}
	slices.SortStableFunc(out, func(a, b NumberedHit) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return out[:min(k, len(out))]
}

// TestPruningIsExact: every variant's top k, for k from 1 to 10,000, has the documents and scores of scoring everything,
// ties included.
func TestPruningIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := []int{1, 5, 130, 2500, 10500}
	if testing.Short() {
		sizes = []int{5, 3000}
	}
	for _, n := range sizes {
		docs := randomDocuments(r, n, 40+n/10)
		for v, variant := range Variants() {
			o := BM25Options{Analyzer: "whitespace", Variant: variant, NoDocuments: true, ExactLengths: v%2 == 1}
			if v%3 == 2 {
				o.TitleWeight = 0.7
			}
			x := buildDocuments(t, docs, o)
			for q := range 5 {
				var query []string
				for range 1 + r.IntN(6) {
					query = append(query, fmt.Sprint("w", r.IntN(1+(40+n/10)>>(q%6))))
				}
				all := naive(docs, o, query, n)
				for _, k := range []int{1, 2, 10, 11, 100, 129, 1000, 10000} {
					got, err := x.SearchNumbers(nil, strings.Join(query, " "), k)
					if want := all[:min(k, len(all))]; err != nil || !slices.Equal(got, want) {
						t.Fatalf("%d documents, %s, query %v, k %d: %v\n got %v\nwant %v", n, o, query, k, err, got[:min(12, len(got))], want[:min(12, len(want))])
					}
				}
			}
		}
	}
}

// TestBuildIsTheSameForAllThreads: threads and memory leave no trace in the file.
func TestBuildIsTheSameForAllThreads(t *testing.T) {
	docs := longTerms(randomDocuments(rand.New(rand.NewPCG(3, 4)), 5000, 900), 1000)
	var first []byte
	for i, o := range []BM25Options{{Threads: 1}, {Threads: 4}, {Threads: 3, Memory: 1}, {Threads: 1, Memory: 1}} {
		o.Analyzer, o.TitleWeight = "whitespace", 2
		path := filepath.Join(t.TempDir(), "index")
		if err := BuildBM25(context.Background(), path, sequence(docs), o); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Errorf("%d threads, memory %d: another file", o.Threads, o.Memory)
		}
		if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
			t.Errorf("left behind: %v", names)
		}
	}
}

// TestDocumentsComeBack checks the store and the ids.
func TestDocumentsComeBack(t *testing.T) {
	docs := randomDocuments(rand.New(rand.NewPCG(5, 6)), 1500, 100)
	x := buildDocuments(t, docs, BM25Options{})
	for _, d := range docs {
		if got, ok, err := x.Document(d.ID); err != nil || !ok || got != d {
			t.Fatalf("%s: %v %v %v", d.ID, got, ok, err)
		}
	}
	if _, ok, err := x.Document("none"); ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestDuplicateID(t *testing.T) {
	docs := []labrador.Document{{ID: "a", Text: "x"}, {ID: "b", Text: "y"}, {ID: "a", Text: "z"}}
	path := filepath.Join(t.TempDir(), "index")
	err := BuildBM25(context.Background(), path, sequence(docs), BM25Options{})
	if err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 0 {
		t.Fatalf("left behind: %v", names)
	}
}

// TestDamageIsSeen flips bits all over a file and cuts it: every search ends as before or in an error that says where.
func TestDamageIsSeen(t *testing.T) {
	docs := randomDocuments(rand.New(rand.NewPCG(9, 10)), 2000, 300)
	path := filepath.Join(t.TempDir(), "index")
	if err := BuildBM25(context.Background(), path, sequence(docs), BM25Options{Analyzer: "whitespace"}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	search := func(data []byte) (string, error) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		x, err := OpenBM25(path)
		if err != nil {
			return "", err
		}
		defer x.Close()
		hits, err := x.Search(context.Background(), labrador.Query{Text: "w0 w3 w17 w80"}, 100)
		if err != nil {
			return "", err
		}
		d, _, err := x.Document(hits[0].ID)
		return fmt.Sprint(hits, d), err
	}
	want, err := search(whole)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 12))
	seen := 0
	for i := range 400 {
		data := bytes.Clone(whole)
		if i%8 == 0 {
			data = data[:r.IntN(len(data))]
		} else {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		got, err := search(data)
		if err == nil && got != want {
			t.Fatal("other hits and no error")
		}
		if err != nil {
			seen++
		}
	}
	if seen < 200 {
		t.Fatalf("only %d of 400 damages were seen", seen)
	}
}
