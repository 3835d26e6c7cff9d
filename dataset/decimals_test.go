package dataset

import (
	"strings"
	"testing"
)

func TestDecimals(t *testing.T) {
	for _, ids := range [][]string{nil, {"2", "a.0", "2.5", "2.", "v2.0", ".0"}} {
		if got := Decimals(ids); got != "" {
			t.Errorf("%q: %s", ids, got)
		}
	}
	for id, want := range map[string]string{"2.0": "; 2.0 looks like the id 2 written as a decimal", "-17.00": "; -17.00 looks like the id -17 "} {
		if got := Decimals([]string{"a", id}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", id, got)
		}
	}
}
