package cost

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/labrador-lab/labrador/eval/stats"
)

// TestReduceDropsTheExpensive: one dataset takes nearly all of the time and adds little to the claim.
func TestReduceDropsTheExpensive(t *testing.T) {
	loads := []Load{{"small", 300, 60, .1, ""}, {"fever", 6666, 360_000, 1, ""}, {"medium", 648, 900, .1, ""}, {"tiny", 500, 30, .1, ""}}
	claims := []Claim{{Name: "math < base", Datasets: []string{"small", "fever", "medium", "tiny"}, Expected: .05}}
	r := Reduce(loads, claims, 3600, Options{})
	want := []Choice{{"small", 300, 300, 90}, {"fever", 0, 6666, 0}, {"medium", 648, 648, 964.8}, {"tiny", 500, 500, 80}}
	if !r.Fits || !reflect.DeepEqual(r.Choices, want) {
		t.Errorf("%+v", r)
	}
	if c := r.Claims[0]; !c.WasPossible || !c.IsPossible || c.Datasets != 3 {
		t.Errorf("%+v", c)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// TestReduceKeepsWhatFits: nothing is left out where all fits, everything where nothing does.
func TestReduceKeepsWhatFits(t *testing.T) {
	loads := []Load{{"a", 100, 10, 1, ""}, {"b", 200, 10, 0, ""}}
	r := Reduce(loads, []Claim{{Name: "c", Datasets: []string{"a", "b"}, Expected: .1}}, 121, Options{})
	if !r.Fits || r.Kept != 120 || r.Choices[0].Queries != 100 || r.Choices[1].Queries != 200 {
		t.Errorf("%+v", r)
	}
	r = Reduce(loads, []Claim{{Name: "c", Datasets: []string{"a", "b"}, Expected: .1}}, 5, Options{})
	if !r.Fits || r.Kept != 0 || r.Claims[0].IsPossible || r.Claims[0].Kept != math.MaxFloat64 {
		t.Errorf("%+v", r)
	}
	if r = Reduce(nil, nil, 5, Options{}); !r.Fits || len(r.Choices) != 0 {
		t.Errorf("%+v", r)
	}
	if r = Reduce([]Load{{"done", 10, 0, 0, ""}}, nil, 0, Options{}); !r.Fits || r.Choices[0].Queries != 10 {
		t.Errorf("what is there already costs nothing: %+v", r)
	}
}

// TestReduceSharedCorpus: documents that two datasets have in common are saved only where both are left out.
func TestReduceSharedCorpus(t *testing.T) {
	loads := []Load{{"dev", 100, 1000, 1, "c"}, {"test", 100, 1000, 1, "c"}, {"other", 100, 500, 1, ""}}
	for _, c := range []struct {
		budget, full, kept float64
		queries            [3]int
	}{{1800, 1800, 1800, [3]int{100, 100, 100}}, {1200, 1800, 1200, [3]int{100, 100, 0}}, {700, 1800, 600, [3]int{0, 0, 100}}, {1150, 1800, 1150, [3]int{50, 100, 0}}} {
		r := Reduce(loads, nil, c.budget, Options{})
		got := [3]int{r.Choices[0].Queries, r.Choices[1].Queries, r.Choices[2].Queries}
		if r.Full != c.full || r.Kept != c.kept || got != c.queries || r.Choices[0].Seconds+r.Choices[1].Seconds+r.Choices[2].Seconds != r.Kept {
			t.Errorf("budget %v: %+v", c.budget, r)
		}
	}
}

// TestReduceAgainstAll compares the greedy choice with trying every combination of none, some and all queries: where any keeps all claims
// decidable within the budget, the greedy one does in nine of ten.
func TestReduceAgainstAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	possible, found := 0, 0
	for round := range 150 {
		var loads []Load
		var names []string
		for i := range 4 {
			name := fmt.Sprint("d", i)
			loads = append(loads, Load{name, 60 + random.IntN(800), 100 * random.Float64() * random.Float64() * 20, random.Float64(), ""})
			names = append(names, name)
		}
		if round%2 == 1 { // two splits of one corpus
			loads[1].Fixed, loads[0].Corpus, loads[1].Corpus = loads[0].Fixed, "c", "c"
		}
		claims := []Claim{{Name: "all", Datasets: names, Expected: .02 + .06*random.Float64()}, {Name: "two", Datasets: names[:2], Expected: .03 + .1*random.Float64()},
			{Name: "equal", Datasets: names[1:], Expected: .04 + .1*random.Float64(), Equal: true}}
		total := newReducer(loads, claims, Options{}.withDefaults()).seconds()
		budget := total * (.2 + .6*random.Float64())
		got := Reduce(loads, claims, budget, Options{})
		if !got.Fits || got.Kept > budget {
			t.Fatalf("%v of %v: %+v", got.Kept, budget, got)
		}
		if again := Reduce(loads, claims, budget, Options{}); !reflect.DeepEqual(again, got) {
			t.Fatal("twice the same gave different results")
		}
		if !anyDecides(loads, claims, budget) {
			continue
		}
		possible++
		all := true
		for _, c := range got.Claims {
			all = all && c.IsPossible
		}
		if all {
			found++
		}
	}
	t.Logf("all claims stay decidable in %d of %d cases where they can", found, possible)
	if possible < 30 || found*10 < possible*9 {
		t.Errorf("greedy kept all claims decidable in %d of %d cases", found, possible)
	}
}

// anyDecides tries 0, 1/4, 1/2, 3/4 and all queries of every dataset.
func anyDecides(loads []Load, claims []Claim, budget float64) bool {
	r := newReducer(loads, claims, Options{}.withDefaults())
	for code := range 625 {
		for i, c := 0, code; i < 4; i, c = i+1, c/5 {
			r.queries[i] = loads[i].Queries * (c % 5) / 4
		}
		if r.seconds() > budget {
			continue
		}
		ok := true
		for c := range claims {
			ok = ok && r.smallest(c, r.queries) <= claims[c].Expected*1.05 && r.exact(c, r.queries) <= claims[c].Expected
		}
		if ok {
			return true
		}
	}
	return false
}

// TestSmallest: with one dataset the quick figure is that of statsmodels 0.15, TTestPower().solve_power(nobs=n, alpha=a, power=.8) * sd,
// within 3 %, and the exact one within 1e-6.
func TestSmallest(t *testing.T) {
	for _, c := range []struct {
		n           int
		alpha, want float64
	}{{50, .05, 0.12125489992133576}, {300, .05, 0.04868136498657691}, {300, .005, 0.06361610741842541}} {
		r := newReducer([]Load{{"d", c.n, 1, 1, ""}}, []Claim{{Datasets: []string{"d"}}}, Options{Alpha: c.alpha}.withDefaults())
		if got := r.exact(0, r.queries); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("n %d, alpha %v: exact %v, want %v", c.n, c.alpha, got, c.want)
		}
		if got := r.smallest(0, r.queries); math.Abs(got-c.want) > .03*c.want {
			t.Errorf("n %d, alpha %v: quick %v, want %v", c.n, c.alpha, got, c.want)
		}
	}
}

// TestEqualFactor: a margin of so many standard errors is shown with the power that it is made for, by simulation with the test itself.
func TestEqualFactor(t *testing.T) {
	const n, trials = 80, 3000
	random := rand.New(rand.NewPCG(5, 6))
	shown := 0
	for range trials {
		d := make([]float64, n)
		for i := range d {
			d[i] = random.NormFloat64()
		}
		if stats.Equivalent(d, equalFactor(.05, .8, n-1)/math.Sqrt(n), .05).Equivalent {
			shown++
		}
	}
	if share := float64(shown) / trials; math.Abs(share-.8) > .03 {
		t.Errorf("shown in %v of the trials", share)
	}
}
