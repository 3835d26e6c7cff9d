package index

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// tag is a tag of the pages; other angle brackets in them are comparisons.
var tag = regexp.MustCompile(`</?(html|pre)>`)

// cacmTopic is a query of CACM's topic file: number, text.
var cacmTopic = regexp.MustCompile(`(?s)<DOCNO>\s*(\d+)\s*</DOCNO>(.*?)</DOC>`)

// cacmPages are the documents of Anserini's CACM collection: the text of its HTML pages.
func cacmPages(t *testing.T, path string) []labrador.Document {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var docs []labrador.Document
	for pages := tar.NewReader(z); ; {
		h, err := pages.Next()
		if err == io.EOF {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".html") {
			continue
		}
		page, err := io.ReadAll(pages)
		if err != nil {
			t.Fatal(err)
		}
		text := tag.ReplaceAllString(string(page), " ")
		docs = append(docs, labrador.Document{ID: strings.TrimSuffix(filepath.Base(h.Name), ".html"), Text: text})
	}
}

// TestCACM compares with Anserini's own regressions on its CACM collection (configs/cacm.yaml): -bm25, -bm25 -rm3, -qld and
// -qld -rm3, and the first run hit by hit.
func TestCACM(t *testing.T) {
	dir := outside.Data(t, "reference/anserini")
	text, err := os.ReadFile(filepath.Join(outside.Data(t, "reference/anserini-tools"), "topics.cacm.txt"))
	if err != nil {
		t.Fatal(err)
	}
	pages := cacmPages(t, filepath.Join(dir, "cacm.tar.gz"))
	x := buildDocuments(t, pages, BM25Options{})
	if s := x.Stats()[0]; s.Documents != 3204 || s.Tokens != 320968 || s.Terms != 14363 {
		t.Errorf("counts %+v, want 3204 documents, 320968 terms, 14363 different", s)
	}
	qrels, err := labrador.ReadQrels(filepath.Join(dir, "qrels.cacm.txt"))
	if err != nil {
		t.Fatal(err)
	}
	search := func(s labrador.Searcher, ap, p30 float64) labrador.Run {
		t.Helper()
		run := labrador.Run{}
		for _, m := range cacmTopic.FindAllStringSubmatch(string(text), -1) {
			if run[m[1]], err = s.Search(context.Background(), labrador.Query{ID: m[1], Text: m[2]}, 1000); err != nil {
				t.Fatal(err)
			}
		}
		got := means(t, []string{"AP", "P@30"}, qrels, run)
		if math.Abs(got[0]-ap) > .00005 || math.Abs(got[1]-p30) > .00005 {
			t.Errorf("AP, P@30: got %.4f, want [%.4f %.4f]", got, ap, p30)
		}
		return run
	}
	rm3 := func(x *BM25) labrador.Searcher {
		r, err := x.RM3(RM3Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	run := search(x, .3123, .1942)
	compareRuns(t, "cacm", run, filepath.Join(dir, "cacm-bm25.txt"))
	search(rm3(x), .3648, .2224)
	ql := buildDocuments(t, pages, BM25Options{Variant: "ql"})
	search(ql, .3265, .1942)
	search(rm3(ql), .3629, .2250)
}

// compareRuns compares hit by hit with a run that Anserini wrote: its scores are rounded to four decimals and then lowered in
// steps of 0.000001 where they tie.
func compareRuns(t *testing.T, name string, run labrador.Run, path string) {
	t.Helper()
	want := readInOrder(t, path)
	hits, moved, worst := 0, 0, 0.0
	for q, list := range want {
		if len(run[q]) < len(list) {
			t.Errorf("%s, query %s: %d hits, Anserini has %d", name, q, len(run[q]), len(list))
			continue
		}
		for i, h := range list {
			hits++
			if run[q][i].ID != h.ID {
				moved++
			}
			worst = max(worst, math.Abs(float64(run[q][i].Score-h.Score)))
		}
	}
	t.Logf("%s: %d hits, %d in another place, scores up to %.6f apart", name, hits, moved, worst)
	if moved > 0 {
		t.Errorf("%s: %d of %d hits are in another place", name, moved, hits)
	}
	if worst > .0012 { // half of the last of four decimals, and the steps of some hundred ties
		t.Errorf("%s: a score differs by %v", name, worst)
	}
}

// readInOrder reads a run in the order of the file, which is Anserini's: some of its scores tie after all.
func readInOrder(t *testing.T, path string) labrador.Run {
	t.Helper()
	f, err := labrador.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run := labrador.Run{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		l, err := labrador.ParseRunLine(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		q := string(l.Query)
		run[q] = append(run[q], labrador.Hit{ID: string(l.Doc), Score: l.Score})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return run
}

// TestAnseriniRuns compares hit by hit with runs of Anserini 1.7.1 over BEIR folders.
func TestAnseriniRuns(t *testing.T) {
	for _, name := range []string{"text/scifact", "text/cranfield", "code/mbpp"} {
		x, dir := buildFolder(t, name, BM25Options{NoDocuments: true})
		_, run := runFolder(t, x, dir, 1000)
		compareRuns(t, name, run, filepath.Join(outside.Data(t, "reference/anserini"), filepath.Base(name)+".flat.run.gz"))
	}
}
