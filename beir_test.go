package labrador

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
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

func decodeDocs(text string) ([]Document, error) {
	return collect(DecodeDocuments(Stream{Reader: strings.NewReader(text), Name: "c"}))
}

func TestDecodeDocuments(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"_id":"a","title":"T","text":"x\ny"}`, `[{a T x` + "\n" + `y }]`},
		{"{\"_id\":\"a\",\"text\":\"1\"}\r\n\r\n  \n{ \"text\" : \"2\" , \"_id\" : \"b\" }", `[{a  1 } {b  2 }]`},
		{`{"_id": 7, "text": null, "metadata": {"a": [1, "}", {"b": "\""}]}}`, `[{7   }]`},
		{`{"id":"a","contents":"x","image":"p/1.png"}`, `[{a  x p/1.png}]`},
		{`{"_id":"a","text":"\u00e9\ud83d\ude00\ud800|\ud800\u0041|"}`, "[{a  é😀\ufffd|\ufffdA| }]"},
		{`{"_id":"a","text":"old","text":"new"}`, `[{a  new }]`},
		{"7\tsome text\n8\tmore\n", `[{7  some text } {8  more }]`},
		{"D1\thttp://x\tTitle\tBody\n", `[{D1 Title Body }]`},
		{"{\"_id\":\"a\",\"text\":\"\xff\xfe!\"}", "[{a  \ufffd\ufffd! }]"},
		{"", `[]`},
		{`{"_id":"a"}`, `c:1: no "text"`},
		{`{"text":"a"}`, `c:1: no "_id"`},
		{`{}`, `c:1: no "_id"`},
		{`{"_id":"","text":"a"}`, `c:1: empty id`},
		{"{\"_id\":\"a\",\"text\":\"a\"}\n{\"_id\":\"b\",\"text\":\"cut of", `c:2: "text": a string without its closing quote: is the line cut off?`},
		{`{"_id":"a","text":"a"} x`, `c:1: more than one object on the line`},
		{`{"_id":"a","text":"a" "b":1}`, `c:1: column 23: want ',' or '}'`},
		{`{"_id":2.0,"text":"a"}`, `c:1: "_id": the number 2.0 is no id: write a string or a whole number, the same as in the judgements`},
		{`{"text":"a","_id":2e3}`, `c:1: "_id": the number 2e3 is no id: write a string or a whole number, the same as in the judgements`},
		{`{"_id":null,"text":"a"}`, `c:1: "_id": null is no id: an id is a string or a whole number`},
		{`{"_id":007,"text":"a"}`, `c:1: "_id": 007 is no id: an id is a string or a whole number`},
		{`{"_id":`, `c:1: "_id": column 8: want a string`},
		{`{"_id": 7 ,"text":"a"}`, `[{7  a }]`},
		{`{"_id":"a","text":["a"]}`, `c:1: "text": column 19: want a string`},
		{`{"_id":"a","text":"a","n":{"x":01}}`, `c:1: "n": not a JSON value`},
		{"{\"_id\":\"a\",\"text\":\"a\tb\"}", `c:1: "text": column 21: control character 0x09 in a string`},
		{`["a"]`, `c:1: neither an object, {"_id": "1", "text": "..."}, nor id, tab, text`},
		{"\ttext\n", `c:1: empty id`},
		{"a\tx\na b\ttext\n", `c:2: id "a b"` + spoiled},
		{" a\ttext\n", `c:1: id " a"` + spoiled},
		{`{"_id":"a\tb","text":"x"}`, `c:1: id "a\tb"` + spoiled},
		{`{"_id":"a\u000b","text":"x"}`, `c:1: id "a\v"` + spoiled},
		{`{"_id":"` + strings.Repeat("a ", 40) + `","text":"x"}`, `c:1: id "` + strings.Repeat("a ", 18) + `a..."` + spoiled},
		{`{"_id":" ","text":"x"}`, `c:1: empty id`},
		{`{"_id":"a\u00a0b\u0085\u0000","text":"x"}`, "[{a\u00a0b\u0085\x00  x }]"}, // trec_eval's isspace knows ASCII's only
		{"{\n \"_id\": \"a\",\n \"text\": \"x\"\n}\n", `c:1: an object over several lines: JSON lines have each on one`},
	} {
		docs, err := decodeDocs(test.in)
		got := fmt.Sprint(docs)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}

// spoiled is what is said of an id that a run cannot hold.
const spoiled = ": a blank, a tab or the end of a line in it would end it in TREC runs and judgements: put another character there, or none"

func TestDecodeQueries(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"_id":"a","text":"x","metadata":{}}`, `[{a x }]`},
		{"1\twhat is\tthis\r\n2\tb", "[{1 what is\tthis } {2 b }]"},
		{"1 what is", `c:1: no tab between id and text`},
		{`{"_id":"a\n","text":"x"}`, `c:1: id "a\n"` + spoiled},
		{"q 1\tb", `c:1: id "q 1"` + spoiled},
	} {
		queries, err := collect(DecodeQueries(Stream{Reader: strings.NewReader(test.in), Name: "c"}))
		got := fmt.Sprint(queries)
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q: got %s, want %s", test.in, got, test.want)
		}
	}
}

