package study

import (
	"context"
	"math"
	"testing"
)

// TestSpreads: before a study runs nothing is known; afterwards the standard deviations of a claim's differences are those of the values
// that the study gives out, on each dataset on which both sides run.
func TestSpreads(t *testing.T) {
	data, cache := testData(t), t.TempDir()
	spreads := func() [][]Spread {
		s, err := parseText(runStudy)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlan(context.Background(), s, Options{Folders: []string{data}, Cache: cache, Out: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		list, err := p.Spreads(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	before := spreads()
	for i, want := range []int{2, 3, 1, 1} {
		if len(before[i]) != want {
			t.Errorf("claim %d: %+v, want %d datasets", i, before[i], want)
		}
		for _, s := range before[i] {
			if s.SD != 0 {
				t.Errorf("claim %d: %+v of runs that nobody made", i, s)
			}
		}
	}
	o := runOnce(t, runStudy, data, cache, t.TempDir())
	after := spreads()
	for i, left := range [][]string{{"words"}, {"w2", "sweep-prefix=1"}, {"words"}, {"few"}} {
		right, measure := []string{"w2", "words", "both", "words"}[i], []int{0, 1, 0, 0}[i]
		for j, s := range after[i] {
			var v *Values
			for _, one := range o.Values {
				if one.Dataset == s.Dataset {
					v = one
				}
			}
			var sum, squares float64
			for q := range v.Queries {
				d := -v.Of[right][measure][q]
				for _, name := range left {
					d += v.Of[name][measure][q] / float64(len(left))
				}
				sum += d
				squares += d * d
			}
			n := float64(len(v.Queries))
			want := math.Sqrt((squares - sum*sum/n) / (n - 1))
			if s.Dataset != before[i][j].Dataset || !(want > 0) || math.Abs(s.SD-want) > 1e-12 {
				t.Errorf("claim %d: %+v, want %v", i, s, want)
			}
		}
	}
}
