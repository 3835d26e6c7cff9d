package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fuseFiles writes two small runs and judgements of half of their queries.
func fuseFiles(t *testing.T) (a, b, qrels string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a = write("a.run", "q1 Q0 d1 1 9 a\nq1 Q0 d2 2 8 a\nq2 Q0 d1 1 3 a\nq2 Q0 d3 2 1 a\n")
	b = write("b.run", "q1 Q0 d0 1 0.5 b\nq1 Q0 d2 2 0.4 b\nq2 Q0 d3 1 0.9 b\nq3 Q0 d5 1 0.1 b\n")
	return a, b, write("train.qrels", "q1 0 d0 1\n")
}

func fuse(args ...string) (stdout, stderr string, err error) {
	var out, warn bytes.Buffer
	c := fuseCommand()
	c.SetOut(&out)
	c.SetErr(&warn)
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.ExecuteContext(context.Background())
	return out.String(), warn.String(), err
}

func TestFuseCommand(t *testing.T) {
	a, b, _ := fuseFiles(t)
	out, warn, err := fuse("--tag", "x", a, b)
	if err != nil {
		t.Fatal(err)
	}
	// 1/62+1/62 = 0.032258, 1/61 = 0.016393; ties by document descending.
	want := `q1 Q0 d2 1 0.032258064 x
q1 Q0 d1 2 0.016393442 x
q1 Q0 d0 3 0.016393442 x
q2 Q0 d3 1 0.032522473 x
q2 Q0 d1 2 0.016393442 x
q3 Q0 d5 1 0.016393442 x
`
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	if !strings.Contains(warn, "a.run lacks 1 of 3 queries") {
		t.Errorf("no warning: %q", warn)
	}
}

// The weights are tuned on q1, where b alone puts the relevant d0 first, and q1 is not in the output.
func TestFuseTunes(t *testing.T) {
	a, b, qrels := fuseFiles(t)
	out, warn, err := fuse("--method", "convex", "--tune", qrels, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(warn, "weights 0.4,0.6: nDCG@10 1.0000 on the queries of ") || strings.Contains(out, "q1 ") || !strings.Contains(out, "q2 Q0 d1 1 0.4 ") {
		t.Errorf("stdout %q, stderr %q", out, warn)
	}
}

func TestFuseCommandRefuses(t *testing.T) {
	a, b, qrels := fuseFiles(t)
	for why, args := range map[string][]string{
		"unknown: rrf, isr":        {"--method", "wsum", a, b},
		"ranks only":               {"--norm", "min-max", a, b},
		"3 weights for 2 lists":    {"--weights", "1,2,3", a, b},
		"k must be above 0":        {"--k", "0", a, b},
		"without blanks":           {"--tag", "a b", a, b},
		"standard input is given":  {"-", "-"},
		"not both":                 {"--weights", "1,1", "--tune", qrels, a, b},
		"knows no weights to tune": {"--method", "isr", "--tune", qrels, a, b},
		"--measure nonsense":       {"--measure", "nonsense", "--tune", qrels, a, b},
		"theoretical minima":       {"--method", "convex", "--norm", "tmm", a, b},
	} {
		out, _, err := fuse(args...)
		if _, usage := err.(usageError); !usage || !strings.Contains(err.Error(), why) || out != "" {
			t.Errorf("%v: %v, printed %q", args, err, out)
		}
	}
	if _, _, err := fuse(a, filepath.Join(t.TempDir(), "missing.run")); err == nil || !strings.Contains(err.Error(), "missing.run") {
		t.Errorf("a missing file: %v", err)
	}
}
