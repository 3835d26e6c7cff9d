package kernel

import (
	"context"
	"testing"
)

func TestPeaks(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	k := Current()
	rates, err := k.Peaks(context.Background(), 1)
	if err != nil || len(rates) < 2 || rates[len(rates)-1].Name != "memory" {
		t.Fatalf("%v, %v", rates, err)
	}
	for _, r := range rates {
		if !(r.Rate > 0) {
			t.Errorf("%s: rate %v", r.Name, r.Rate)
		}
		t.Logf("%v %s: %.1f", k.Tier(), r.Name, r.Rate)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := k.Peaks(ctx, 1); err == nil {
		t.Error("no error from a context that has ended")
	}
}
