package analysis

import (
	"os"
	"strings"
	"testing"
)

// TestLuceneSample checks hand-picked texts; what Lucene makes of them is in testdata (made by LuceneTokens.java).
func TestLuceneSample(t *testing.T) {
	data, err := os.ReadFile("testdata/english.txt")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := New("english")
	var tokens Tokens
	n := 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		text, want, _ := strings.Cut(line, "\t")
		tokens.Reset()
		a.Analyze(text, &tokens)
		if got := strings.Join(tokens.Strings(), "|"); got != want {
			t.Errorf("%+q: got %+q, want %+q", text, got, want)
		}
		n++
	}
	if n < 30 {
		t.Fatalf("only %d samples", n)
	}
}

func TestLongWordsAreCut(t *testing.T) {
	var tokens Tokens
	english{}.Analyze(strings.Repeat("x", 600)+" "+strings.Repeat("\U0001d400", 200), &tokens)
	var lengths []int
	for _, s := range tokens.Strings() {
		lengths = append(lengths, len(s))
	}
	// 255 UTF-16 units: 255 letters x, or 127 letters beyond the basic plane of four bytes each. As Lucene 9.9.1 cuts them.
	want := []int{255, 255, 90, 127 * 4, 73 * 4}
	for i := range want {
		if len(lengths) != len(want) || lengths[i] != want[i] {
			t.Fatalf("got %v, want %v", lengths, want)
		}
	}
}

func FuzzAnalyzers(f *testing.F) {
	f.Add("The dog's HTTPServer_getURL2 \xff \u0e01\u0e02 日本語 \U0001F469\u200d\U0001F52C")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range Names() {
			a, err := New(name)
			if err != nil {
				t.Fatal(err)
			}
			var tokens Tokens
			a.Analyze(text, &tokens)
			for i := range tokens.Len() {
				s, e := tokens.Span(i)
				if len(tokens.Term(i)) == 0 || s < 0 || s >= e || e > len(text) {
					t.Fatalf("%s: %+q: term %+q at %d:%d", name, text, tokens.Term(i), s, e)
				}
			}
		}
	})
}

func BenchmarkEnglish(b *testing.B) {
	text := strings.Repeat("Researchers have shown that the dogs' owners weren't running experiments on generalizations. ", 20)
	a, _ := New("english")
	var tokens Tokens
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		tokens.Reset()
		a.Analyze(text, &tokens)
	}
}
