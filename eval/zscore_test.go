package eval

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadZScoresRefuses(t *testing.T) {
	for text, says := range map[string]string{"q map 1\n": "run:1: 3 columns", "q map 1 1\nq P x 1\n": "run:2:", "q map 1 -1\n": "run:1:", "q map nan 1\n": "run:1:"} {
		if _, err := ReadZScores(write(t, []byte(text))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzReadZScores(f *testing.F) {
	f.Add([]byte("q map 0.5 0.25\n\nq P_5 1e3 0\n"))
	path := filepath.Join(f.TempDir(), "z")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		z, err := ReadZScores(path)
		for q, m := range z {
			if err != nil || q == "" || len(m) == 0 {
				t.Fatalf("got %v, %v", z, err)
			}
		}
	})
}
