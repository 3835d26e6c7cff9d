package stats

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// few makes the exact enumeration and the random rounds answer the same question.
func TestRandomiseAgainstSciPy(t *testing.T) {
	// st.permutation_test((a, b), lambda x, y: np.mean(x-y), permutation_type="samples", n_resamples=10**6): exact, 4096 patterns
	r := Randomise(differences(t, listA, listB), 0, 1)
	if r.P != 0.013671875 || !r.Exact || r.Rounds != 4096 {
		t.Errorf("exact: %+v", r)
	}
	// st.permutation_test((list40,), np.mean, permutation_type="samples", n_resamples=4_000_000, rng=1): 0.028174, standard
	// error 0.00008; ours with 400,000 rounds 0.00026. Four of both together: 0.0011.
	if p := Randomise(list40, 400_000, 1).P; math.Abs(p-0.028174) > 0.0011 {
		t.Errorf("40 values: p %v", p)
	}
}

// With rounds too few to enumerate, the estimate agrees with the enumeration.
func TestRandomiseEstimatesTheExactP(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 5; n <= 18; n++ {
		d := make([]float64, n)
		for i := range d {
			d[i] = math.Round(rng.NormFloat64()*4+2) / 8 // many ties
		}
		values, limit := fixedPoint(d)
		exact := float64(enumerate(values, limit)) / math.Exp2(float64(len(values)))
		const rounds = 50_000
		got := float64(flipSigns(values, limit, rounds, uint64(n))) / rounds
		if se := math.Sqrt(exact * (1 - exact) / rounds); math.Abs(got-exact) > 5*se {
			t.Errorf("n %d: %v, exact %v, standard error %v", n, got, exact, se)
		}
		if naive := enumerateNaively(d); naive != exact {
			t.Errorf("n %d: exact %v, plainly %v", n, exact, naive)
		}
	}
}

// enumerateNaively is the definition.
func enumerateNaively(d []float64) float64 {
	observed, count := 0.0, 0
	for _, v := range d {
		observed += v
	}
	for pattern := range 1 << len(d) {
		var sum float64
		for i, v := range d {
			if pattern>>i&1 == 1 {
				v = -v
			}
			sum += v
		}
		if math.Abs(sum) >= math.Abs(observed)-1e-12 {
			count++
		}
	}
	return float64(count) / math.Exp2(float64(len(d)))
}

// The flips of a round are those of its random words, bit by bit: the tables change nothing.
func TestFlipsAreTheBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 7, 8, 9, 63, 64, 65, 130, 300} {
		values := make([]int64, n)
		var sum int64
		for i := range values {
			values[i] = rng.Int64N(2000) - 1000
			sum += values[i]
		}
		const rounds = 37
		limit := max(sum, -sum)
		want := 0
		for r := range rounds {
			var s int64
			for i, v := range values {
				word := mix(start(9) + uint64(i/64*rounds+r+1)*gamma)
				if word>>(i%64)&1 == 1 {
					s += v
				} else {
					s -= v
				}
			}
			if max(s, -s) >= limit {
				want++
			}
		}
		if got := flipSigns(values, limit, rounds, 9); got != want {
			t.Errorf("n %d: %d, want %d", n, got, want)
		}
	}
}

// Values equal on paper are equal here: 1/2-1/3-1/6 is not 0 in floating point.
func TestRandomiseTies(t *testing.T) {
	d := []float64{1.0/2 - 1.0/3, 1.0/3 - 1.0/6, -(1 - 5.0/6), 0.1 + 0.2, -0.3}
	got := Randomise(d, 0, 0)
	if got.P != enumerateNaively(d) || !got.Exact {
		t.Errorf("%+v, want p %v", got, enumerateNaively(d))
	}
}

func TestThreadsChangeNothing(t *testing.T) {
	d := normalDifferences(333)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, b := Randomise(d, 9999, 7), Bootstrap(d, 999, .95, 7)
	for _, n := range []int{2, 3, 8} {
		runtime.GOMAXPROCS(n)
		if got := Randomise(d, 9999, 7); got != p {
			t.Errorf("%d threads: %+v, on one %+v", n, got, p)
		}
		if got := Bootstrap(d, 999, .95, 7); got != b {
			t.Errorf("%d threads: %+v, on one %+v", n, got, b)
		}
	}
	if Randomise(d, 9999, 8) == p {
		t.Error("the seed changes nothing")
	}
}

func TestRandomiseIsCalibrated(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const trials = 2000
	below := 0
	for range trials {
		d := make([]float64, 25)
		for i := range d {
			d[i] = rng.NormFloat64()
		}
		if Randomise(d, 499, rng.Uint64()).P <= .1 {
			below++
		}
	}
	if share := float64(below) / trials; math.Abs(share-.1) > 4*math.Sqrt(.09/trials) {
		t.Errorf("p <= .1 in %v of trials without a difference", share)
	}
}

func TestBootstrapAgainstSciPy(t *testing.T) {
	// st.bootstrap((x,), np.mean, n_resamples=2_000_000, method="percentile" and "BCa", rng=1)
	for _, c := range []struct {
		x               []float64
		percentile, bca Interval
	}{
		{list40, Interval{-0.0548785, -0.0046775}, Interval{-0.0555167, -0.0052582}},
		{listSkewed, Interval{1.02748, 5.99688}, Interval{1.34460, 7.27195}},
	} {
		b := Bootstrap(c.x, 200_000, .95, 1)
		tolerance := 0.01 * (c.percentile.High - c.percentile.Low) // about five standard errors of an end at 200,000 resamples
		for what, ends := range map[string][2]float64{
			"percentile low": {b.Percentile.Low, c.percentile.Low}, "percentile high": {b.Percentile.High, c.percentile.High},
			"bca low": {b.BCa.Low, c.bca.Low}, "bca high": {b.BCa.High, c.bca.High},
		} {
			if math.Abs(ends[0]-ends[1]) > tolerance {
				t.Errorf("%s: %v, SciPy %v", what, ends[0], ends[1])
			}
		}
	}
}

