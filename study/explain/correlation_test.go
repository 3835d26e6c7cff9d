package explain

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Expected values are from SciPy 1.17.1 ("st" is scipy.stats) and, for rank-biased overlap, from the Python package rbo 0.1.3.
var (
	listA = []float64{.52, .61, .33, .80, .45, .70, .29, .66, .91, .38, .57, .74}
	listB = []float64{.48, .63, .21, .72, .46, .55, .30, .50, .85, .31, .60, .59}
	// 30 pairs with ties on both sides.
	tiedX = []float64{0.4, 0.4, -0.9, 0.4, 1.7, -1.2, 1.2, 0.4, -0.3, 2.3, 1.1, -0.9, 0.4, 0.9, 0.1, 1.0, 0.2, 1.0, 1.7, -0.4, 0.5, -0.2, 0.4, -0.9,
		-0.3, 0.1, 1.2, 1.4, -1.0, -0.5}
	tiedY = []float64{0.9, -1.7, -0.2, 0.2, 1.6, 1.0, 0.0, -0.1, 0.0, 1.8, -0.1, 0.0, 0.7, 0.2, 0.1, -0.8, 0.3, -0.1, 1.5, 1.0, 0.3, 1.0, 0.0, 1.4,
		0.3, 0.9, -1.0, 0.6, -1.4, -1.7}
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance*max(1e-3, math.Abs(want)) {
		t.Errorf("%s: got %.17g, want %.17g", what, got, want)
	}
}

func TestSpearman(t *testing.T) {
	c := Spearman(listA, listB) // st.spearmanr(a, b)
	near(t, "rho", c.R, 0.8881118881118882, 1e-12)
	near(t, "p", c.P, 0.00011413359814618021, 1e-9)
	c = Spearman(tiedX, tiedY) // st.spearmanr(x, y)
	near(t, "rho, ties", c.R, 0.1299184652688913, 1e-12)
	near(t, "p, ties", c.P, 0.4938078692424794, 1e-9)
}

func TestKendall(t *testing.T) {
	c := Kendall(listA, listB) // st.kendalltau(a, b, method="asymptotic")
	near(t, "tau", c.R, 0.7878787878787877, 1e-12)
	near(t, "p", c.P, 0.0003627859782809728, 1e-9)
	c = Kendall(tiedX, tiedY) // the same of x and y
	near(t, "tau, ties", c.R, 0.06272731705267014, 1e-12)
	near(t, "p, ties", c.P, 0.639597725147012, 1e-9)
}

// TestKendallBySlowCount compares the merge count with the definition on lists full of ties.
func TestKendallBySlowCount(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n := 3 + r.IntN(40)
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(r.IntN(6)), float64(r.IntN(6))
		}
		var balance, tx, ty float64
		for i := range x {
			for j := range i {
				dx, dy := x[i]-x[j], y[i]-y[j]
				switch {
				case dx*dy > 0:
					balance++
				case dx*dy < 0:
					balance--
				}
				if dx != 0 {
					tx++
				}
				if dy != 0 {
					ty++
				}
			}
		}
		want := 0.0
		if tx > 0 && ty > 0 {
			want = balance / math.Sqrt(tx*ty)
		}
		near(t, "tau", Kendall(x, y).R, want, 1e-12)
	}
}

func TestCorrelationOfNothing(t *testing.T) {
	for _, f := range []func(x, y []float64) Correlation{Spearman, Kendall} {
		for _, x := range [][]float64{nil, {1}, {1, 2}, {3, 3, 3, 3}} {
			if c := f(x, make([]float64, len(x))); c.R != 0 || c.P != 1 || c.N != len(x) {
				t.Errorf("%v: %+v", x, c)
			}
		}
	}
	if c := Spearman([]float64{1, 2, 3, 4}, []float64{10, 20, 30, 40}); c.R != 1 || c.P != 0 {
		t.Errorf("the same order: %+v", c)
	}
}

func TestRBO(t *testing.T) {
	for _, c := range []struct {
		a, b    string
		p, want float64
	}{ // rbo.RankingSimilarity(list(a), list(b)).rbo_ext(p=p)
		{"abcdefgh", "abcdefgh", .9, 1},
		{"abcde", "edcba", .9, 0.7377750000000001},
		{"abcdefghij", "xbayczdefh", .9, 0.5644942696928572},
		{"abc", "cabdefgh", .8, 0.7200000000000001},
		{"abcdefg", "zyxg", .95, 0.10501312723214282},
		{"ab", "xy", .9, 0},
		{"", "", .9, 1},
		{"", "a", .9, 0},
	} {
		near(t, c.a+" and "+c.b, RBO([]rune(c.a), []rune(c.b), c.p), c.want, 1e-12)
		near(t, c.b+" and "+c.a, RBO([]rune(c.b), []rune(c.a), c.p), c.want, 1e-12)
	}
}

func TestOverlapAt(t *testing.T) {
	for _, c := range []struct {
		a, b string
		k    int
		want float64
	}{{"abcd", "dcba", 4, 1}, {"abcd", "dcba", 2, 0}, {"abcd", "bxyz", 3, 1. / 3}, {"ab", "abcdef", 10, 2. / 6}, {"", "", 10, 1}, {"", "abc", 2, 0}} {
		near(t, c.a+" and "+c.b, OverlapAt([]rune(c.a), []rune(c.b), c.k), c.want, 1e-15)
	}
}
