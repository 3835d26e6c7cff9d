package main

import (
	"bytes"
	"compress/gzip"
	"errors"
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
		"data show":                                        "0 arguments given: labrador data show DATASET",
		"cache list x":                                     "1 argument given: labrador cache list",
		"data nonsense":                                    `unknown command "nonsense" for "labrador data"`,
		"eval -l abc q r":                                  `"abc" for "-l, --level" flag: want a number`,
		"eval -l 99999999999999999999 q r":                 "want a smaller number",
		"eval --json=maybe q r":                            "want true or false",
		"fuse --weights a,b x y":                           "want a number",
		"search --tag= index queries":                      "--tag",
		"search -k 0 index queries":                        "-k is 0",
		"encode --model m --dtype f8 in out":               "f32, bf16, int8",
		"encode --model m --pooling sum in out":            "weightedmean",
		"encode --model m --max-tokens -1 in out":          "max tokens",
		"encode --model m --threads -1 in out":             "threads",
		"encode --model m --threads 4097 in out":           "--threads 4097: 4096 at most",
		"model loss --threads 4097 m in":                   "--threads 4097: 4096 at most",
		"index --threads 4097 bm25 d":                      "--threads 4097: 4096 at most",
		"search --threads 4097 index queries":              "--threads 4097: 4096 at most",
		"compare --threads 4097 study.yaml":                "--threads 4097: 4096 at most",
		"bench encode --threads 4097":                      "--threads 4097: 4096 at most",
		"encode --model m --recipe nonsense in out":        "one-word",
		"encode --model m --task find in out":              "task: a model without a recipe takes no task; echo, e5-mistral",
		"encode --model m --system= in out":                "system text: a model without a recipe has no system message",
		"encode --model m --prompt= in out":                "--prompt is empty: leave it out",
		"encode --model m --recipe e5 --prompt p in out":   `recipe e5 and prompt "p": give one of them`,
		"encode --model m in out/":                         `OUT "out/" is a folder: name the files in it`,
		"encode --model m in ..":                           `OUT ".." is a folder`,
		"encode --model m in .npy":                         `OUT ".npy" is a folder`,
		"index dense:m,recipe=nonsense d":                  "one-word",
		"index dense:m,task=find d":                        "takes no task",
		"index dense:m,max_tokens=few d":                   `"max_tokens=few": want a number`,
		"model loss -n 3 m in":                             "-n is 4 at least",
		"bench encode --shape tiny":                        "minilm",
		"bench encode --shape minilm --model x":            "give one of them",
		"bench encode --dtype f8":                          "f32, bf16, int8",
		"bench encode --seconds -1":                        "--seconds",
		"bench encode --seconds nan":                       "--seconds",
		"bench encode --seconds inf":                       "--seconds is at most",
		"bench encode --batch 1000000000":                  "--batch times --len at most",
		"bench encode --batch 1 --len 1000000000":          "--batch times --len at most",
		"bench encode --batch 3037000500 --len 3037000500": "--batch times --len at most",
		"bench flat --d 0":                                 "--d",
		"bench flat --data real":                           "random and clustered",
		"bench hnsw --format foo":                          `"foo"`,
		"bench hnsw --ef=16,-5":                            "--ef is -5",
		"bench hnsw --m 1":                                 "m 1",
		"bench bm25 --threads=-3 dir":                      "--threads",
		"bench bm25 --threads 0 dir":                       "--threads",
		"bench bm25 --k=-5 dir":                            "--k",
		"bench bm25 --k= dir":                              "--k",
		"bench bm25 --warm=-1 dir":                         "--warm",
		"bench bm25 --phase nonsense dir":                  `"nonsense"`,
		"bench bm25 --phase search dir":                    "--index",
		"bench bm25 --analyzer nonsense dir":               `"nonsense"`,
		"bench eval --threads=-1 q r":                      "--threads",
		"bench token --rounds 0 t f":                       "--rounds",
		"prompt --model m --dataset d -n -2":               "-n is -2",
		"prompt --model m --dataset d --max-tokens -1":     "--max-tokens -1",
		"prompt --model m --dataset d --recipe nonsense":   "one-word",
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
		"study.yaml": "name: s\ndatasets: [{path: ./set}]\nsystems: [bm25]\n", "latin.txt": "text\nna\xefve\n", "latin.tsv": "a\ttext\nb\tna\xefve\n", "cut.jsonl": `{"text": "te`,
		"number.jsonl": `{"text":5}`, "array.jsonl": "[\n",
		"twice.jsonl": `{"id":"a","text":"x"}` + "\n" + `{"id":"a","text":"y"}` + "\n", "lines.jsonl": `{"id":"a\nb","text":"x"}` + "\n",
		"broken/queries.jsonl": `{"_id":"q","text":"text"}` + "\n", "broken/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\ta\t1\n", "broken/corpus.jsonl": `{"_id":"a","text":"te`,
		"set/corpus.jsonl": `{"_id":"a","text":"text"}` + "\n", "set/queries.jsonl": `{"_id":"q","text":"text"}` + "\n",
		"blank.jsonl": `{"_id":"a","text":"x"}` + "\n" + `{"_id":"a\tb","text":"y"}` + "\n", "blank.tsv": "q 1\ttext\n", "weights.tsv": "q1\tdogs^x\n",
		"set/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\ta\t1\n",
	} {
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	gz.Write([]byte(`{"text":"one"}` + "\n" + `{"text":"two"}` + "\n"))
	gz.Flush()
	if err := os.WriteFile("cut.jsonl.gz", packed.Bytes(), 0o644); err != nil { // without the end that Close would write
		t.Fatal(err)
	}
	if status, _, stderr := exitOf(t, "index", "--out", "idx", "bm25", "./set"); status != 0 {
		t.Fatal(stderr)
	}
	for line, says := range map[string]string{
		"compare --out empty study.yaml":             "the results cannot be written",
		"compare --out run/x study.yaml":             "the results cannot be written",
		"index --out gone bm25 ./broken":             "corpus.jsonl:1:",
		"index --out gone bm25 blank.jsonl":          `blank.jsonl:2: id "a\tb"`,
		"index --out gone dense:m blank.jsonl":       `blank.jsonl:2: id "a\tb"`,
		"index --add blank.jsonl idx":                `blank.jsonl:2: id "a\tb"`,
		"search --weights idx weights.tsv":           `query "q1": index: query word`,
		"search idx blank.tsv":                       `blank.tsv:1: id "q 1"`,
		"encode --model m latin.txt out":             "latin.txt:2: bytes that are not UTF-8",
		"encode --model m latin.tsv out":             "latin.tsv:2: bytes that are not UTF-8",
		"encode --model m cut.jsonl out":             "cut.jsonl:1:",
		"encode --model m cut.jsonl.gz out":          "cut.jsonl.gz:3: gzip: unexpected EOF",
		"encode --model m number.jsonl out":          `number.jsonl:1: "text" is a number, not a string`,
		"encode --model m array.jsonl out":           "array.jsonl:1: no object: JSON lines have one on each line",
		"encode --model m twice.jsonl out":           `two texts have the id "a" (the second is text 2)`,
		"encode --model m lines.jsonl out":           `the id "a\nb" of text 1 holds the end of a line`,
		"fuse run empty":                             "empty: holds no hits",
		"data show folder":                           "folder is no folder in BEIR's layout",
		"search --qrels other.qrels idx queries.tsv": "other.qrels judges none of the 1 queries of queries.tsv",
		"search idx empty":                           "empty: no queries",
	} {
		status, stdout, stderr := exitOf(t, strings.Fields(line)...)
		if status != 1 || stdout != "" || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, prints %q, says %q; want status 1 and %q", line, status, stdout, stderr, says)
		}
	}
	for _, left := range []string{"gone", "out.npy", "out.ids", "out.parts"} {
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s was left behind", left)
		}
	}
	t.Setenv("LABRADOR_CACHE", filepath.Join(dir, "no-cache"))
	if _, stdout, _ := exitOf(t, "cache", "list", "--json"); stdout != "[]\n" {
		t.Errorf("an empty cache as JSON is %q", stdout)
	}
	if _, err := os.Stat("no-cache"); err == nil {
		t.Error("listing a cache made it")
	}
}

