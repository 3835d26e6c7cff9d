package dataset

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// write makes the files of a folder.
func write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var tiny = map[string]string{
	"corpus.jsonl":    `{"_id":"d1","title":"","text":"one"}` + "\n" + `{"_id":"d2","title":"two","text":"deux"}` + "\n",
	"queries.jsonl":   `{"_id":"q2","text":"b"}` + "\n" + `{"_id":"q1","text":"a"}` + "\n" + `{"_id":"q3","text":"c"}` + "\n",
	"qrels/test.tsv":  "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n",
	"qrels/train.tsv": "query-id\tcorpus-id\tscore\nq3\td1\t1\n",
}

// content prints what a dataset gives.
func content(t testing.TB, d *Dataset) string {
	t.Helper()
	docs, err := collect(d.Documents())
	if err != nil {
		t.Fatal(err)
	}
	queries, err := d.Queries()
	if err != nil {
		t.Fatal(err)
	}
	qrels, err := d.Qrels()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(docs, queries, qrels)
}

const tinyContent = "[{d1  one } {d2 two deux }] [{q2 b } {q1 a }] map[q1:map[d1:1] q2:map[d2:2]]"

func mustOpen(t testing.TB, ref Ref) *Dataset {
	t.Helper()
	d, err := Open(ref)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpenForms(t *testing.T) {
	gz := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(s))
		w.Close()
		return b.String()
	}
	zst := func(s string) string {
		var b bytes.Buffer
		w, _ := zstd.NewWriter(&b)
		w.Write([]byte(s))
		w.Close()
		return b.String()
	}
	crlf := func(s string) string { return "\xef\xbb\xbf" + strings.ReplaceAll(s, "\n", "\r\n") }
	trecQrels := "q1 0 d1 1\nq2 Q0 d2 2\n"
	for name, files := range map[string]map[string]string{
		"beir": tiny,
		"crlf": {"corpus.jsonl": crlf(tiny["corpus.jsonl"]), "queries.jsonl": crlf(tiny["queries.jsonl"]), "qrels/test.tsv": crlf(tiny["qrels/test.tsv"])},
		"packed": {"corpus.jsonl.gz": gz(tiny["corpus.jsonl"]), "queries.jsonl.zst": zst(tiny["queries.jsonl"]),
			"qrels/test.tsv.gz": gz(tiny["qrels/test.tsv"])},
		"msmarco": {"collection.tsv": "d1\tx\t\tone\nd2\tx\ttwo\tdeux\n", "queries.test.tsv": "q2\tb\nq1\ta\n", "qrels.test.tsv": "q1\t0\td1\t1\nq2\t0\td2\t2\n",
			"queries.train.tsv": "z\tz\n"},
		"trec": {"corpus.jsonl": tiny["corpus.jsonl"], "qrels.test.txt": trecQrels,
			"topics.test.txt": "<top>\n<num> Number: q2\n<title> b\n</top>\n<top>\n<num> Number: q1\n<title> a\n</top>\n"},
		"unnamed": {"corpus.jsonl": tiny["corpus.jsonl"], "qrels.txt": trecQrels, "topics.tsv": "q2\tb\nq1\ta\n"},
	} {
		d := mustOpen(t, Ref{Path: write(t, filepath.Join(t.TempDir(), name), files)})
		if got := content(t, d); got != tinyContent || d.Name != name || d.Split != "test" {
			t.Errorf("%s (%s): got %s", name, d.Split, got)
		}
	}
}

