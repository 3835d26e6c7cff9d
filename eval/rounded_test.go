package eval

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// TestRounded compares with mpmath's values (testdata/rounded.txt), which glibc's log and exp give too; Go's differ in some.
func TestRounded(t *testing.T) {
	text, err := os.ReadFile("testdata/rounded.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(text), "\n")
	for row := range strings.Lines(rows) {
		var x, l, e float64
		if _, err := fmt.Sscan(row, &x, &l, &e); err != nil {
			t.Fatal(err)
		}
		if got := log(x); got != l {
			t.Errorf("log(%v) = %v, want %v", x, got, l)
		}
		if got := exp(l); got != e {
			t.Errorf("exp(%v) = %v, want %v", l, got, e)
		}
	}
	for _, x := range []float64{0, -1, math.Inf(1)} {
		if got, want := log(x), math.Log(x); got != want && !math.IsNaN(want) {
			t.Errorf("log(%v) = %v, want %v", x, got, want)
		}
	}
	for x := 1e-300; x < 1e300; x *= 97.3 {
		if got, want := log(x), math.Log(x); math.Abs(got-want) > 1e-15*math.Abs(want) {
			t.Errorf("log(%v) = %v, want about %v", x, got, want)
		}
	}
}

// TestGeometricMeanAtATie: AP 7/32 of one query; trec_eval 10 prints gm_bpref and gm_map .2187, since e^(ln .21875) is just below there.
func TestGeometricMeanAtATie(t *testing.T) {
	if got := fmt.Sprintf("%.4f", exp(log(7.0/32))); got != "0.2187" {
		t.Error(got)
	}
}
