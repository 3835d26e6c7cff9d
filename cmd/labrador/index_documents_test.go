package main

import (
	"os"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestDocumentsAlone: whoever has documents only can index them with every kind of index, encode them and search with a text.
func TestDocumentsAlone(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	t.Chdir(t.TempDir())
	corpus := `{"_id":"a","title":"Keys","text":"rotate them every month"}` + "\n" + `{"_id":"b","text":"the ferry leaves at seven"}` + "\n"
	for name, text := range map[string]string{"docs/corpus.jsonl": corpus, "file.jsonl": corpus, "asked/corpus.jsonl": corpus,
		"asked/queries.jsonl": `{"_id":"q","text":"ferry"}` + "\n", "qrels/corpus.jsonl": corpus, "qrels/qrels": "q\ta\t1\n"} {
		writeFile(t, name, text)
	}
	for _, set := range []string{"./docs", "docs", "docs/corpus.jsonl", "file.jsonl", "./asked", "./qrels"} {
		for _, system := range []string{"bm25", "dense:" + m, "dense:" + m + ",search=hnsw"} {
			if code, out := capture(t, "index", "--out", "idx-"+system[:4], system, set); code != 0 || !strings.Contains(out, "documents\t2\n") {
				t.Fatalf("%s of %s: exit status %d, %q", system, set, code, out)
			}
			code, out := capture(t, "search", "idx-"+system[:4], "--query", "the ferry leaves at seven", "-k", "1")
			if f := strings.Split(strings.TrimSpace(out), "\t"); code != 0 || f[0] != "1" || f[2] != "b" || (system == "bm25") != (len(f) == 4 && f[3] == "the ferry leaves at seven") {
				t.Errorf("%s of %s: exit status %d, %q", system, set, code, out)
			}
		}
		status, stdout, stderr := exitOf(t, "encode", "--model", m, set, "v")
		if ids, _ := os.ReadFile("v.ids"); status != 0 || stdout != "" || string(ids) != "a\nb\n" {
			t.Errorf("encode %s: status %d, %q, ids %q", set, status, stderr, ids)
		}
		os.Remove("v.ids")
	}
	if code, _ := capture(t, "encode", "--model", m, "--side", "query", "asked", "q"); code != 0 {
		t.Errorf("queries without judgements: exit status %d", code)
	}
	if ids, _ := os.ReadFile("q.ids"); string(ids) != "q\n" {
		t.Errorf("queries without judgements: ids %q", ids)
	}
	if code, out := capture(t, "prompt", "--model", m, "--recipe", "none", "--dataset", "./docs"); code != 0 || !strings.Contains(out, "rotate") {
		t.Errorf("prompt: exit status %d, %q", code, out)
	}
	if code, out := capture(t, "data", "show", "file.jsonl"); code != 0 || !strings.Contains(out, "no judgements") || strings.Contains(out, "queries ") {
		t.Errorf("data show: exit status %d, %q", code, out)
	}
}

// TestDocumentsAnswers: what is missing or wrong about somebody's own documents is said in one line, and nothing is left behind.
func TestDocumentsAnswers(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	t.Chdir(t.TempDir())
	doc := `{"_id":"a","text":"red dog"}` + "\n"
	for name, text := range map[string]string{"docs/corpus.jsonl": doc, "empty/corpus.jsonl": "", "notes/a.md": "x\n", "twice.jsonl": doc + doc, "plain.txt": "a line\n",
		"pretty.jsonl": "{\n \"_id\": \"a\",\n \"text\": \"x\"\n}\n", "wide.jsonl": "\xff\xfe{\x00", "noid.jsonl": `{"text":"x"}` + "\n", "study.yaml": "name: s\ndatasets: [{path: ./docs}]\nsystems: [bm25]\n"} {
		writeFile(t, name, text)
	}
	if status, _, stderr := exitOf(t, "index", "--out", "idx", "bm25", "docs"); status != 0 {
		t.Fatal(stderr)
	}
	if status, _, stderr := exitOf(t, "index", "--out", "vec", "dense:"+m, "docs"); status != 0 {
		t.Fatal(stderr)
	}
	for _, c := range []struct {
		line   string
		status int
		says   string
	}{
		{"index --out new bm25 ./empty", 1, "dataset empty: no document in ./empty"},
		{"index --out new dense:" + m + " ./empty", 1, "dataset empty: no document in ./empty"},
		{"index --out new dense:" + m + " twice.jsonl", 1, `two documents have the id "a"`},
		{"index --out new bm25 ./notes", 1, `no corpus (one of corpus.jsonl`},
		{"index --out new bm25 plain.txt", 1, `plain.txt:1: neither an object, {"_id": "1", "text": "..."}, nor id, tab, text`},
		{"index --out new bm25 noid.jsonl", 1, `noid.jsonl:1: no "_id"`},
		{"index --out new bm25 pretty.jsonl", 1, "pretty.jsonl:1: an object over several lines"},
		{"encode --model " + m + " pretty.jsonl new", 1, "pretty.jsonl:1: an object over several lines"},
		{"encode --model " + m + " wide.jsonl new", 1, "wide.jsonl: text in UTF-16"},
		{"encode --model " + m + " - new", 1, "give a file, not standard input"},
		{"encode --model gone docs new", 1, "give a model's folder or .gguf file"},
		{"index --out new bm25 gone.jsonl", 1, "gone.jsonl: no such folder, zip or file"},
		{"index --out new bm25 ./docs@dev", 1, `no split "dev": no judgements`},
		{"index --add - vec", 2, "--add - is for bm25"},
		{"encode --model " + m + " --side query docs new", 1, "no queries (one of queries.jsonl"},
		{"encode --model " + m + " notes new", 1, "no corpus (one of corpus.jsonl"},
		{"compare --out new study.yaml", 1, "its documents can be indexed and searched, not measured"},
		{"data check ./docs", 1, "docs: 1 kind of error"},
		{"search idx", 2, "or INDEX with --query TEXT"},
		{"search idx docs --query x", 2, "or INDEX with --query TEXT"},
		{"search idx --query x --tag t", 2, "go with a file of queries"},
		{"search idx dog", 1, "a text to search with is given as --query TEXT"},
		{"search idx --query zebra", 0, "no document was found"},
	} {
		status, stdout, stderr := exitOf(t, strings.Fields(c.line)...)
		if status != c.status || stdout != "" && c.line != "data check ./docs" || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, prints %q, says %q; want status %d and %q", c.line, status, stdout, stderr, c.status, c.says)
		}
	}
	if status, _, stderr := exitOf(t, "search", "idx", "--query", " "); status != 2 || !strings.Contains(stderr, "--query is empty") {
		t.Errorf("an empty query: status %d, %q", status, stderr)
	}
	for _, left := range []string{"new", "new.npy", "new.ids", "new.parts"} {
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s was left behind", left)
		}
	}
}