// Given SciPy's own resamples, BCa is SciPy's to the last digits:
// b = st.bootstrap((listSkewed,), np.mean, n_resamples=60, method="BCa", rng=3); sorted(b.bootstrap_distribution), b.confidence_interval.
func TestBCaOfGivenResamples(t *testing.T) {
	means := []float64{1.0489199999999999, 1.3901999999999999, 1.49292, 1.53648, 1.55452, 1.58296, 1.5912800000000002, 1.7153999999999998,
		1.8245999999999998, 2.07508, 2.1082, 2.19728, 2.23548, 2.2865200000000003, 2.4018800000000002, 2.45572, 2.47976, 2.51316,
		2.6634800000000003, 2.75632, 2.7914, 2.82184, 2.8449999999999993, 2.88856, 3.0381599999999995, 3.0660399999999997,
		3.0987999999999998, 3.1044, 3.16024, 3.172920000000001, 3.25848, 3.3736400000000004, 3.46272, 3.5605599999999997, 3.59156,
		3.60896, 3.64108, 3.6510400000000005, 3.69804, 3.8126800000000003, 3.82496, 3.9112400000000003, 3.9170800000000003,
		3.9423599999999994, 3.9943600000000004, 4.15704, 4.27872, 4.299440000000001, 4.359719999999999, 4.3933599999999995,
		4.4435199999999995, 4.5736, 4.58568, 4.6353599999999995, 4.63908, 5.30328, 5.34696, 5.37052, 6.492159999999999, 6.618199999999999}
	slices.Sort(means)
	mean := Mean(listSkewed)
	got := bca(means, mean, acceleration(listSkewed, mean), .025)
	near(t, "low", got.Low, 1.501142382868009)
	near(t, "high", got.High, 6.51920884904891)
}

func TestPool(t *testing.T) {
	// statsmodels combine_effects(effects, variances, method_re="dl", use_t=True)
	p := poolEffects([]float64{.02, .05, -.01, .08, .03}, []float64{.0001, .0004, .0002, .0003, .00015}, .95)
	near(t, "mean", p.Difference, 0.032022395243386945)
	near(t, "se", p.SE, 0.014747079683073898) // sd_eff_w_re_hksj
	near(t, "low", p.Interval.Low, -0.00892206195864542)
	near(t, "high", p.Interval.High, 0.07296685244541931)
	near(t, "tau2", p.Tau2, 0.00068)
	near(t, "q", p.Q, 18.080808080808076)
	near(t, "q p", p.QP, 0.0011900181928312732)
	near(t, "i2", p.I2, 0.7787709497206703)

	// Agreeing effects: tau2 0, and the variance factor 0.02/3 is taken as 1, so the interval is t quantile times the plain
	// standard error: combine_effects' fixed effect, -0.00184863..0.04224863, where its Hartung-Knapp gives .0184...0220.
	p = poolEffects([]float64{.02, .021, .019, .022}, []float64{.0001, .0004, .0002, .0003}, .95)
	near(t, "mean", p.Difference, 0.020200000000000003)
	near(t, "low", p.Interval.Low, -0.00184863477244495)
	near(t, "high", p.Interval.High, 0.04224863477244495)
	near(t, "tau2", p.Tau2, 0)

	if p := PoolRandomEffects([][]float64{list40, {1}}, .95); p.P != PairedT(list40).P || p.Datasets != 1 {
		t.Errorf("one dataset: %+v", p)
	}
	for _, sets := range [][][]float64{{{0, 0, 0}, {0, 0}}, {{.1, .1}, {.1, .1}}, {{.1, .1}, {.3, .3}}, {{.1, .1, .1}, {.2, .1, -.3}}, nil} {
		p := PoolRandomEffects(sets, .95)
		if !(p.P >= 0 && p.P <= 1) || math.IsNaN(p.SE+p.T+p.Q+p.I2+p.Tau2+p.Difference) || math.IsInf(p.Q+p.T, 0) {
			t.Errorf("%v: %+v", sets, p)
		}
	}
}

// Each dataset weighs the same: copying one's queries tenfold changes the mean of no dataset, and the observed statistic not.
func TestRandomiseStrata(t *testing.T) {
	a, b := []float64{.3, .1, .2, -.1}, []float64{-.1, .2, .1}
	got := RandomiseStrata([][]float64{a, b, nil}, 0, 1)
	var scaled []float64
	for _, v := range a {
		scaled = append(scaled, v/4)
	}
	for _, v := range b {
		scaled = append(scaled, v/3)
	}
	if got.P != enumerateNaively(scaled) || !got.Exact {
		t.Errorf("%+v, want %v", got, enumerateNaively(scaled))
	}
}

func TestGeneratorIsSplitMix64(t *testing.T) {
	// The first outputs for seed 0 of the reference implementation (Vigna, splitmix64.c), as quoted by the test vectors of
	// several libraries: 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f.
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := mix(uint64(i+1) * gamma); got != want {
			t.Errorf("output %d: %#x, want %#x", i, got, want)
		}
	}
}
