package eval

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

func fuzzRun() labrador.Run {
	return labrador.Run{"q": {{ID: "x", Score: 9}, {ID: "d", Score: 8}, {ID: "b", Score: 8}, {ID: "c", Score: 1}, {ID: "y", Score: 0}, {ID: "a", Score: -1}}}
}

func write(t testing.TB, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// synthetic makes a run of queries x depth lines with ties, and judgements of some of its documents.
func synthetic(queries, depth int, seed uint64) (labrador.Qrels, []string) {
	rng := rand.New(rand.NewPCG(seed, 1))
	qrels := labrador.Qrels{}
	var lines []string
	for q := range queries {
		docs := map[string]int{}
		for i := range depth {
			doc := fmt.Sprintf("d%d", i*7919%100003)
			lines = append(lines, fmt.Sprintf("q%d Q0 %s %d %.1f tag\n", q, doc, i+1, 20*rng.Float64()))
			if rng.IntN(10) == 0 {
				docs[doc] = rng.IntN(5) - 1
			}
		}
		docs["elsewhere"] = 1
		qrels[fmt.Sprintf("q%d", q)] = docs
	}
	return qrels, lines
}

func all(t testing.TB) []Measure {
	ms, err := ParseAll([]string{"all_trec", "nDCG@10", "ERR@20", "Judged@7", "RBP(rel=2)"})
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

func printed(r *Result) string {
	var b bytes.Buffer
	WriteTrec(&b, r, true, true)
	return b.String()
}

// TestFileForms measures the same hits from files of several blocks in several forms; all must print what PerQuery does.
func TestFileForms(t *testing.T) {
	qrels, lines := synthetic(300, 700, 1)
	plain := strings.Join(lines, "")
	if len(plain) < blockSize {
		t.Fatalf("the run has %d bytes, less than a block", len(plain))
	}
	run, err := labrador.ReadRun(write(t, []byte(plain)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := PerQuery(all(t), qrels, run, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.RunID = "tag"
	want := printed(r)
	shuffled := append([]string(nil), lines...)
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var gz bytes.Buffer
	z, _ := gzip.NewWriterLevel(&gz, 1)
	z.Write([]byte(plain))
	z.Close()
	for name, text := range map[string][]byte{
		"plain": []byte(plain), "gzip": gz.Bytes(), "no last end of line": []byte(strings.TrimSuffix(plain, "\n")), "CRLF": []byte(strings.ReplaceAll(plain, "\n", "\r\n")),
		"comments and blanks": []byte("\xef\xbb\xbf# comment\n" + strings.ReplaceAll(plain, "tag\n", "tag\n\n# x\n")), "shuffled": []byte(strings.Join(shuffled, "")),
	} {
		r, err := File(t.Context(), all(t), qrels, write(t, text), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := printed(r); got != want {
			t.Errorf("%s: %s", name, diff(got, want))
		}
	}
}

// TestFileOneHugeQuery: a query that fills several blocks.
func TestFileOneHugeQuery(t *testing.T) {
	qrels, lines := synthetic(1, 90_000, 2)
	text := strings.ReplaceAll(strings.Join(lines, ""), "tag", strings.Repeat("t", 90))
	if len(text) < 2*blockSize {
		t.Fatalf("%d bytes", len(text))
	}
	r, err := File(t.Context(), all(t), qrels, write(t, []byte("q9 Q0 a 1 1 t\n"+text+"q8 Q0 a 1 1 t\n")), Options{})
	if err != nil || r.Values[1+1][0] != 90_000 || r.Unjudged != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestFileRefuses(t *testing.T) {
	qrels := labrador.Qrels{"q": {"a": 1}, "r": {"a": 1}}
	_, lines := synthetic(1, 100, 1)
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write([]byte("q Q0 a 1 1 t\nr Q0 a 1 1 t\n"))
	z.Close()
	cut := gz.Bytes()[:gz.Len()-6]
	for name, c := range map[string]struct {
		text string
		says []string
	}{
		"twice":              {"q Q0 b 1 3 t\nq Q0 a 1 3 t\nq Q0 b 2 2 t\n", []string{"query q", "document b", "twice"}},
		"twice, apart":       {"q Q0 b 1 3 t\nr Q0 a 1 3 t\nq Q0 b 2 2 t\n", []string{"query q", "document b", "twice"}},
		"score":              {"q Q0 b 1 3 t\n\nq Q0 a 1 x t\n", []string{"run:3:", `"x"`}},
		"columns":            {strings.Join(lines, "") + "q Q0 b\n", []string{"run:101:", "3 columns"}},
		"long line":          {"q Q0 b 1 1 t\nq" + strings.Repeat("x", 6<<20), []string{"run:2:", "longer"}},
		"long line, ended":   {"q Q0 b 1 1 t\nq" + strings.Repeat("x", 2<<20) + "\n", []string{"run:2:", "longer"}},
		"no common query":    {"z Q0 b 1 3 t\n", []string{"no query has both"}},
		"empty":              {"", []string{"no query has both"}},
		"cut compression":    {string(cut), []string{"run: ", "unexpected EOF"}},
		"broken compression": {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03broken", []string{"run: "}},
	} {
		_, err := File(t.Context(), all(t), qrels, write(t, []byte(c.text)), Options{})
		for _, s := range c.says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: got %v, want %q in it", name, err, s)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := File(ctx, all(t), qrels, write(t, []byte("q Q0 a 1 1 t\n")), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := File(t.Context(), all(t), labrador.Qrels{"q": {"a": 5}}, write(t, []byte("q Q0 a 1 1 t\n")), Options{}); err == nil || !strings.Contains(err.Error(), "ERR") {
		t.Errorf("grade above ERR's scale: %v", err)
	}
}

func TestPerQueryRefuses(t *testing.T) {
	qrels := labrador.Qrels{"q": {"a": 1}}
	ms, _ := ParseAll([]string{"map"})
	for _, run := range []labrador.Run{{"q": {{ID: "b", Score: 1}, {ID: "b", Score: 0}}}, {"q": {{ID: "b", Score: float32(math.NaN())}}}} {
		if _, err := PerQuery(ms, qrels, run, Options{}); err == nil || !strings.Contains(err.Error(), "query q") || !strings.Contains(err.Error(), "document b") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := PerQuery(ms, qrels, labrador.Run{}, Options{}); !errors.Is(err, ErrNothing) {
		t.Errorf("got %v", err)
	}
	if _, err := PerQuery([]Measure{{}}, qrels, labrador.Run{}, Options{}); err == nil {
		t.Error("took a zero Measure")
	}
}

// FuzzFile compares the streaming reader with the plain one on any bytes.
func FuzzFile(f *testing.F) {
	f.Add([]byte("q Q0 a 1 1 t\nq Q0 b 1 1 t\nr Q0 a 1 3 t\nq Q0 c 2 2 t\n"))
	f.Add([]byte("q\tQ0\ta\t1\t1e400\tt\r\n\n#x\n"))
	qrels := labrador.Qrels{"q": {"a": 1, "b": 0}, "r": {"a": 2}}
	ms, _ := ParseAll([]string{"all_trec"})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, fmt.Sprint("run", os.Getpid()))
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		opts := Options{Complete: true}
		got, err := File(t.Context(), ms, qrels, path, opts)
		run, rerr := labrador.ReadRun(path)
		if rerr != nil || err != nil {
			// The plain reader also refuses documents twice in queries without judgements.
			if err != nil && rerr == nil {
				t.Fatalf("File: %v", err)
			}
			return
		}
		want, err := PerQuery(ms, qrels, run, opts)
		if err != nil {
			t.Fatal(err)
		}
		want.RunID = got.RunID
		if printed(got) != printed(want) {
			t.Fatal(diff(printed(got), printed(want)))
		}
	})
}

// BenchmarkFile measures 1,000 queries of 1,000 hits; a run of the MS MARCO development set has 6,980.
func BenchmarkFile(b *testing.B) {
	qrels, lines := synthetic(1000, 1000, 1)
	text := []byte(strings.Join(lines, ""))
	path := write(b, text)
	for _, name := range []string{"nDCG@10", "all_trec"} {
		ms, err := ParseAll([]string{name})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := File(b.Context(), ms, qrels, path, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/line")
		})
	}
}

// TestFileFromPipe: a pipe cannot be read twice, which a run in pieces needs.
func TestFileFromPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("no /dev/fd here")
	}
	w.WriteString("q Q0 a 1 1 t\nr Q0 a 1 1 t\nq Q0 b 2 3 t\n")
	w.Close()
	ms, _ := ParseAll([]string{"RR"})
	res, err := File(t.Context(), ms, labrador.Qrels{"q": {"a": 1}, "r": {"a": 1}}, path, Options{})
	if err != nil || res.Overall[0] != 0.75 {
		t.Errorf("got %v, %v", res, err)
	}
}

// BenchmarkPerQuery measures the same in memory.
func BenchmarkPerQuery(b *testing.B) {
	qrels, lines := synthetic(1000, 1000, 1)
	run, err := labrador.ReadRun(write(b, []byte(strings.Join(lines, ""))))
	if err != nil {
		b.Fatal(err)
	}
	ms, _ := ParseAll([]string{"nDCG@10"})
	for b.Loop() {
		if _, err := PerQuery(ms, qrels, run, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(lines)), "ns/hit")
}

// TestRanksAgree compares counting and sorting with labrador's order of hits, ties, both zeros and infinities included.
func TestRanksAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	inf := float32(math.Inf(1))
	scores := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, 1e-45, -1e-45, 2.5}
	for range 200 {
		var hits []labrador.Hit
		var g, h grouper
		for i := range 1 + rng.IntN(30) {
			hits = append(hits, labrador.Hit{ID: fmt.Sprint(rng.IntN(1000), "-", i), Score: scores[rng.IntN(len(scores))]})
			g.add(hits[i].ID, hits[i].Score)
			g.ranking.pooled = append(g.ranking.pooled, pooled{i, i})
		}
		h.hits, h.ranking.pooled = g.hits, append(h.ranking.pooled, g.ranking.pooled...)
		g.countRanks()
		h.sortRanks()
		order := append([]labrador.Hit(nil), hits...)
		labrador.SortHits(order)
		for rank := range order {
			a, b := g.ranking.pooled[rank], h.ranking.pooled[rank]
			if a != b || a.rank != rank || hits[a.grade] != order[rank] {
				t.Fatalf("rank %d: counted %v, sorted %v, want %v", rank, hits[a.grade], hits[b.grade], order[rank])
			}
		}
	}
}
