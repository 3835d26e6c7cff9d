package main

import (
	"strings"
	"testing"
)

// TestOpening: stages of models come and go, also of a second model and of one that is given up.
func TestOpening(t *testing.T) {
	var w strings.Builder
	o := &opening{w: &w}
	for _, total := range []int64{3e9, 5e9} {
		for n := int64(0); n <= total; n += 1e9 {
			o.tell("packing", "weights", n, total)
		}
		if len(o.bars) != 0 {
			t.Fatalf("%d stages are left", len(o.bars))
		}
	}
	o.tell("packing", "weights", 2_500_000, 9e9)
	if n := o.bars["packing"].done; n != 2_500_000 {
		t.Errorf("%d weights", n)
	}
	o.tell("packing", "weights", 1, 9e9) // of another model
	if n := o.bars["packing"].done; n != 1 {
		t.Errorf("%d weights of the second model", n)
	}
	o.end()
	if w.Len() > 0 { // nothing took ten seconds
		t.Errorf("printed %q", w.String())
	}
}
