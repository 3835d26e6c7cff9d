package vectors

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
)

func TestParseIDs(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"lines":   {"a\nb c\r\n  d\t\n\n", []string{"a", "b c", "d"}},
		"strings": {"\"a\"\n\"\\u00e9\\\"\"\n", []string{"a", "é\""}},
		"objects": {"{\"_id\": \"a\", \"id\": \"x\"}\n{\"text\": \"t\", \"doc_id\": 12}\n{\"query_id\":\"q\"}", []string{"a", "12", "q"}},
		"none":    {"", nil},
	} {
		got, err := parseIDs(strings.NewReader(c.text))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for text, why := range map[string]string{
		"a\nb\na\n":              "line 3: id \"a\" is on line 1 already",
		"a\n\nb\n":               "line 2 is empty",
		"{\"_id\": \"\"}\n":      "line 1: the id is empty",
		"a\n{\"name\": \"b\"}\n": "line 2: the object has none of the keys",
		"{\"_id\": null}\n":      "neither a string nor a whole number",
		"{\"_id\": 1.5}\n":       "neither a string nor a whole number",
		"{\"_id\": \"a\"\n":      "line 1: is no JSON object",
		"\"a\n":                  "line 1: is no JSON string",
	} {
		if _, err := parseIDs(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %s", text, err, why)
		}
	}
}

func FuzzParseIDs(f *testing.F) {
	f.Add("a\nb\n")
	f.Add("{\"_id\": \"a\"}\n\"b\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := parseIDs(strings.NewReader(text))
		if err != nil {
			return
		}
		slices.Sort(ids)
		if len(slices.Compact(slices.Clone(ids))) != len(ids) || slices.Contains(ids, "") {
			t.Fatalf("%q gives %q", text, ids)
		}
	})
}