func TestReadDocumentsCompressedWithBOM(t *testing.T) {
	text := "\xef\xbb\xbf{\"_id\":\"a\",\"text\":\"x\"}\r\n"
	var gz, zs bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write([]byte(text))
	g.Close()
	z, _ := zstd.NewWriter(&zs)
	z.Write([]byte(text))
	z.Close()
	for _, body := range [][]byte{[]byte(text), gz.Bytes(), zs.Bytes()} {
		path := filepath.Join(t.TempDir(), "corpus.jsonl")
		os.WriteFile(path, body, 0o644)
		docs, err := collect(ReadDocuments(path))
		if err != nil || len(docs) != 1 || docs[0] != (Document{ID: "a", Text: "x"}) {
			t.Errorf("%v, %v", docs, err)
		}
		os.WriteFile(path, body[:len(body)*2/3], 0o644)
		if _, err := collect(ReadDocuments(path)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("cut off: %v", err)
		}
	}
}

func TestBadUTF8IsReported(t *testing.T) {
	var lines []int
	s := Stream{Reader: strings.NewReader("1\tok\n2\tb\xffd\n\n4\t\xc3\n"), Name: "c", BadUTF8: func(n int) { lines = append(lines, n) }}
	if _, err := collect(DecodeQueries(s)); err != nil || fmt.Sprint(lines) != "[2 4]" {
		t.Fatal(lines, err)
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("word ", 1<<18)
	docs, err := decodeDocs(`{"_id":"a","text":"` + long + `"}` + "\n" + `{"_id":"b","text":"c"}`)
	if err != nil || len(docs) != 2 || docs[0].Text != long || docs[1].Text != "c" {
		t.Fatal(len(docs), err)
	}
	if _, err := collect(DecodeDocuments(Stream{Reader: endless{}, Name: "c"})); err == nil || !strings.Contains(err.Error(), "64 MiB") {
		t.Fatal(err)
	}
}

// endless is a file without a line end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestWriteAndReadBack(t *testing.T) {
	docs := []Document{{ID: "a<b>", Title: "t\u2028", Text: "x\n\"y\"\t\\"}, {ID: "p", Picture: "p.png"}}
	var out bytes.Buffer
	err := WriteDocuments(&out, func(yield func(Document, error) bool) {
		for _, d := range docs {
			yield(d, nil)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	back, err := decodeDocs(out.String())
	if err != nil || fmt.Sprint(back) != fmt.Sprint(docs) {
		t.Fatal(back, err)
	}
	queries := []Query{{ID: "1", Text: "a & b"}, {ID: "2"}}
	out.Reset()
	if err := WriteQueries(&out, queries); err != nil {
		t.Fatal(err)
	}
	got, err := collect(DecodeQueries(Stream{Reader: &out}))
	if err != nil || fmt.Sprint(got) != fmt.Sprint(queries) {
		t.Fatal(got, err)
	}
}

// TestRealCorpora compares with encoding/json on every line of the reference data.
func TestRealCorpora(t *testing.T) {
	for _, name := range []string{"text/nfcorpus", "text/scifact", "code/cosqa", "code/java-cs", "image/emojitwo"} {
		path := filepath.Join(outside.Data(t, name), "corpus.jsonl")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs, err := collect(ReadDocuments(path))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSpace(raw), []byte{'\n'})
		if len(lines) != len(docs) {
			t.Fatalf("%s: %d documents, %d lines", name, len(docs), len(lines))
		}
		for i, line := range lines {
			if want, _ := oracle(line); docs[i] != want {
				t.Fatalf("%s line %d: got %q, want %q", name, i+1, docs[i], want)
			}
		}
	}
}

// oracle decodes a line by encoding/json, with the same rules about keys.
func oracle(line []byte) (doc Document, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(line))
	if !json.Valid(line) {
		return doc, false
	}
	dec.Token() // {
	hasText := false
	for dec.More() {
		key, _ := dec.Token()
		var raw json.RawMessage
		dec.Decode(&raw)
		var into *string
		switch key {
		case "_id", "id":
			if len(raw) == 0 || raw[0] == 'n' {
				return doc, false
			}
			var n int64
			if json.Unmarshal(raw, &n) == nil {
				doc.ID = string(raw)
				continue
			}
			into = &doc.ID
		case "title":
			into = &doc.Title
		case "text", "contents":
			into = &doc.Text
		case "image":
			into = &doc.Picture
		default:
			continue
		}
		*into = ""
		if json.Unmarshal(raw, into) != nil {
			return doc, false
		}
		hasText = hasText || into != &doc.ID
	}
	return doc, doc.ID != "" && hasText && !strings.ContainsAny(doc.ID, " \t\n\v\f\r")
}

func FuzzDecodeDocuments(f *testing.F) {
	f.Add([]byte(`{"_id": "a", "title": "t", "text": "x\u00e9\n", "m": {"a": [1, null, "}"]}}`))
	f.Add([]byte(`{"_id": -7, "text": null}`))
	f.Add([]byte("{\"_id\":\"a\",\"text\":\"\xff\\ud800\\u0041\"}"))
	f.Add([]byte(`{"_id":"a","x":tru,"text":""}`))
	f.Add([]byte(`{"_id":"a\tb","text":""}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		i := skipBlanks(line, 0)
		if bytes.ContainsAny(line, "\n\r") || i == len(line) || line[i] != '{' {
			return
		}
		want, ok := oracle(line)
		got, err := decodeDocs(string(line))
		switch {
		case err == nil && (!ok || len(got) != 1 || got[0] != want):
			t.Fatalf("%q: got %q, encoding/json %q (%v)", line, got, want, ok)
		case err != nil && ok:
			t.Fatalf("%q: %v, encoding/json reads it as %q", line, err, want)
		}
	})
}

func FuzzDecodeQueries(f *testing.F) {
	f.Add([]byte("1\ta\n2\tb\tc\r\n"))
	f.Add([]byte(`{"_id":"a","text":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		queries, err := collect(DecodeQueries(Stream{Reader: bytes.NewReader(text)}))
		for _, q := range queries {
			if q.ID == "" || strings.ContainsAny(q.ID, " \t\n\v\f\r") {
				t.Fatalf("%q: %q, %v", text, q, err)
			}
		}
		collect(DecodeDocuments(Stream{Reader: bytes.NewReader(text)}))
	})
}

func BenchmarkDecodeDocuments(b *testing.B) {
	raw, err := os.ReadFile(filepath.Join(outside.Data(b, "text/nfcorpus"), "corpus.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("labrador", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			for _, err := range DecodeDocuments(Stream{Reader: bytes.NewReader(raw)}) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			for line := range bytes.Lines(raw) {
				var d struct{ ID, Title, Text string }
				if err := json.Unmarshal(line, &d); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
