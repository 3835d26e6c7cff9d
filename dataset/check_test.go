package dataset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

func check(t *testing.T, ref Ref) *CheckReport {
	t.Helper()
	r, err := Check(t.Context(), mustOpen(t, ref), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCheckFindsEverything: testdata/flawed has one of each.
func TestCheckFindsEverything(t *testing.T) {
	r := check(t, Ref{Path: "testdata/flawed"})
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %s %d %s", f.Level, f.Kind, f.Count, strings.Join(f.Examples, ",")))
	}
	want := []string{
		"error judged-twice 1 q2 d2",
		"error duplicate-query-id 1 q2",
		"error judged-query-missing 1 q9",
		"error relevant-document-missing 1 q1 gone",
		"error duplicate-document-id 1 d2",
		"error identical-documents 1 d2 = d5",
		"warning no-relevant-document 1 q4",
		"warning empty-query 1 q4",
		"warning judged-document-missing 1 q1 gone0",
		"warning empty-document 1 d3",
		"warning blank-in-id 1 d\u00a04",
		"warning bad-utf8 1 line 8",
		"warning query-is-document 1 q3 = d6",
		"warning query-is-document 1 q6 = d5",
		"warning split-overlap 1 q2 = t1",
		"note query-without-judgement 1 q5",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.Documents != 8 || r.Queries != 5 || r.Errors() != 6 || r.Warnings() != 9 {
		t.Errorf("%+v", r)
	}
}

// TestCheckGoesOnBehindBadIDs: ids that everything else refuses are counted, with their lines, and what is behind them is checked.
func TestCheckGoesOnBehindBadIDs(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"corpus.jsonl": `{"_id":"a b","text":"one"}` + "\n" + `{"_id":"ok","text":"two"}` + "\n\n" + `{"_id":"t\tb","text":"three"}` + "\n" + `{"_id":"n\nb","text":"four"}` + "\n" +
			`{"_id":"a b","text":"five"}` + "\n" + `{"_id":"n\u00a0b","text":"six"}` + "\n" + `{"_id":"last","text":""}` + "\n",
		"queries.test.tsv": "q 1\twhat\nq2\twhere\n",
		"queries.dev.tsv":  "d 1\twhere\nd2\twhere\n",
		"qrels/test.tsv":   "query-id\tcorpus-id\tscore\nq2\tok\t1\n",
		"qrels/dev.tsv":    "query-id\tcorpus-id\tscore\nd2\tok\t1\n",
	} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	r := check(t, Ref{Path: dir})
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %s %d %s", f.Level, f.Kind, f.Count, strings.Join(f.Examples, ", ")))
	}
	want := []string{
		`error bad-id 1 line 1: "q 1"`,
		`error bad-id 4 line 1: "a b", line 4: "t\tb", line 5: "n\nb", line 6: "a b"`,
		"error duplicate-document-id 1 a b",
		"warning empty-document 1 last",
		"warning blank-in-id 1 n\u00a0b",
		"warning split-overlap 1 q2 = d2",
		"note query-without-judgement 1 q 1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || r.Documents != 7 {
		t.Errorf("%d documents\n%s\nwant\n%s", r.Documents, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for doc, err := range mustOpen(t, Ref{Path: dir}).Documents() {
		if err == nil || !strings.Contains(err.Error(), `corpus.jsonl:1: id "a b"`) {
			t.Errorf("read %v, %v", doc, err)
		}
	}
}

func TestCheckQueriesThatAreDocuments(t *testing.T) {
	no := false
	for _, test := range []struct {
		drop *bool
		want string
	}{{nil, "note own-document"}, {&no, "warning own-document"}} {
		r := check(t, Ref{Path: "testdata/arguana", DropSelf: test.drop})
		var own string
		for _, f := range r.Findings {
			if f.Kind == "own-document" {
				own = f.Level + " " + f.Kind
			}
		}
		if own != test.want || r.Errors() != 1 || r.Findings[0].Kind != "relevant-document-missing" || r.Findings[0].Examples[0] != "pro2 con2b" {
			t.Errorf("%q: %+v", own, r.Findings)
		}
	}
}

// TestCapOfIdenticalDocuments works through testdata/sql by hand: four questions have the same answer, each its own copy of it, the
// fifth an answer of its own. A system that cannot tell the copies apart has the right one at each of the ranks 1 to 4 with chance 1/4.
func TestCapOfIdenticalDocuments(t *testing.T) {
	r := check(t, Ref{Path: "testdata/sql"})
	one := (1 + 1/math.Log2(3) + 1/math.Log2(4) + 1/math.Log2(5)) / 4
	if want := (4*one + 1) / 5; math.Abs(r.Caps.NDCG10-want) > 1e-12 || r.Caps.R10 != 1 || r.Ideal.NDCG10 != 1 {
		t.Errorf("%+v, want nDCG@10 %.6f", r.Caps, want)
	}
	if f := r.Findings[0]; f.Level != LevelError || f.Kind != "identical-documents" || !strings.Contains(f.Message, "4 of 5 relevant answers (80.0 %) in 4 queries") {
		t.Errorf("%+v", f)
	}
}

// TestCapByTrial compares with the mean over all orders that a system blind to copies may give.
func TestCapByTrial(t *testing.T) {
	twins := Twins{"a": "a", "b": "a", "c": "a"}
	sizes := map[string]int{"a": 3}
	qrels := labrador.Qrels{"q": {"a": 2, "b": 1, "x": 1}}
	got := caps(qrels, 1, twins, sizes)
	grades := map[string]float64{"a": 2, "b": 1, "x": 1}
	orders := [][]string{{"a", "b", "c"}, {"a", "c", "b"}, {"b", "a", "c"}, {"b", "c", "a"}, {"c", "a", "b"}, {"c", "b", "a"}}
	ideal := dcg10([]float64{2, 1, 1})
	best := 0.0
	for _, xFirst := range []bool{true, false} {
		sum := 0.0
		for _, o := range orders {
			order := append(append([]string{}, o...), "x")
			if xFirst {
				order = append([]string{"x"}, o...)
			}
			var gains []float64
			for _, id := range order {
				gains = append(gains, grades[id])
			}
			sum += dcg10(gains) / ideal / float64(len(orders))
		}
		best = max(best, sum)
	}
	if math.Abs(got.NDCG10-best) > 1e-12 || math.Abs(got.R10-1) > 1e-12 {
		t.Errorf("got %+v, by trial %.6f", got, best)
	}
}

func TestTwins(t *testing.T) {
	twins, err := mustOpen(t, Ref{Path: "testdata/sql"}).Twins(t.Context())
	if err != nil || fmt.Sprint(twins) != "map[s1:s1 s2:s1 s3:s1 s4:s1]" {
		t.Fatal(twins, err)
	}
	run := twins.Run(labrador.Run{"q3": {{ID: "s4", Score: 3}, {ID: "s5", Score: 2}, {ID: "s3", Score: 1}}})
	qrels := twins.Qrels(labrador.Qrels{"q3": {"s3": 1, "s4": 0, "s5": 0}})
	if fmt.Sprint(run, qrels) != "map[q3:[{s1 3} {s5 2}]] map[q3:map[s1:1 s5:0]]" {
		t.Error(run, qrels)
	}
	none, err := mustOpen(t, Ref{Path: "testdata/arguana"}).Twins(t.Context())
	if err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}

func TestCheckUnreadable(t *testing.T) {
	dir := write(t, write(t, t.TempDir(), tiny), map[string]string{"corpus.jsonl": tiny["corpus.jsonl"] + "{\"_id\": 1"})
	r := check(t, Ref{Path: dir})
	if r.Errors() != 1 || r.Findings[0].Kind != "unreadable" || !strings.Contains(r.Findings[0].Message, "corpus.jsonl:3") {
		t.Errorf("%+v", r.Findings)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mustOpen(t, Ref{Path: "testdata/sql"}).Twins(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCheckReferenceData: what the public sets are known to have. SciFact's claims 870 and 871 are the same sentence.
func TestCheckReferenceData(t *testing.T) {
	folders := []string{outside.Data(t, "")}
	for name, want := range map[string]int{"scifact": 1, "nfcorpus": 3, "cosqa": 0, "med": 0, "cranfield": 1} {
		r := check(t, Ref{Name: name, Folders: folders})
		if r.Errors() != 0 || r.Warnings() != want {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	if r := check(t, Ref{Name: "java-cs", Split: "valid", Folders: folders}); r.Errors() != 1 || r.Caps.NDCG10 > 0.985 {
		t.Errorf("%+v", r.Findings)
	}
}

func TestPlainHashIsOfPlainText(t *testing.T) {
	seed := newRepeats().seed
	for _, s := range []string{"", " ", "A  b\tC\n", "ÄÖ  İ", "a\u00a0b", "x\xffy", "  lead"} {
		if plainHash(seed, s) != plainHash(seed, plainText(s)) {
			t.Errorf("%q", s)
		}
	}
}
