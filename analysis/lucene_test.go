package analysis

import (
	"bufio"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestAgainstLucene compares with Lucene itself where LABRADOR_LUCENE_TOKENS names an analyzer, a file of texts and what
// testdata/LuceneTokens.java made of them: "english:texts.hex:tokens.hex". It skips otherwise; TestLuceneSample has a sample.
func TestAgainstLucene(t *testing.T) {
	spec := strings.Split(os.Getenv("LABRADOR_LUCENE_TOKENS"), ":")
	if len(spec) != 3 {
		t.Skip("LABRADOR_LUCENE_TOKENS is not set")
	}
	a, err := New(spec[0])
	if err != nil {
		t.Fatal(err)
	}
	var scanners [2]*bufio.Scanner
	for i := range scanners {
		f, err := os.Open(spec[i+1])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		scanners[i] = bufio.NewScanner(f)
		scanners[i].Buffer(nil, 1<<24)
	}
	n, bad := 0, 0
	var tokens Tokens
	for scanners[0].Scan() && scanners[1].Scan() {
		text, err := hex.DecodeString(scanners[0].Text())
		if err != nil {
			t.Fatal(err)
		}
		tokens.Reset()
		a.Analyze(string(text), &tokens)
		var got []string
		for _, s := range tokens.Strings() {
			got = append(got, hex.EncodeToString([]byte(s)))
		}
		n++
		if want := scanners[1].Text(); strings.Join(got, " ") != want {
			if bad++; bad <= 20 {
				t.Errorf("%+q:\n got %+q\nwant %+q", clip(string(text)), clip(decodeAll(strings.Join(got, " "))), clip(decodeAll(want)))
			}
		}
	}
	t.Logf("%d texts, %d different", n, bad)
}

func clip(s string) string { return s[:min(len(s), 400)] }

func decodeAll(s string) string {
	var out []string
	for f := range strings.FieldsSeq(s) {
		b, _ := hex.DecodeString(f)
		out = append(out, string(b))
	}
	return strings.Join(out, "|")
}
