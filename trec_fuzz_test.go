package labrador

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func parseReference(s string) (float32, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return float32(v), !strings.Contains(s, "_") && err == nil || strings.Contains(err.Error(), "range")
}

func FuzzParseRunLine(f *testing.F) {
	for _, s := range []string{"q Q0 d 1 1.5 t", "q\tQ0\td\t1\t-1e9\tt\r", "", "q Q0 d 1 0x1p-2 t extra", " # ", "q Q0 d 1 1_000 t"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := ParseRunLine(line)
		if err != nil {
			return
		}
		fields := bytes.FieldsFunc(line, func(r rune) bool { return r < 128 && isSpace(byte(r)) })
		want, ok := parseReference(string(fields[4]))
		if !bytes.Equal(l.Query, fields[0]) || !bytes.Equal(l.Doc, fields[2]) || !ok || math.Float32bits(want) != math.Float32bits(l.Score) {
			t.Fatalf("%q: got %q %q %v", line, l.Query, l.Doc, l.Score)
		}
	})
}

func FuzzParseQrelsLine(f *testing.F) {
	for _, s := range []string{"q 0 d 1", "q\td\t1", "q 0 d -1 x", "q 0 d 1e3", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		IsQrelsHeader(line)
		l, err := ParseQrelsLine(line)
		if err == nil && (len(l.Query) == 0 || len(l.Doc) == 0 || l.Grade > maxGrade || l.Grade < -maxGrade) {
			t.Fatalf("%q: got %q %q %d", line, l.Query, l.Doc, l.Grade)
		}
	})
}

func FuzzParseTopics(f *testing.F) {
	for _, s := range []string{"<top><num> Number: 1<title>a\nb</top>", `<topic number="1"><query>q</query></topic>`, "<top", "<top><top><<<", "<!--<top>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		queries, line, err := parseTopics(data)
		if err != nil && (line < 1 || line > bytes.Count(data, []byte("\n"))+1) {
			t.Fatalf("line %d: %v", line, err)
		}
		for _, q := range queries {
			if q.ID == "" || q.Text == "" || err != nil {
				t.Fatalf("got %q, %v", q, err)
			}
		}
	})
}

// FuzzOpen reads any bytes as a compressed or plain run: an error or a run, never more lines than the text can hold.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{"q Q0 d 1 1.5 t\n", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "\x28\xb5\x2f\xfd\x04\x00", "\xef\xbb\xbfq Q0 d 1 1 t"} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "run")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		run, err := ReadRun(path)
		if (err == nil) != (run != nil) {
			t.Fatalf("got %v, %v", run, err)
		}
		for q, hits := range run {
			if q == "" || !slices.IsSortedFunc(hits, CompareHits) {
				t.Fatalf("query %q: %v", q, hits)
			}
		}
	})
}
