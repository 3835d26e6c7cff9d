package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exitOf runs a whole command line as main does and returns its exit status, what it prints and what it says.
func exitOf(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	open := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	out, warn := open("out"), open("err")
	oldOut, oldErr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = out, warn
	defer func() { os.Stdout, os.Stderr = oldOut, oldErr }()
	status = run(t.Context(), args)
	read := func(f *os.File) string {
		defer f.Close()
		f.Seek(0, io.SeekStart)
		b, _ := io.ReadAll(f)
		return string(b)
	}
	return status, read(out), read(warn)
}

// TestEvalExitStatus: 0 done, 1 a file is wrong, 2 the command line is; an error is one line that says what to do, and nothing is printed with it.
func TestEvalExitStatus(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	qrels, hits := evalData("qrels"), evalData("run")
	prefs := filepath.Join("..", "..", "eval", "testdata", "prefs", "prefs")
	prefsRun := filepath.Join("..", "..", "eval", "testdata", "prefs", "run")
	nowhere, empty := filepath.Join(dir, "nowhere"), file("empty", "")
	for name, c := range map[string]struct {
		args   []string
		status int
		says   []string
	}{
		"done":                 {[]string{qrels, hits}, 0, nil},
		"preferences":          {[]string{"-R", "prefs", prefs, prefsRun}, 0, nil},
		"help":                 {[]string{"--help"}, 0, nil},
		"swapped":              {[]string{hits, qrels}, 1, []string{hits + ":", "looks like a run", "QRELS RUN"}},
		"two runs":             {[]string{hits, hits}, 1, []string{hits + ":", "judgements come first"}},
		"two qrels":            {[]string{qrels, qrels}, 1, []string{qrels + ":", "looks like judgements"}},
		"prefs as qrels":       {[]string{prefs, hits}, 1, []string{"-R prefs"}},
		"qrels as prefs":       {[]string{"-R", "prefs", qrels, hits}, 1, []string{"-R qrels_prefs"}},
		"no judgements":        {[]string{empty, hits}, 1, []string{empty, "holds no judgements"}},
		"only comments":        {[]string{file("comments", "# x\n\n"), hits}, 1, []string{"holds no judgements"}},
		"no prefs":             {[]string{"-R", "prefs", empty, hits}, 1, []string{empty, "holds no judgements"}},
		"no hits":              {[]string{qrels, empty}, 1, []string{empty, "the run has no hits"}},
		"other queries":        {[]string{qrels, file("other", "zz Q0 a 1 1 t\n")}, 1, []string{`"zz"`, "no query has both"}},
		"folder as qrels":      {[]string{dir, hits}, 1, []string{dir, "is a folder"}},
		"folder as run":        {[]string{qrels, dir}, 1, []string{dir, "is a folder"}},
		"no such qrels":        {[]string{nowhere, hits}, 1, []string{nowhere, "no such file"}},
		"no such run":          {[]string{qrels, nowhere}, 1, []string{nowhere, "no such file"}},
		"no such baseline":     {[]string{"--baseline", nowhere, qrels, hits}, 1, []string{nowhere, "no such file"}},
		"no such z-scores":     {[]string{"-Z", nowhere, qrels, hits}, 1, []string{nowhere, "no such file"}},
		"cut gzip":             {[]string{qrels, file("cut.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")}, 1, []string{"cut.gz"}},
		"run without tag":      {[]string{qrels, file("tagless", "1 Q0 a 1 2.5\n")}, 1, []string{"tagless:1: 5 columns, a run has 6: query Q0 document rank score tag\n"}},
		"underscore":           {[]string{qrels, file("score", "1 Q0 a 1 1_000 t\n")}, 1, []string{`score:1: score "1_000" is not a number`}},
		"grade underscore":     {[]string{file("grade", "1 0 a 1_0.0\n"), hits}, 1, []string{`grade:1: grade "1_0.0" is not a whole number`}},
		"broken line":          {[]string{qrels, file("broken", "1 Q0 a 1 high t\n")}, 1, []string{"broken:1:", `"high" is not a number`}},
		"one file":             {[]string{qrels}, 2, []string{"QRELS and at least one RUN"}},
		"no file":              {nil, 2, []string{"QRELS and at least one RUN"}},
		"standard input twice": {[]string{"-", "-"}, 2, []string{"standard input"}},
		"unknown flag":         {[]string{"--nonsense", qrels, hits}, 2, []string{"nonsense"}},
		"unknown measure":      {[]string{"-m", "ndgc_cut_10", qrels, hits}, 2, []string{"did you mean ndcg_cut_10?"}},
		"unknown form":         {[]string{"-R", "grades", qrels, hits}, 2, []string{`"grades"`, "qrels_jg"}},
		"measure of no grades": {[]string{"-R", "prefs", "-m", "map", prefs, prefsRun}, 2, []string{"map needs", "qrels", "all_prefs"}},
		"level":                {[]string{"-l", "x", qrels, hits}, 2, []string{"-l"}},
	} {
		status, out, warn := exitOf(t, append([]string{"eval"}, c.args...)...)
		if status != c.status {
			t.Errorf("%s: exit status %d, want %d; %s", name, status, c.status, warn)
		}
		if status == 0 && out == "" {
			t.Errorf("%s: printed nothing", name)
		}
		if status != 0 && (out != "" || strings.Count(warn, "\n") != 1 || !strings.HasPrefix(warn, "labrador: ")) {
			t.Errorf("%s: printed %q and said %q, want one line on stderr", name, out, warn)
		}
		for _, s := range c.says {
			if !strings.Contains(warn, s) {
				t.Errorf("%s: said %q, want %q in it", name, warn, s)
			}
		}
	}
}

// TestEvalHelpTeaches: what the help names can be asked for.
func TestEvalHelpTeaches(t *testing.T) {
	_, help, _ := exitOf(t, "eval", "--help")
	for _, s := range []string{"labrador eval qrels.txt run.txt", "nDCG@10", "-R prefs", "--baseline", "all_trec", "Exit status"} {
		if !strings.Contains(help, s) {
			t.Errorf("the help lacks %q", s)
		}
	}
	for _, m := range strings.Fields("nDCG@10 AP RR@10 P@10 R@100 Success@1 Rprec Bpref infAP ERR@20 RBP(p=0.8) Judged@10 SetP SetR SetF GMAP NumRet NumRel " +
		"map ndcg ndcg_cut_10 P_10 recall_100 recip_rank success_1 bpref iprec_at_recall_0.50 set_F official all_trec set") {
		if !strings.Contains(help, m) {
			t.Errorf("the help lacks %q", m)
		}
		if _, _, err := evalTest(t, "-m", m, evalData("qrels"), evalData("run")); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
}
