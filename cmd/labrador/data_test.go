package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dataRun runs labrador data with args and returns what it printed.
func dataRun(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, progress bytes.Buffer
	cmd := rootCommand()
	cmd.SetArgs(append([]string{"data"}, args...))
	cmd.SetOut(&out)
	cmd.SetErr(&progress)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func tinyDataset(t *testing.T, qrels string) (folder, dir string) {
	t.Helper()
	folder = t.TempDir()
	dir = filepath.Join(folder, "text", "tiny")
	for name, text := range map[string]string{
		"corpus.jsonl":   `{"_id":"d1","title":"","text":"one"}` + "\n" + `{"_id":"d2","title":"","text":"two"}`,
		"queries.jsonl":  `{"_id":"q1","text":"which is one"}`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\n" + qrels,
		"SOURCE.txt":     "made up\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder, dir
}

func TestDataCommands(t *testing.T) {
	folder, dir := tinyDataset(t, "q1\td1\t1\n")
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"list", "--data", folder}, []string{"gostd-small", "tiny", "text", "test", dir}},
		{[]string{"show", "tiny", "--data", folder}, []string{"2  ", "made up", "q1  which is one", "d1  one"}},
		{[]string{"check", dir}, []string{"tiny, split test: 2 documents, 1 queries, 1 judgements", "0 kinds of errors"}},
	} {
		out, err := dataRun(t, test.args...)
		if err != nil {
			t.Errorf("%v: %v", test.args, err)
		}
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", test.args, want, out)
			}
		}
	}
	for _, args := range [][]string{{"list", "--json", "--data", folder}, {"show", "--json", dir}, {"check", "--json", dir}} {
		out, err := dataRun(t, args...)
		if err != nil || !json.Valid([]byte(out)) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestDataCheckFails(t *testing.T) {
	_, dir := tinyDataset(t, "q1\tnowhere\t1\n")
	out, err := dataRun(t, "check", dir)
	if err == nil || !strings.Contains(out, "relevant-document-missing (1)") || !strings.Contains(out, "q1 nowhere") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := dataRun(t, "check", dir, "--split", "dev"); err == nil || !strings.Contains(err.Error(), "there is: test") {
		t.Error(err)
	}
	if _, err := dataRun(t, "show", "nothing-of-that-name"); err == nil {
		t.Error("shows what is not there")
	}
	if status := run(t.Context(), []string{"data", "show"}); status != 2 {
		t.Errorf("no argument: status %d", status)
	}
}

func TestDataFolders(t *testing.T) {
	t.Setenv("LABRADOR_DATA", "a"+string(filepath.ListSeparator)+"b")
	if got := strings.Join(dataFolders(nil), " "); got != "a b" {
		t.Error(got)
	}
	if got := strings.Join(dataFolders([]string{"c"}), " "); got != "c" {
		t.Error(got)
	}
}
