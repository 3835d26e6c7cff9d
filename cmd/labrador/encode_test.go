package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
	"github.com/labrador-lab/labrador/vectors"
)

// TestEncodeTwice: a second encode into the same OUT ends at once and says why; when the first is gone, it goes through.
func TestEncodeTwice(t *testing.T) {
	m, dir := tiny.Model(t, "st-bert-mean"), t.TempDir()
	in, out := filepath.Join(dir, "x.txt"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("some text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	unlock, err := lockParts(out+".parts", out)
	if err != nil {
		t.Fatal(err)
	}
	root := rootCommand()
	root.SetArgs([]string{"encode", "--model", m, in, out + ".npy"})
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "another labrador encode is writing "+out+".npy") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out + ".npy"); err == nil {
		t.Error("wrote beside the other")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	for _, killed := range []string{".out.npy.tmp-1", ".out.ids.tmp-2"} {
		writeFile(t, filepath.Join(dir, killed), "half")
	}
	if code := run(t.Context(), []string{"encode", "--model", m, in, out}); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if _, err := os.Stat(out + ".parts"); err == nil {
		t.Error("left its parts")
	}
	if names, _ := os.ReadDir(dir); len(names) != 3 {
		t.Errorf("leaves %v", names)
	}
}

// changing is a context that changes a file when it is asked for the nth time whether it has ended.
type changing struct {
	context.Context
	left   atomic.Int64
	change func()
}

func (c *changing) Err() error {
	if c.left.Add(-1) == 0 {
		c.change()
	}
	return c.Context.Err()
}

// TestEncodeChangedTexts: texts that change while they are encoded give no vectors, and nothing of them is taken for either of the two.
func TestEncodeChangedTexts(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Chdir(t.TempDir())
	writeFile(t, "x.txt", "red dog\nblue cat\n")
	ctx := &changing{Context: t.Context(), change: func() { writeFile(t, "x.txt", "red dog\ngreen cat\n") }}
	ctx.left.Store(3) // there are two texts
	root := rootCommand()
	root.SetArgs([]string{"encode", "--model", m, "x.txt", "out"})
	if err := root.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), "changed while they were encoded") {
		t.Errorf("got %v", err)
	}
	if names, _ := os.ReadDir("."); len(names) != 1 {
		t.Errorf("leaves %v", names)
	}
}

// TestEncodeBesideOthers: what somebody keeps in OUT.parts stays, and a folder where a file is to be written is said before anything is encoded.
func TestEncodeBesideOthers(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	t.Chdir(t.TempDir())
	writeFile(t, "x.txt", "some text\n")
	writeFile(t, "out.parts/mine", "mine\n")
	if status, _, stderr := exitOf(t, "encode", "--model", m, "x.txt", "out"); status != 0 {
		t.Fatal(stderr)
	}
	if entries, err := os.ReadDir("out.parts"); err != nil || len(entries) != 1 || entries[0].Name() != "mine" {
		t.Errorf("out.parts holds %v, %v; want what was there before", entries, err)
	}
	for _, name := range []string{"a.npy", "b.ids"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		out := name[:1]
		status, _, stderr := exitOf(t, "encode", "--model", m, "x.txt", out)
		if status != 1 || !strings.Contains(stderr, name+", which is to be written, is a folder") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s is a folder: status %d, %q", name, status, stderr)
		}
		if _, err := os.Stat(out + ".parts"); err == nil {
			t.Errorf("%s.parts was made", out)
		}
	}
	writeFile(t, "in.npy", "some text\n")
	writeFile(t, "bad.jsonl", "{\"text\":\"a\xff\"}\n") // as of lines, and as RFC 8259, section 8.1, asks for
	for in, want := range map[string]string{"in.npy": "in.npy, which is to be written, is IN", "bad.jsonl": "bad.jsonl:1: bytes that are not UTF-8"} {
		if status, _, stderr := exitOf(t, "encode", "--model", m, in, in); status != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q", in, status, stderr)
		}
	}
	if text, err := os.ReadFile("in.npy"); string(text) != "some text\n" {
		t.Errorf("IN is %q now, %v", text, err)
	}
	if status, _, stderr := exitOf(t, "encode", "--model", m, os.DevNull, "c"); status != 1 || !strings.Contains(stderr, "texts are read twice") {
		t.Errorf("no file: status %d, %q", status, stderr)
	}
}

// TestEncodeNamesPrompts: a name that the model does not know is said to be taken for a text; one that it knows and a text are not spoken of.
func TestEncodeNamesPrompts(t *testing.T) {
	named, bare := tiny.Model(t, "st-qwen3-prompts"), tiny.Model(t, "st-bert-mean")
	t.Chdir(t.TempDir())
	writeFile(t, "x.txt", "some text\n")
	for _, c := range []struct{ model, prompt, says string }{
		{named, "querry", `--prompt "querry" is taken for a text: the model has document, query` + "\n"},
		{bare, "query", `--prompt "query" is taken for a text: the model has none with a name` + "\n"},
		{named, "query", ""}, {named, "query: ", ""}, {bare, "search for", ""},
	} {
		status, _, stderr := exitOf(t, "encode", "--model", c.model, "--prompt", c.prompt, "x.txt", "out")
		if before, _, _ := strings.Cut(stderr, "1 texts"); status != 0 || before != c.says {
			t.Errorf("%s: status %d, %q; want %q first", c.prompt, status, stderr, c.says)
		}
	}
}

