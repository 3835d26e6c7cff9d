package eval

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// trecCase is one run of trec_eval: its flags and files, and where its output is stored.
type trecCase struct {
	name, qrels, run, want string
	measures               []string
	perQuery               bool
	opts                   Options
}

// print evaluates the case both ways, from the file and from memory, requires the same output and returns it.
func (c trecCase) print(t *testing.T) string {
	t.Helper()
	ms, err := ParseAll(c.measures)
	if err != nil {
		t.Fatal(err)
	}
	qrels, err := labrador.ReadQrels(c.qrels)
	if err != nil {
		t.Fatal(err)
	}
	r, err := File(t.Context(), ms, qrels, c.run, c.opts)
	if err != nil {
		t.Fatal(err)
	}
	var fromFile, fromMemory bytes.Buffer
	WriteTrec(&fromFile, r, c.perQuery, true)
	run, err := labrador.ReadRun(c.run)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := PerQuery(ms, qrels, run, c.opts)
	if err != nil {
		t.Fatal(err)
	}
	r2.RunID = r.RunID
	WriteTrec(&fromMemory, r2, c.perQuery, true)
	if fromFile.String() != fromMemory.String() {
		t.Errorf("%s: file and memory differ:\n%s", c.name, diff(fromFile.String(), fromMemory.String()))
	}
	return fromFile.String()
}

func diff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		return fmt.Sprintf("%d lines, want %d", len(g), len(w))
	}
	var b strings.Builder
	n := 0
	for i := range g {
		if g[i] != w[i] {
			if n++; n <= 10 {
				fmt.Fprintf(&b, "got  %s\nwant %s\n", g[i], w[i])
			}
		}
	}
	fmt.Fprintf(&b, "%d lines differ", n)
	return b.String()
}

// TestTrecEvalReference compares byte by byte with the outputs that come with trec_eval 10 (its test/ folder); the flags are
// those of its Makefile's quicktest.
func TestTrecEvalReference(t *testing.T) {
	dir := outside.Data(t, "reference/trec_eval/test")
	var err error
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []trecCase{
		{want: "out.test", run: "results.test"},
		{want: "out.test.a", run: "results.test", measures: []string{"all_trec"}},
		{want: "out.test.aq", run: "results.test", measures: []string{"all_trec"}, perQuery: true},
		{want: "out.test.aqc", run: "results.trunc", measures: []string{"all_trec"}, perQuery: true, opts: Options{Complete: true}},
		{want: "out.test.aqcM", run: "results.trunc", measures: []string{"all_trec"}, perQuery: true, opts: Options{Complete: true, Depth: 100}},
		{want: "out.test.aql", qrels: "qrels.rel_level", run: "results.test", measures: []string{"all_trec", "relstring.20"}, perQuery: true, opts: Options{Level: 2}},
		{want: "out.test.aqZ", run: "results.test", measures: []string{"all_trec"}, perQuery: true},
		{want: "out.test", qrels: "qrels.test.with-comments", run: "results.test"},
		{want: "out.test.meas_params", run: "results.test", perQuery: true, measures: []string{"iprec_at_recall..10,.20,.25,.75,.50", "P.5,7,3", "recall.20,2000",
			"Rprec_mult.5.0,0.2,0.35", "utility.2,-1,0,0", "11pt_avg..25,.5,.75", "ndcg.1=3,2=9,4=4.5", "ndcg_cut.10,20,23.4", "success.2,5,20"}},
	} {
		c.name = c.want
		if c.want == "out.test.aqZ" {
			if c.opts.ZScores, err = ReadZScores(at("zscores_file")); err != nil {
				t.Fatal(err)
			}
		}
		if c.qrels == "" {
			c.qrels = "qrels.test"
		}
		c.qrels, c.run = at(c.qrels), at(c.run)
		want, err := os.ReadFile(at(c.want))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.print(t); got != string(want) {
			t.Errorf("%s: %s", c.want, diff(got, string(want)))
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