func set(t *testing.T, name string, cols int, rows map[string][]float32) *Set {
	t.Helper()
	m := labrador.Matrix{Cols: cols}
	var ids []string
	for id := range rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		m.Data = append(m.Data, rows[id]...)
		m.Rows++
	}
	s, err := NewSet(name, ids, m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNewSearcherNamesTheBadRow(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := set(t, "q", 2, map[string][]float32{"q": {1, 2}})
	for name, c := range map[string]struct {
		row []float32
		why string
	}{
		"nan":      {[]float32{1, nan}, `row 1 (id "b") holds NaN`},
		"infinity": {[]float32{inf, 1}, `row 1 (id "b") holds NaN or an infinity`},
		"zero":     {[]float32{0, 0}, `row 1 (id "b") is all zeros`},
	} {
		docs := set(t, "docs.npy", 2, map[string][]float32{"a": {1, 1}, "b": c.row, "c": {nan, nan}})
		for _, pair := range [][2]*Set{{docs, good}, {good, docs}} {
			if _, err := NewSearcher(pair[0], pair[1], index.Cosine); err == nil || !strings.Contains(err.Error(), c.why) || !strings.Contains(err.Error(), "docs.npy") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := NewSearcher(set(t, "d", 2, map[string][]float32{"z": {0, 0}}), good, index.InnerProduct); err != nil {
		t.Errorf("a zero row has an inner product: %v", err)
	}
	if _, err := NewSearcher(set(t, "d", 3, map[string][]float32{"z": {0, 0, 1}}), good, index.InnerProduct); err == nil {
		t.Error("2 and 3 dimensions went together")
	}
}

func TestNewSetRefuses(t *testing.T) {
	if _, err := NewSet("x", []string{"a"}, labrador.NewMatrix(2, 2)); err == nil {
		t.Error("1 id for 2 rows accepted")
	}
	if _, err := NewSet("x", []string{"a", "b", "a"}, labrador.NewMatrix(3, 2)); err == nil || !strings.Contains(err.Error(), `rows 0 and 2 have the same id "a"`) {
		t.Errorf("%v", err)
	}
}

func TestOpenSet(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	if err := WriteNPY(path, labrador.Matrix{Rows: 2, Cols: 1, Data: []float32{3, 4}}); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSet(path, ""); err == nil || !strings.Contains(err.Error(), "x.npy.ids") {
		t.Errorf("without ids: %v", err)
	}
	if err := os.WriteFile(path+".ids", []byte("a\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSet(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if row, ok := s.Row("b"); !ok || row[0] != 4 {
		t.Errorf("row of b: %v", row)
	}
	if err := os.WriteFile(path+".ids", []byte("a\nb\nc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSet(path, ""); err == nil || !strings.Contains(err.Error(), "2 rows for 3 ids") {
		t.Errorf("3 ids: %v", err)
	}
}

// Small whole numbers make many ties and exact scores: the result must be the definition's, for every k.
func TestSearchEqualsTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(prefix string, n, cols int) map[string][]float32 {
		rows := map[string][]float32{}
		for i := range n {
			row := make([]float32, cols)
			for j := range row {
				row[j] = float32(rng.IntN(3) - 1)
			}
			row[rng.IntN(cols)] = 1
			rows[prefix+strconv.Itoa(i)] = row
		}
		return rows
	}
	for _, cols := range []int{1, 3, 8, 13, 64} {
		docs, queries := random("d", 200, cols), random("q", 40, cols)
		for _, metric := range []index.Metric{index.InnerProduct, index.Cosine} {
			s, err := NewSearcher(set(t, "d", cols, docs), set(t, "q", cols, queries), metric)
			if err != nil {
				t.Fatal(err)
			}
			var batch []labrador.Query
			for id := range queries {
				batch = append(batch, labrador.Query{ID: id})
			}
			for _, k := range []int{0, 1, 7, 200, 1000} {
				lists, err := s.SearchBatch(context.Background(), batch, k)
				if err != nil {
					t.Fatal(err)
				}
				for i, q := range batch {
					checkList(t, lists[i], queries[q.ID], docs, metric, k)
				}
				one, err := s.Search(context.Background(), batch[3], k)
				if err != nil || !slices.Equal(one, lists[3]) {
					t.Fatalf("one query alone: %v, %v; in the batch %v", one, err, lists[3])
				}
			}
		}
	}
}

func checkList(t *testing.T, got []labrador.Hit, query []float32, docs map[string][]float32, metric index.Metric, k int) {
	t.Helper()
	if len(got) != min(k, len(docs)) {
		t.Fatalf("%d hits for k %d", len(got), k)
	}
	if !slices.IsSortedFunc(got, labrador.CompareHits) {
		t.Fatalf("not best first: %v", got)
	}
	score := func(doc []float32) float64 {
		var product float64
		for j := range doc {
			product += float64(doc[j]) * float64(query[j])
		}
		if metric == index.Cosine {
			product /= length(doc) * length(query)
		}
		return product
	}
	var all []labrador.Hit
	for id, doc := range docs {
		all = append(all, labrador.Hit{ID: id, Score: float32(score(doc))})
	}
	labrador.SortHits(all)
	for i, h := range got {
		want := float32(score(docs[h.ID]))
		if math.Abs(float64(h.Score-want)) > 3e-7 || math.Abs(float64(all[i].Score-h.Score)) > 3e-7 {
			t.Fatalf("hit %d: %v, its score is %v and the place's %v", i, h, want, all[i])
		}
		if metric == index.InnerProduct && h != all[i] {
			t.Fatalf("hit %d: %v, want %v", i, h, all[i])
		}
	}
}

func TestSearchStops(t *testing.T) {
	one := set(t, "d", 1, map[string][]float32{"a": {1}})
	s, err := NewSearcher(one, one, index.Cosine)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := s.Search(ctx, labrador.Query{ID: "a"}, 1); err != context.Canceled {
		t.Errorf("cancelled search: %v", err)
	}
	if _, err := s.Search(context.Background(), labrador.Query{ID: "b"}, 1); err == nil || !strings.Contains(err.Error(), `query "b"`) {
		t.Errorf("query without a vector: %v", err)
	}
}
