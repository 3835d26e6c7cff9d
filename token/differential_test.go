package token

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestDifferential compares with what differential.py recorded in the folder LABRADOR_TOKEN_DIFF.
func TestDifferential(t *testing.T) {
	dir := os.Getenv("LABRADOR_TOKEN_DIFF")
	if dir == "" {
		t.Skip("LABRADOR_TOKEN_DIFF names no folder made by differential.py")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	texts, spans := 0, 0
	for _, f := range files {
		tok, err := Open(f[:len(f)-1])
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		bad, badSpans, badText := 0, 0, 0
		h, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(h)
		sc.Buffer(nil, 1<<26)
		for sc.Scan() {
			var text, decoded string
			var ids, plain []int32
			var at [][2]int
			row := [5]any{&text, &ids, &plain, &at, &decoded}
			if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			texts++
			got, gotPlain := tok.Encode(nil, text, true), tok.Encode(nil, text, false)
			e := tok.EncodeSpans(text, false, 0)
			if !slices.Equal(got, ids) || !slices.Equal(gotPlain, plain) || !slices.Equal(e.IDs, plain) {
				if bad++; bad <= 3 {
					t.Errorf("%s: %q\n got %v\nwant %v\nspan %v", filepath.Base(f), text, gotPlain, plain, e.IDs)
				}
				continue
			}
			for i, s := range e.Spans {
				if (Span{at[i][0], at[i][1]}) != s {
					if badSpans++; badSpans == 1 {
						t.Logf("%s: %q spans\n got %v\nwant %v", filepath.Base(f), text, e.Spans, at)
					}
					spans++
					break
				}
			}
			if d := tok.Decode(plain, false); d != decoded {
				if badText++; badText == 1 {
					t.Errorf("%s: %q decoded\n got %q\nwant %q", filepath.Base(f), text, d, decoded)
				}
			}
		}
		h.Close()
		if bad+badSpans+badText > 0 {
			t.Logf("%s: %d texts differ, %d in spans only, %d decoded", filepath.Base(f), bad, badSpans, badText)
		}
	}
	t.Logf("%d tokenizers, %d texts, %d with other spans", len(files), texts, spans)
}
