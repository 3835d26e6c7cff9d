package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// evalTest runs `labrador eval` with args and returns what it prints.
func evalTest(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, warn bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetErr(&warn)
	root.SetArgs(append([]string{"eval"}, args...))
	err = root.ExecuteContext(t.Context())
	return out.String(), warn.String(), err
}

func evalData(name string) string {
	return filepath.Join("..", "..", "eval", "testdata", "trec_eval", name)
}

// TestEvalPrintsAsTrecEval compares with what trec_eval printed for the same flags.
func TestEvalPrintsAsTrecEval(t *testing.T) {
	for file, args := range map[string][]string{
		"all.out":    {"-q", "-c", "-m", "all_trec"},
		"level.out":  {"-qc", "-l2", "-mall_trec"},
		"depth.out":  {"-q", "-c", "-M3", "-m", "all_trec"},
		"judged.out": {"-q", "-c", "-J", "-m", "all_trec"},
	} {
		want, err := os.ReadFile(evalData(file))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := evalTest(t, append(args, evalData("qrels"), evalData("run"))...)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v; got\n%s", file, err, got)
		}
	}
}

// TestEvalBaseline: the third document is relevant once more in "better". p is exact: of 2^5 sign patterns of five equal differences
// two are as extreme, so 2/32; Holm over two comparisons doubles the smaller.
func TestEvalBaseline(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var qrels, base, better strings.Builder
	for _, q := range []string{"1", "2", "3", "4", "5"} {
		qrels.WriteString(q + " 0 a 1\n" + q + " 0 b 1\n")
		base.WriteString(q + " Q0 a 1 3 base\n" + q + " Q0 x 2 2 base\n")
		better.WriteString(q + " Q0 a 1 3 better\n" + q + " Q0 b 2 2 better\n")
	}
	better.WriteString("6 Q0 a 1 1 better\n")
	qrels.WriteString("6 0 a 1\n")
	qr, b, s := file("qrels", qrels.String()), file("base.run", base.String()), file("better.run", better.String())
	out, warn, err := evalTest(t, "-m", "P@2", "-m", "RR", "--baseline", b, "--json", qr, s)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(warn, "base.run: 1 of 6 judged queries have no hits (first: 6)") {
		t.Errorf("warning: %q", warn)
	}
	var doc struct {
		Runs        []struct{ Queries int }
		Comparisons []struct {
			Measure       string
			Queries       int
			Difference, P float64
			MeanA         float64 `json:"mean_a"`
			PAdjusted     float64 `json:"p_adjusted"`
			OnlyRun       int     `json:"only_run"`
			Outcomes      struct{ Wins, Ties, Losses int }
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Comparisons) != 2 || len(doc.Runs) != 2 {
		t.Fatalf("got %s", out)
	}
	c := doc.Comparisons[0]
	if c.Measure != "P@2" || c.Queries != 5 || c.OnlyRun != 1 || c.Difference != 0.5 || c.MeanA != 1 || c.P != 2.0/32 || c.PAdjusted != 4.0/32 || c.Outcomes.Wins != 5 {
		t.Errorf("got %+v", c)
	}
	if c := doc.Comparisons[1]; c.P != 1 || c.Difference != 0 || c.Outcomes.Ties != 5 {
		t.Errorf("got %+v", c)
	}
	out, _, err = evalTest(t, "-m", "P@2", "--baseline", b, qr, s)
	if err != nil || !strings.Contains(out, "the query sets differ: 1 only here, 0 only in the baseline") || !strings.Contains(out, "+0.5000") {
		t.Errorf("%v: %s", err, out)
	}
	out, _, err = evalTest(t, "-q", "-m", "P@2", qr, b, s)
	if err != nil || !strings.Contains(out, "P@2                   \t6    \t       -\t    0.5000") && !strings.Contains(out, "0.5000") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestEvalRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		usage bool
		says  string
	}{
		"measure":  {[]string{"-m", "nonsense", "q", "r"}, true, "unknown measure"},
		"level":    {[]string{"-l", "0", "q", "r"}, true, "levels start at 1"},
		"depth":    {[]string{"-M", "-1", "q", "r"}, true, "negative"},
		"one file": {[]string{"q"}, true, "at least one RUN"},
		"missing":  {[]string{"nowhere", "r"}, false, "nowhere"},
		"stdin":    {[]string{evalData("qrels"), "-", "-"}, true, "standard input"},
	} {
		_, _, err := evalTest(t, c.args...)
		_, usage := err.(usageError)
		if err == nil || usage != c.usage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
