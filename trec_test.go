package labrador

import (
	"bytes"
	"compress/gzip"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadRunTolerates(t *testing.T) {
	plain := "q1 Q0 a 1 1.5 tag\nq1 Q0 b 2 1.5 tag\nq2 Q0 c 1 -3e-2 tag\n"
	var gz, zs bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write([]byte("\xef\xbb\xbf" + plain))
	w.Close()
	z, _ := zstd.NewWriter(&zs)
	z.Write([]byte(plain))
	z.Close()
	want := Run{"q1": {{"b", 1.5}, {"a", 1.5}}, "q2": {{"c", -0.03}}} // ties: document id descending
	for name, text := range map[string]string{
		"plain": plain, "gzip": gz.String(), "zstd": zs.String(),
		"BOM": "\xef\xbb\xbf" + plain, "CRLF": strings.ReplaceAll(plain, "\n", "\r\n"), "tabs": strings.ReplaceAll(plain, " ", "\t"),
		"blanks": "\n  \n# a comment\n " + strings.ReplaceAll(plain, " ", " \t "), "no last end of line": strings.TrimSpace(plain),
		"more columns": strings.ReplaceAll(plain, "tag", "tag more columns"),
	} {
		run, err := ReadRun(write(t, "run", text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !maps.EqualFunc(run, want, slices.Equal) {
			t.Errorf("%s: got %v", name, run)
		}
	}
}

func TestReadersRefuse(t *testing.T) {
	run := func(p string) error { _, err := ReadRun(p); return err }
	qrels := func(p string) error { _, err := ReadQrels(p); return err }
	topics := func(p string) error { _, err := ReadTopics(p); return err }
	for _, c := range []struct {
		text string
		read func(string) error
		says []string
	}{
		{"q Q0 a 1 1 t\nq Q0 b 2 x t\n", run, []string{"in:2:", `"x"`}},
		{"q Q0 a 1 nan t\n", run, []string{"in:1:", "nan"}},
		{"\nq Q0 a 1 1\n", run, []string{"in:2:", "5 columns"}},
		{"q Q0 a 1 1 t\nq Q0 a 2 0 t\n", run, []string{"query q", "document a"}},
		{strings.Repeat("x", maxLine+1), run, []string{"in:1:", "longer"}},
		{"\x1f\x8b\x08\x00broken", run, []string{"in:1", "EOF"}},
		{"\x28\xb5\x2f\xfdbroken!!!!!!!", run, []string{"in:1"}},
		{"q 0 a 1\nq 0 a 1\n", qrels, []string{"in:2:", "query q", "document a"}},
		{"q 0 a 1.5\n", qrels, []string{"in:1:", "1.5"}},
		{"q a\n", qrels, []string{"in:1:", "2 columns"}},
		{"q 1\ta b\t1\n", qrels, []string{"in:1:", "5 columns", "a blank ends a column, in an id too"}},
		{"q 0 a 999999999999999999999\n", qrels, []string{"in:1:"}},
		{"no tags", topics, []string{"not a TREC topic file"}},
		{"<top>\n<num> Number: 1\n</top>", topics, []string{"in:1:", "topic 1 has no <title>"}},
		{"\n<top><title> x</top>", topics, []string{"in:2:", "without a number"}},
		{"<top><num>1<title>a</top>\n<top><num>1<title>b</top>", topics, []string{"in:2:", "twice"}},
	} {
		err := c.read(write(t, "in", c.text))
		if err == nil {
			t.Errorf("%.40q: read without an error", c.text)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%.40q: error %q does not say %q", c.text, err, s)
			}
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("opening a folder: %v", err)
	}
}

func TestReadQrelsForms(t *testing.T) {
	want := Qrels{"1": {"d1": 2, "d2": 0}, "2": {"d1": -1}}
	for name, text := range map[string]string{
		"TREC": "1 0 d1 2\n1 0 d2 0\n2 0 d1 -1\n",
		"BEIR": "query-id\tcorpus-id\tscore\n1\td1\t2\n1\td2\t0\n2\td1\t-1\n",
		"CRLF": "query-id\tcorpus-id\tscore\r\n1\td1\t2\r\n1\td2\t0.0\r\n2\td1\t-1",
	} {
		got, err := ReadQrels(write(t, "qrels", text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !maps.EqualFunc(got, want, func(a, b map[string]int) bool { return maps.Equal(a, b) }) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestWriteRunReadsBack(t *testing.T) {
	run := Run{"b": {{"x", math.MaxFloat32}, {"y", 0.1}, {"z", math.SmallestNonzeroFloat32}, {"w", float32(math.Inf(-1))}}, "a": {{"x", 1 / 3.}}, "none": nil}
	var out bytes.Buffer
	if err := WriteRun(&out, "me", []string{"b", "none", "a"}, run); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "b Q0 x 1 3.4028235e+38 me\nb Q0 y 2 0.1 me\n") {
		t.Errorf("wrote %q", out.String())
	}
	got, err := ReadRun(write(t, "run", out.String()))
	delete(run, "none")
	if err != nil || !maps.EqualFunc(got, run, slices.Equal) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []Run{{"a": {{"x y", 1}}}, {"a": {{"", 1}}}, {"a": {{"x", float32(math.NaN())}}}, {"#a": {{"x", 1}}}} {
		if WriteRun(&out, "me", bad.QueryIDs(), bad) == nil {
			t.Errorf("wrote %v", bad)
		}
	}
}

func TestReadTopics(t *testing.T) {
	text := `<?xml version="1.0"?>
<top>

<num> Number: 051
<title> Topic:  Airbus
  Subsidies &amp; a < b

<desc> Description:
not this
</top>
<top><num>C2</num><title>closed <b>bold</b> tags</title></top>
<!-- <topic number="9"><title>no</title></topic> -->
<topic type="faceted" number='3'><query>web track</query><description>no</description><subtopic number="1">no</subtopic></topic>
<topic number="4">
A 45-year-old man,
tall
</topic>
`
	want := []Query{{ID: "51", Text: "Airbus Subsidies & a < b"}, {ID: "C2", Text: "closed bold tags"}, {ID: "3", Text: "web track"}, {ID: "4", Text: "A 45-year-old man, tall"}}
	got, err := ReadTopics(write(t, "topics", text))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestParseScore compares the fast path with the standard library's correctly rounded reading.
func TestParseScore(t *testing.T) {
	for _, s := range []string{"0", "-0.0", "1.", ".5", "18.1234", "-7.00049", "123456789012345", "0.000000000000001", "1234567.12345678", "3.4028235677973366e38", "inf"} {
		v, ok := parseScore([]byte(s))
		want, _ := parseReference(s)
		if !ok || math.Float32bits(v) != math.Float32bits(want) {
			t.Errorf("%s: got %v, want %v", s, v, want)
		}
	}
	for _, s := range []string{"", "-", ".", "1.2.3", "x", "nan", "--1"} {
		if v, ok := parseScore([]byte(s)); ok {
			t.Errorf("%q: got %v", s, v)
		}
	}
}