// TestChangeAnswers: what an index or a model is given must be named when it is missing or holds nothing.
func TestChangeAnswers(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	t.Chdir(t.TempDir())
	writeFile(t, "set/corpus.jsonl", `{"_id":"a","text":"red dog"}`+"\n")
	writeFile(t, "set/queries.jsonl", `{"_id":"q","text":"dog"}`+"\n")
	writeFile(t, "set/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n")
	writeFile(t, "none", "")
	if status, _, stderr := exitOf(t, "index", "--out", "idx", "bm25", "set"); status != 0 {
		t.Fatal(stderr)
	}
	if status, stdout, stderr := exitOf(t, "index", "--delete", "none", "idx"); status != 0 || !strings.HasPrefix(stdout, "deleted\t0\n") {
		t.Errorf("no ids: status %d, %q, %q", status, stdout, stderr)
	}
	for line, says := range map[string]string{
		"index --add no.jsonl idx":     "no such folder, zip or file",
		"index --delete no idx":        "one id a line",
		"model loss no set":            "a model's folder",
		"model loss set/qrels set":     "set holds 1 texts: a comparison takes 4",
		"index --verify idx/none.bm25": "none.bm25",
	} {
		status, _, stderr := exitOf(t, strings.Fields(line)...)
		if status != 1 || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, says %q, want %q", line, status, stderr, says)
		}
	}
	writeFile(t, "idx/segments.json", `{"Version":2,`)
	if status, _, stderr := exitOf(t, "search", "idx", "set/queries.jsonl"); status != 1 || !strings.Contains(stderr, "segments.json is damaged") {
		t.Errorf("cut list: status %d, says %q", status, stderr)
	}
}

// TestOneLine: an error that quotes a file is one line of a terminal, whatever the file holds.
func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\r\n c":                                  "a b c",
		"tensor \x1b[31mw\x00\u0085: type":            "tensor \uFFFD[31mw\uFFFD : type",
		"begin " + strings.Repeat("é", 2000) + " end": "begin " + strings.Repeat("é", 497) + " ... " + strings.Repeat("é", 498) + " end",
	} {
		if got := oneLine(errors.New(in)); got != want {
			t.Errorf("%.40q: got %q", in, got)
		}
	}
}
