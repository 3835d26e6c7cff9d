package eval

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// printGroups evaluates from the file and from memory, requires the same output and returns it.
func printGroups(t *testing.T, form Form, judgements, run string, opts Options, measures ...string) string {
	t.Helper()
	ms, err := ParseAll(measures)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := ReadGroups(judgements, form)
	if err != nil {
		t.Fatal(err)
	}
	r, err := groups.File(t.Context(), ms, run, opts)
	if err != nil {
		t.Fatal(err)
	}
	hits, err := labrador.ReadRun(run)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := groups.PerQuery(ms, hits, opts)
	if err != nil {
		t.Fatal(err)
	}
	r2.RunID = r.RunID
	var fromFile, fromMemory bytes.Buffer
	WriteTrec(&fromFile, r, true, true)
	WriteTrec(&fromMemory, r2, true, true)
	if fromFile.String() != fromMemory.String() {
		t.Errorf("%s: file and memory differ:\n%s", judgements, diff(fromFile.String(), fromMemory.String()))
	}
	return fromFile.String()
}

// TestTrecEvalGroups compares byte by byte with the outputs that come with trec_eval 10 for its other forms of judgements (Makefile, quicktest).
func TestTrecEvalGroups(t *testing.T) {
	dir := outside.Data(t, "reference/trec_eval/test")
	for _, c := range []struct {
		form                            Form
		judgements, run, want, measures string
	}{
		{Prefs, "prefs.test", "prefs.results.test", "out.test.prefs", "all_prefs"},
		{Prefs, "prefs.comment.test", "prefs.results.test", "out.test.prefs", "all_prefs"},
		{QrelsPrefs, "qrels.test", "results.test", "out.test.qrels_prefs", "all_prefs"},
		{QrelsGroup, "qrels.123", "results.test", "out.test.qrels_jg", "qrels_jg"},
		{QrelsGroup, "qrels.comments.123", "results.test", "out.test.qrels_jg", "qrels_jg"},
	} {
		want, err := os.ReadFile(filepath.Join(dir, c.want))
		if err != nil {
			t.Fatal(err)
		}
		if got := printGroups(t, c.form, filepath.Join(dir, c.judgements), filepath.Join(dir, c.run), Options{}, c.measures); got != string(want) {
			t.Errorf("%s: %s", c.judgements, diff(got, string(want)))
		}
	}
}
