package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrongUse: a command line that cannot be meant ends with status 2 and one line on standard error that says what is wrong with it.
func TestWrongUse(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	t.Setenv("LABRADOR_DATA", "")
	for line, says := range map[string]string{
		"data show":                                      "0 arguments given: labrador data show DATASET",
		"cache list x":                                   "1 argument given: labrador cache list",
		"data nonsense":                                  `unknown command "nonsense" for "labrador data"`,
		"eval -l abc q r":                                `"abc" for "-l, --level" flag: want a number`,
		"eval -l 99999999999999999999 q r":               "want a smaller number",
		"eval --json=maybe q r":                          "want true or false",
		"fuse --weights a,b x y":                         "want a number",
		"search --tag= index queries":                    "--tag",
		"search -k 0 index queries":                      "-k is 0",
		"prompt --model m --dataset d -n -2":             "-n is -2",
		"prompt --model m --dataset d --max-tokens -1":   "--max-tokens -1",
		"prompt --model m --dataset d --recipe nonsense": "one-word",
	} {
		status, stdout, stderr := exitOf(t, strings.Fields(line)...)
		if status != 2 || stdout != "" || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, prints %q, says %q; want status 2 and %q", line, status, stdout, stderr, says)
		}
	}
}

// TestWrongFiles: a file that cannot be used ends with status 1 and one line that names it.
func TestWrongFiles(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	t.Setenv("LABRADOR_DATA", t.TempDir())
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"empty": "", "run": "q Q0 a 1 1 t\n", "folder/corpus.txt": "x\n", "other.qrels": "zz 0 a 1\n", "queries.tsv": "q\ttext\n",
		"set/corpus.jsonl": `{"_id":"a","text":"text"}` + "\n", "set/queries.jsonl": `{"_id":"q","text":"text"}` + "\n",
		"set/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\ta\t1\n",
	} {
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if status, _, stderr := exitOf(t, "index", "--out", "idx", "bm25", "./set"); status != 0 {
		t.Fatal(stderr)
	}
	for line, says := range map[string]string{
		"fuse run empty":   "empty: holds no hits",
		"data show folder": "folder is no folder or zip in BEIR's layout",
		"search --qrels other.qrels idx queries.tsv": "other.qrels judges none of the 1 queries of queries.tsv",
		"search idx empty":                           "empty: no queries",
	} {
		status, stdout, stderr := exitOf(t, strings.Fields(line)...)
		if status != 1 || stdout != "" || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, prints %q, says %q; want status 1 and %q", line, status, stdout, stderr, says)
		}
	}
	if _, stdout, _ := exitOf(t, "cache", "list", "--json"); stdout != "[]\n" {
		t.Errorf("an empty cache as JSON is %q", stdout)
	}
}