func zipOf(t testing.TB, path, top string, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(top + name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	z.Close()
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestZip(t *testing.T) {
	dir := t.TempDir()
	folder := mustOpen(t, Ref{Path: write(t, filepath.Join(dir, "tiny"), tiny)})
	want, err := folder.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{"", "tiny/", "a/b/"} {
		d := mustOpen(t, Ref{Path: zipOf(t, filepath.Join(dir, "tiny.zip"), top, tiny)})
		if got := content(t, d); got != tinyContent || d.Name != "tiny" {
			t.Errorf("%q: %s", top, got)
		}
		if got, err := d.Digest(); got != want || err != nil {
			t.Errorf("%q: digest %s of the zip, %s of the folder, %v", top, got, want, err)
		}
	}
	for name, files := range map[string]map[string]string{
		"no corpus":                      {"readme": "x"},
		"several datasets":               {"a/corpus.jsonl": "", "b/corpus.jsonl": ""},
		"unpacks to":                     {"corpus.jsonl": strings.Repeat(" ", 17<<20), "queries.jsonl": "", "qrels/test.tsv": ""},
		"compressed file inside a zip":   {"corpus.jsonl": "\x1f\x8b\x08\x00", "queries.jsonl": "", "qrels/test.tsv": ""},
		`corpus.jsonl:1: "text": a stri`: {"corpus.jsonl": `{"_id":"1","text":"x`, "queries.jsonl": "", "qrels/test.tsv": ""},
	} {
		d, err := Open(Ref{Path: zipOf(t, filepath.Join(dir, "bad.zip"), "", files)})
		if err == nil {
			_, err = collect(d.Documents())
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	many := map[string]string{}
	for name, text := range tiny {
		many["cqadupstack/android/"+name] = text
		many["cqadupstack/unix/"+name] = strings.ReplaceAll(text, "one", "eins")
	}
	both := zipOf(t, filepath.Join(dir, "cqadupstack.zip"), "", many)
	for _, inside := range []string{"android", "cqadupstack/android"} {
		d := mustOpen(t, Ref{Path: filepath.Join(both, inside)})
		if d.Name != "cqadupstack-android" && inside == "android" || content(t, d) != tinyContent || d.Domain == "" && inside == "android" {
			t.Errorf("%s: %+v", inside, d)
		}
	}
	if _, err := Open(Ref{Path: filepath.Join(both, "gis")}); err == nil {
		t.Error("a folder that the zip lacks opens")
	}
	if _, err := Open(Ref{Path: both}); err == nil || !strings.Contains(err.Error(), "ZIP/FOLDER") {
		t.Error(err)
	}
	raw, _ := os.ReadFile(filepath.Join(dir, "tiny.zip"))
	os.WriteFile(filepath.Join(dir, "cut.zip"), raw[:len(raw)/2], 0o644)
	if _, err := Open(Ref{Path: filepath.Join(dir, "cut.zip")}); err == nil {
		t.Error("half a zip opens")
	}
}

func TestSplits(t *testing.T) {
	dir := write(t, filepath.Join(t.TempDir(), "x"), tiny)
	if d := mustOpen(t, Ref{Path: dir, Split: "train"}); d.Split != "train" || fmt.Sprint(d.Splits) != "[test train]" {
		t.Error(d.Split, d.Splits)
	}
	os.Rename(filepath.Join(dir, "qrels", "test.tsv"), filepath.Join(dir, "qrels", "dev.tsv"))
	if _, err := Open(Ref{Path: dir}); err == nil || !strings.Contains(err.Error(), "name one of: dev, train") {
		t.Error(err)
	}
	if _, err := Open(Ref{Path: dir, Split: "test"}); err == nil || !strings.Contains(err.Error(), `no split "test"`) {
		t.Error(err)
	}
	os.Remove(filepath.Join(dir, "qrels", "dev.tsv"))
	if d := mustOpen(t, Ref{Path: dir}); d.Split != "train" {
		t.Error(d.Split)
	}
	os.Remove(filepath.Join(dir, "qrels", "train.tsv"))
	if _, err := Open(Ref{Path: dir, Split: "test"}); err == nil || !strings.Contains(err.Error(), `no split "test": no judgements`) {
		t.Error(err)
	}
}

func TestNamesResolve(t *testing.T) {
	data := t.TempDir()
	write(t, filepath.Join(data, "text", "one"), tiny)
	write(t, filepath.Join(data, "code", "two"), tiny)
	zipOf(t, filepath.Join(data, "three.zip"), "three/", tiny)
	folders := []string{t.TempDir(), data}
	for name, group := range map[string]string{"one": "text", "two": "code", "three": "text"} {
		if d := mustOpen(t, Ref{Name: name, Folders: folders}); d.Name != name || d.Group != group || content(t, d) != tinyContent {
			t.Errorf("%s: %+v", name, d)
		}
	}
	mustOpen(t, Ref{Path: "text/one", Folders: folders})
	mustOpen(t, Ref{Path: "../text/one", Base: filepath.Join(data, "code")})
	if d := mustOpen(t, Ref{Path: filepath.Join(data, "text", "one"), Name: "uno", Group: "mine"}); d.Name != "uno" || d.Group != "mine" {
		t.Errorf("%+v", d)
	}
	refs, err := List([]string{data})
	if got := fmt.Sprint(refs); err != nil || len(refs) != 3 || !strings.Contains(got, "three") {
		t.Error(got, err)
	}
	write(t, filepath.Join(data, "text", "two"), tiny)
	if _, err := Open(Ref{Name: "two", Folders: folders}); err == nil || !strings.Contains(err.Error(), "more than one") {
		t.Error(err)
	}
	for name, hint := range map[string]string{"fiqa": "fiqa.zip", "apps": "CoIR", "mine": "corpus.jsonl"} {
		if _, err := Open(Ref{Name: name, Folders: folders}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), hint) {
			t.Error(err)
		}
	}
	if _, err := Open(Ref{Name: "one", Folders: []string{"/does/not/exist"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(Ref{Path: "./nowhere"}); err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Error(err)
	}
}

func TestRefYAML(t *testing.T) {
	text := `
- scifact
- nfcorpus@dev
- ../path/to/folder
- {path: ./cosqa, name: cosqa, split: test, group: code}
- {path: ./arguana, drop_self: true}
- {name: dl, relevance_level: 2}`
	var refs []Ref
	if err := yaml.Unmarshal([]byte(text), &refs); err != nil {
		t.Fatal(err)
	}
	if !(refs[0].Name == "scifact" && refs[1].Split == "dev" && refs[2].Path == "../path/to/folder" && refs[3].Group == "code" &&
		refs[3].Name == "cosqa" && *refs[4].DropSelf && refs[4].Path == "./arguana" && refs[5].RelevanceLevel == 2) {
		t.Errorf("%+v", refs)
	}
	for text, want := range map[string]string{
		"{nam: x}":                         "unknown key",
		"{split: test}":                    "neither a name nor a path",
		"{name: a/b}":                      "no slash",
		"{name: x, drop_self: maybe}":      "drop_self",
		"{name: x, relevance_level: -1}":   "relevance_level",
		"[a, b]":                           "want a name",
		"a b":                              "no blanks",
		"{path: x, name: x, split: [a,b]}": "plit",
	} {
		var ref Ref
		if err := yaml.Unmarshal([]byte(text), &ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestConventions(t *testing.T) {
	d := mustOpen(t, Ref{Path: "testdata/arguana"})
	if !d.DropSelf || d.Domain != "argument" || d.RelevanceLevel != 1 || len(d.Notes) != 1 {
		t.Errorf("%+v", d)
	}
	no := false
	if d := mustOpen(t, Ref{Path: "testdata/arguana", DropSelf: &no}); d.DropSelf || len(d.Notes) != 2 {
		t.Errorf("%+v", d)
	}
	for _, name := range []string{"msmarco-dl19-5k", "trec-dl-2020", "dl19"} {
		if c := conventionOf(name, "test"); c.RelevanceLevel != 2 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if conventionOf("msmarco", "dl19-passage").RelevanceLevel != 2 || conventionOf("msmarco", "dev").RelevanceLevel != 0 {
		t.Error("msmarco's splits")
	}
	if conventionOf("CQADupStack-android", "").Domain == "" || conventionOf("quora", "").DropSelf != true {
		t.Error("patterns")
	}
}

func TestDigestChangesWithContent(t *testing.T) {
	seen := map[string]string{}
	add := func(what string, ref Ref) {
		digest, err := mustOpen(t, ref).Digest()
		if err != nil {
			t.Fatal(err)
		}
		if seen[digest] != "" {
			t.Errorf("%s has the digest of %s", what, seen[digest])
		}
		seen[digest] = what
	}
	dir := write(t, t.TempDir(), tiny)
	yes := true
	add("as it is", Ref{Path: dir})
	add("other split", Ref{Path: dir, Split: "train"})
	add("drop_self", Ref{Path: dir, DropSelf: &yes})
	add("level", Ref{Path: dir, RelevanceLevel: 2})
	for name, text := range tiny {
		if name == "qrels/train.tsv" {
			continue
		}
		write(t, dir, map[string]string{name: strings.Replace(text, "d1", "d9", 1) + "\n"})
		add(name, Ref{Path: dir})
		write(t, dir, map[string]string{name: text})
	}
}

func TestBrokenFolders(t *testing.T) {
	for want, change := range map[string]map[string]string{
		"query q1 occurs twice":   {"queries.jsonl": `{"_id":"q1","text":"a"}` + "\n" + `{"_id":"q1","text":"b"}`},
		"is judged twice":         {"qrels/test.tsv": "q1\td1\t1\nq1\td1\t0\n"},
		"test.tsv:2: grade":       {"qrels/test.tsv": "q1\td1\t1\nq1\td1\tx\n"},
		"is in its query file":    {"qrels/test.tsv": "q7\td1\t1\n"},
		"not below the folder":    {"corpus.jsonl": `{"_id":"d","image":"../../etc/passwd"}`},
		"corpus.jsonl:1: no \"_i": {"corpus.jsonl": `{"text":"d"}`},
	} {
		d := mustOpen(t, Ref{Path: write(t, write(t, t.TempDir(), tiny), change)})
		_, err := d.Queries()
		if err == nil {
			_, err = collect(d.Documents())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// TestReferenceData opens every dataset of the reference data; the sizes are those its SOURCE.txt files and BEIR's table give.
func TestReferenceData(t *testing.T) {
	folders := []string{outside.Data(t, "")}
	for name, want := range map[string][3]int{ // documents, queries, judgements
		"scifact": {5183, 300, 339}, "nfcorpus": {3633, 323, 12334}, "cacm": {3204, 52, 796}, "cranfield": {1400, 225, 1837},
		"med": {1033, 30, 696}, "vaswani": {11429, 93, 2083}, "cosqa": {6267, 500, 500}, "humaneval": {164, 164, 164}, "mbpp": {974, 974, 974},
		"msmarco-dl19-5k": {5000, 43, 4102}, "text2sql-advising": {205, 4387, 4387},
	} {
		d := mustOpen(t, Ref{Name: name, Folders: folders})
		s, err := Describe(t.Context(), d, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]int{s.Documents.Count, s.Queries.Count, s.Judgements}; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		if len(s.Examples) != 2 || s.Examples[0].Query.Text == "" || d.About() == "" {
			t.Errorf("%s: %+v", name, s.Examples)
		}
	}
	d := mustOpen(t, Ref{Name: "emojitwo", Split: "names", Folders: folders})
	docs, err := collect(d.Documents())
	if err != nil || len(docs) != 2008 || d.Group != "image" {
		t.Fatal(len(docs), d.Group, err)
	}
	if _, err := os.Stat(docs[0].Picture); err != nil {
		t.Error(err)
	}
}

// TestAnseriniFiles reads topics and judgements under the names that Anserini gives them, beside a corpus. The numbers of queries are those
// of the tracks: 43 judged topics in TREC DL 2019, 6,980 in MS MARCO's dev subset.
func TestAnseriniFiles(t *testing.T) {
	from := outside.Data(t, "reference/anserini-tools")
	dir := write(t, filepath.Join(t.TempDir(), "msmarco"), map[string]string{"collection.tsv": "1\tnothing\n"})
	for _, name := range []string{"topics.dl19-passage.txt", "qrels.dl19-passage.txt", "topics.msmarco-passage.dev-subset.txt",
		"qrels.msmarco-passage.dev-subset.txt"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Skip(err)
		}
		write(t, dir, map[string]string{name: string(text)})
	}
	for split, want := range map[string][2]int{"dl19-passage": {43, 2}, "msmarco-passage.dev-subset": {6980, 1}} {
		d := mustOpen(t, Ref{Path: dir, Split: split})
		queries, err := d.Queries()
		if err != nil || len(queries) != want[0] || d.RelevanceLevel != want[1] {
			t.Errorf("%s: %d queries, level %d, %v", split, len(queries), d.RelevanceLevel, err)
		}
	}
}

// TestDescribe compares with a corpus whose figures can be counted by hand.
func TestDescribe(t *testing.T) {
	s, err := Describe(t.Context(), mustOpen(t, Ref{Path: write(t, t.TempDir(), tiny)}), 5)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Lengths{Mean: 5.5, Median: 3, P95: 8, Max: 8}); s.Documents.Characters != want { // "one", "two deux"
		t.Errorf("%+v", s.Documents)
	}
	if s.Grades[2] != 1 || s.PerQuery.Mean != 1 || s.Relevant != 1 || s.Examples[0].Document.Text != "deux" {
		t.Errorf("%+v", s)
	}
}

func FuzzLayout(f *testing.F) {
	f.Add("corpus.jsonl\nqueries.jsonl\nqrels/test.tsv")
	f.Add("collection.tsv.gz\nqueries.dev.small.tsv\nqrels.dev.small.tsv\ntopics.txt\nqrels/a/b.tsv")
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, "\n")
		l, err := newLayout(names)
		if err != nil {
			return
		}
		for _, split := range l.splitNames() {
			if !slices.Contains(names, l.qrels[split]) || split == "" {
				t.Fatalf("%q: %+v", names, l)
			}
			if q := l.queryFile(split); q != "" && !slices.Contains(names, q) {
				t.Fatalf("%q: %q", names, q)
			}
		}
		slices.Reverse(names)
		if again, err := newLayout(names); err != nil || fmt.Sprint(again) != fmt.Sprint(l) {
			t.Fatalf("order matters: %+v, %+v", l, again)
		}
	})
}

func FuzzZip(f *testing.F) {
	raw, _ := os.ReadFile(zipOf(f, filepath.Join(f.TempDir(), "x.zip"), "x/", tiny))
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "x.zip")
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := Open(Ref{Path: path})
		if err != nil {
			return
		}
		collect(d.Documents())
		d.Queries()
		d.Digest()
	})
}

func FuzzQrels(f *testing.F) {
	f.Add([]byte("query-id\tcorpus-id\tscore\nq1\td1\t1\n"))
	f.Add([]byte("q1 0 d1 1\r\nq1 0 d2 -1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "q")
		os.WriteFile(path, text, 0o644)
		if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(text, []byte("\x1f\x8b")) || bytes.HasPrefix(text, []byte("\x28\xb5")) {
			return
		}
		want, werr := labrador.ReadQrels(path)
		got, gerr := readQrels(bytes.NewReader(text), path, nil)
		if (werr == nil) != (gerr == nil) || gerr == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: %v %v, ReadQrels %v %v", text, got, gerr, want, werr)
		}
	})
}

func TestNoDevices(t *testing.T) {
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Skip("no such device here")
	}
	if _, err := openRegular(os.DevNull); err == nil || !strings.Contains(err.Error(), "cannot be read twice") {
		t.Error(err)
	}
}