// TestEncode encodes the same texts given in every form, and asks for the same vectors, a resumed run, and clear errors.
func TestEncode(t *testing.T) {
	m := tiny.Model(t, "st-bert-mean")
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("beir/queries.jsonl", `{"_id": "a", "text": "first text"}`+"\n"+`{"_id": "b", "text": "a second, longer text"}`+"\n")
	inputs := map[string]string{
		filepath.Join(dir, "beir"): "a b",
		write("x.jsonl", `{"id": 7, "text": "first text"}`+"\n\n"+`{"text": "a second, longer text"}`+"\n \n"): "7 3",
		write("x.tsv", "a\tfirst text\nb\ta second, longer text\n"):                                            "a b",
		write("x.txt", "first text\na second, longer text\n"):                                                  "1 2",
	}
	var first labrador.Matrix
	for in, wantIDs := range inputs {
		out := filepath.Join(dir, "out")
		if code := run(t.Context(), []string{"encode", "--model", m, "--side", "query", in, out}); code != 0 {
			t.Fatalf("%s: exit status %d", in, code)
		}
		got, err := vectors.ReadNPY(out + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		ids, err := vectors.ReadIDs(out + ".ids")
		if err != nil || strings.Join(ids, " ") != wantIDs {
			t.Errorf("%s: ids %v, %v", in, ids, err)
		}
		if first.Rows == 0 {
			first = got
		}
		if got.Rows != 2 || !slices.Equal(got.Data, first.Data) {
			t.Errorf("%s: other vectors", in)
		}
		if _, err := os.Stat(out + ".parts"); err == nil {
			t.Errorf("%s: left its parts", in)
		}
	}
	for _, args := range [][]string{
		{"encode", filepath.Join(dir, "x.txt"), "out"},
		{"encode", "--model", m, "--side", "left", filepath.Join(dir, "x.txt"), "out"},
		{"encode", "--model", m, "only-one"},
	} {
		if code := run(t.Context(), args); code != 2 {
			t.Errorf("%v: exit status %d", args, code)
		}
	}
	for _, in := range []string{filepath.Join(dir, "none"), write("bad.jsonl", "{\n"), write("empty.txt", "")} {
		if code := run(t.Context(), []string{"encode", "--model", m, in, filepath.Join(dir, "no")}); code != 1 {
			t.Errorf("%s: exit status %d", in, code)
		}
	}
}

// TestEncodeNoVector: what was encoded before a text without a vector is of no use with other texts or another model, and is not left.
func TestEncodeNoVector(t *testing.T) {
	m := tiny.Model(t, "t5-encoder")
	if err := os.Remove(filepath.Join(m, "tokenizer_config.json")); err != nil { // which limits texts
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeFile(t, "x.txt", "red dog\n"+strings.Repeat("a b ", 1<<20)+"\n")
	status, _, stderr := exitOf(t, "encode", "--model", m, "x.txt", "out")
	if status != 1 || !strings.Contains(stderr, `the text that begins "a b a b`) || !strings.Contains(stderr, "--max-tokens") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if names, _ := os.ReadDir("."); len(names) != 1 {
		t.Errorf("leaves %v", names)
	}
	if status, _, stderr := exitOf(t, "encode", "--model", m, "--max-tokens", "8", "x.txt", "out"); status != 0 {
		t.Error(stderr)
	}
}

// TestEncodeJSONKeys: keys are exact, as in BEIR's reader (beir/datasets/data_loader.py, _load_corpus) and Pyserini's (pyserini/encode/_base.py,
// JsonlCollectionIterator, which reads "contents" where there is no "text"); what is neither a
// text nor a number is no id.
func TestEncodeJSONKeys(t *testing.T) {
	dir := t.TempDir()
	for line, want := range map[string]string{
		`{"_id": "a", "ID": "b", "_ID": "c", "text": "x", "TEXT": "y", "Title": "z"}`: "a||x",
		`{"_id": null, "id": "b", "title": null, "text": "x"}`:                        "b||x",
		`{"_id": 7, "id": ["b"], "title": "t", "text": ""}`:                           "7|t|",
		`{"id": 1.50, "text": "x"}`:                                                   "1.50||x",
		`{"ID": 7, "text": "x"}`:                                                      "1||x", // its line
		`{"_id": {"a": 1}, "text": "x"}`:                                              `"_id" is of type object, neither a string nor a number`,
		`{"_id": ["a"], "text": "x"}`:                                                 `"_id" is of type array, neither a string nor a number`,
		`{"id": true, "text": "x"}`:                                                   `"id" is of type bool, neither a string nor a number`,
		`{"title": 5, "text": "x"}`:                                                   `"title" is a number, not a string`,
		`{"Text": "x"}`:                                                               `the object has no "text"`,
		`{"id": "d", "contents": "x\ny"}`:                                             "d||x\ny",
		`{"text": null}`:                                                              `the object has no "text"`,
	} {
		path := filepath.Join(dir, "x.jsonl")
		writeFile(t, path, line+"\n")
		for item, err := range jsonItems(path)() {
			got := item.ID + "|" + item.Title + "|" + item.Text
			if err != nil {
				got = err.Error()
			}
			if got != want && (err == nil || !strings.HasSuffix(got, ": "+want)) {
				t.Errorf("%s: got %s", line, got)
			}
		}
	}
}
