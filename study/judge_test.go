package study

import (
	"math"
	"testing"

	"github.com/labrador-lab/labrador/eval/stats"
)

// spread makes n differences with mean m and standard deviation sd, without chance.
func spread(n int, m, sd float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = math.Sin(float64(i)*2.399963) + 0.5*math.Cos(float64(i)*1.7)
	}
	mean, s := stats.Mean(d), stats.SD(d)
	for i := range d {
		d[i] = m + (d[i]-mean)/s*sd
	}
	return d
}

func onePair(ds ...[]float64) pair {
	p := pair{differences: ds}
	for i, d := range ds {
		p.datasets = append(p.datasets, string(rune('a'+i)))
		p.left, p.right = append(p.left, stats.Mean(d)), append(p.right, 0)
	}
	return p
}

func TestVerdicts(t *testing.T) {
	claim := func(kind ClaimKind, within float64) Claim {
		return Claim{Kind: kind, Left: "x", Right: "y", Within: within}
	}
	for _, c := range []struct {
		name    string
		claim   Claim
		pair    pair
		verdict string
		beyond  string
	}{
		{"clear", claim(Higher, 0), onePair(spread(200, 0.05, 0.2)), Supported, ""},
		{"clear, the other way", claim(Lower, 0), onePair(spread(200, 0.05, 0.2)), Refuted, ""},
		{"too small for the queries", claim(Higher, 0), onePair(spread(50, 0.01, 0.2)), Undecided, ""},
		{"equal", claim(Equal, 0.02), onePair(spread(1000, 0.001, 0.1)), Supported, ""},
		{"equal, too few queries", claim(Equal, 0.02), onePair(spread(50, 0.001, 0.1)), Undecided, ""},
		{"not equal", claim(Equal, 0.02), onePair(spread(1000, 0.04, 0.1)), Refuted, ""},
		{"at the margin", claim(Equal, 0.02), onePair(spread(1000, 0.02, 0.1)), Undecided, ""},
		{"no difference at all", claim(Higher, 0), onePair(make([]float64, 100)), Undecided, ""},
		{"identical is equal", claim(Equal, 0.01), onePair(make([]float64, 100)), Supported, ""},
		{"one query", claim(Equal, 0.01), onePair([]float64{0}), Undecided, ""},
		{"no query", claim(Higher, 0), onePair([]float64{}), Undecided, ""},
		// certain on these two datasets, so different from each other that a third is anybody's guess
		{"these, not others", claim(Higher, 0), onePair(spread(300, 0.02, 0.1), spread(300, 0.3, 0.1)), Supported, Undecided},
		{"these and others", claim(Higher, 0), onePair(spread(300, 0.05, 0.1), spread(300, 0.05, 0.1), spread(300, 0.051, 0.1)), Supported, Supported},
		{"group equal", claim(Equal, 0.02), onePair(spread(900, 0.001, 0.1), spread(900, -0.001, 0.1), spread(900, 0, 0.1)), Supported, Supported},
	} {
		v := judge([]Claim{c.claim}, []pair{c.pair}, 1)[0]
		beyond := ""
		if v.Beyond != nil {
			beyond = v.Beyond.Verdict
		}
		if v.Verdict != c.verdict || beyond != c.beyond {
			t.Errorf("%s: got %s, beyond %q, want %s, %q; %s", c.name, v.Verdict, beyond, c.verdict, c.beyond, v.Why)
		}
	}
}

// TestHolmOverClaims: the second-best claim needs half of alpha.
func TestHolmOverClaims(t *testing.T) {
	c := Claim{Kind: Higher, Left: "x", Right: "y"}
	alone := judge([]Claim{c}, []pair{onePair(spread(200, 0.029, 0.2))}, 1)[0]
	if alone.Verdict != Supported || alone.P < 0.025 {
		t.Fatalf("alone: %s, p %v", alone.Verdict, alone.P)
	}
	with := judge([]Claim{c, c}, []pair{onePair(spread(200, 0.029, 0.2)), onePair(spread(200, 0, 0.2))}, 1)[0]
	if with.Verdict != Undecided || with.PAdjusted != 2*alone.P || with.Family != 2 {
		t.Fatalf("with another: %s, adjusted p %v", with.Verdict, with.PAdjusted)
	}
}

// TestStrataOfOneDataset: over one dataset everything is what package stats says, which is checked against SciPy and statsmodels.
func TestStrataOfOneDataset(t *testing.T) {
	for _, n := range []int{2, 3, 10, 301} {
		d := spread(n, 0.03, 0.2)
		s := newStrata([][]float64{d})
		want := stats.TInterval(d, 0.95)
		got := s.interval(0.95)
		near(t, "low", got.Low, want.Low)
		near(t, "high", got.High, want.High)
		near(t, "equal", s.equal(0.05), stats.Equivalent(d, 0.05, alpha).P)
		near(t, "smallest", s.smallest(), stats.SmallestDifference(stats.SD(d), n, alpha, power))
	}
}

// TestStrataOfSeveral: expected values from SciPy 1.17.1: r = scipy.stats.ttest_ind(a, -b, equal_var=False) is about the sum of the two means,
// so its statistic, df and confidence_interval halved are those of their average.
func TestStrataOfSeveral(t *testing.T) {
	a := []float64{0.1, 0.3, -0.2, 0.4, 0.25, 0.05}
	b := []float64{-0.1, 0.2, 0.15, 0.5}
	s := newStrata([][]float64{a, b})
	near(t, "mean", s.mean, 0.16875)
	near(t, "se", s.se, 0.0755362771565204)
	near(t, "df", s.df, 5.89729392927052)
	i := s.interval(0.95)
	near(t, "low", i.Low, -0.016863710425711304)
	near(t, "high", i.High, 0.35436371042571135)
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
