package stats

import (
	"encoding/json"
	"math"
	"testing"
)

// Expected values in this package's tests come from SciPy 1.17.1 ("st" is scipy.stats), statsmodels 0.15.0 and R's formulas; each
// names its call. The lists those calls were given:
var (
	listA = []float64{.52, .61, .33, .80, .45, .70, .29, .66, .91, .38, .57, .74}
	listB = []float64{.48, .63, .21, .72, .46, .55, .30, .50, .85, .31, .60, .59}
	// 40 values without ties and zeros.
	list40 = []float64{0.010123, 0.039875, -0.017414, -0.079059, -0.035467, -0.089165, 0.016014, 0.144022, -0.039221, -0.052047,
		0.058984, 0.045689, 0.020541, -0.083047, 0.007075, 0.07953, -0.124421, -0.035762, -0.180122, -0.118954, -0.174174, -0.013509,
		-0.116745, 0.037126, 0.025675, -0.008693, -0.241676, -0.043869, 0.00515, 0.021331, -0.143014, -0.037775, -0.087852, -0.070884,
		0.11609, -0.070753, 0.006748, 0.098439, -0.04836, -0.00117}
	// 60 values with ties and zeros.
	list60 = []float64{0.4, 0.4, -0.9, 0.4, 1.7, -1.2, 1.2, 0.4, -0.3, 2.3, 1.1, -0.9, 0.4, 0.9, 0.1, 1.0, 0.2, 1.0, 1.7, -0.4, 0.5, -0.2,
		0.4, -0.9, -0.3, 0.1, 1.2, 1.4, -1.0, -0.5, 0.9, -1.7, -0.2, 0.2, 1.6, 1.0, 0.0, -0.1, 0.0, 1.8, -0.1, 0.0, 0.7, 0.2, 0.1,
		-0.8, 0.3, -0.1, 1.5, 1.0, 0.3, 1.0, 0.0, 1.4, 0.3, 0.9, -1.0, 0.6, -1.4, -1.7}
	// 25 skewed values.
	listSkewed = []float64{7.02, 0.46, 2.116, 1.172, 0.227, 4.977, 3.38, 0.117, 0.526, 1.319, 1.317, 0.007, 27.975, 0.0, 1.974, 1.649,
		0.081, 0.461, 0.139, 0.0, 0.652, 1.439, 1.32, 19.889, 0.028}
)

func differences(t *testing.T, a, b []float64) []float64 {
	t.Helper()
	d, err := Differences(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// near asks for relative agreement to 1 part in 10^9 (the special functions of both sides are good to about 10^-12).
func near(t *testing.T, what string, got, want float64) { t.Helper(); within(t, what, got, want, 1e-9) }

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance*max(1e-12, math.Abs(want)) {
		t.Errorf("%s: got %.17g, want %.17g", what, got, want)
	}
}

func TestDifferencesRefuses(t *testing.T) {
	for _, c := range [][2][]float64{
		{{1, 2}, {1}},
		{{1, math.NaN()}, {1, 2}},
		{{1, 2}, {math.Inf(1), 2}},
		{{1e200, 2}, {0, 2}},
	} {
		if _, err := Differences(c[0], c[1]); err == nil {
			t.Errorf("%v accepted", c)
		}
	}
}

func TestPairedT(t *testing.T) {
	d := differences(t, listA, listB)
	r := PairedT(d) // st.ttest_rel(a, b)
	near(t, "t", r.T, 3.1064546919827167)
	near(t, "p", r.P, 0.00998844263968255)
	near(t, "df", r.DF, 11)
	i := TInterval(d, 0.95) // st.ttest_rel(a, b).confidence_interval(.95)
	near(t, "low", i.Low, 0.018460402411288088)
	near(t, "high", i.High, 0.10820626425537859)
	near(t, "p of 40", PairedT(list40).P, 0.028506395454862464) // st.ttest_1samp(list40, 0)
}

func TestStudent(t *testing.T) {
	for _, c := range []struct{ df, q975, q95, upper33, upper40 float64 }{ // st.t.ppf(.975), ppf(.95), sf(3.3), sf(40)
		{1, 12.706204736174694, 6.313751514675037, 0.09365777093187934, 0.007956089912025812},
		{2, 4.302652729749462, 2.9199855803537242, 0.040423846901833996, 0.0003122073360923703},
		{5, 2.5705818356363146, 2.0150483733330233, 0.010737750149998997, 9.205981085886477e-08},
		{30, 2.0422724563012378, 1.697260886593957, 0.001249653719899027, 6.863022597203209e-28},
		{299, 1.9679296690656698, 1.6499657674263895, 0.0005419236700937438, 2.3605056846475738e-122},
		{6999, 1.9603029864766415, 1.6450713683549256, 0.0004858419711756928, 0},
		{1e6, 1.959966356814107, 1.6448551507220404, 0.00048344103967000256, 0},
	} {
		near(t, "quantile .975", StudentQuantile(.975, c.df), c.q975)
		near(t, "quantile .95", StudentQuantile(.95, c.df), c.q95)
		near(t, "quantile .05", StudentQuantile(.05, c.df), -c.q95)
		near(t, "upper 3.3", StudentUpper(3.3, c.df), c.upper33)
		near(t, "upper 40", StudentUpper(40, c.df), c.upper40)
		near(t, "upper -3.3", StudentUpper(-3.3, c.df), 1-c.upper33)
	}
}

func TestSignedRank(t *testing.T) {
	for _, c := range []struct {
		name  string
		d     []float64
		w, p  float64
		exact bool
	}{
		{"without ties", list40, 259, 0.04219436091807438, true},                                                   // st.wilcoxon(list40)
		{"ties, 60", list60, 495.5, 0.013511502229390196, false},                                                   // st.wilcoxon(list60)
		{"ties, 10", []float64{3, -1, 2, 0, 2, -2, 5, 0, 1, 4}, 5.5, 0.1015625, true},                              // st.wilcoxon of the same
		{"ties but for rounding", differences(t, listA, listB), 10, 0.01904296875, true},                           // st.wilcoxon(np.round(a-b, 2))
		{"one", []float64{.3}, 0, 1, true},                                                                         // st.wilcoxon([.3])
		{"six of a sign", []float64{.1, .2, .3, .4, .5, .6}, 0, 0.03125, true},                                     // st.wilcoxon of the same
		{"fourteen tied", []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1}, 7.5, 0.0013406411172294783, false}, // st.wilcoxon of the same
	} {
		got := SignedRank(c.d)
		near(t, c.name+" W", got.W, c.w)
		near(t, c.name+" p", got.P, c.p)
		if got.Exact != c.exact {
			t.Errorf("%s: exact %v", c.name, got.Exact)
		}
	}
}

func TestAdjust(t *testing.T) {
	p := []float64{.01, .04, .03, .005, .2, .5, .04, .9}
	holm := []float64{0.07, 0.2, 0.18, 0.04, 0.6, 1, 0.2, 1}                                       // statsmodels multipletests(p, method="holm")
	bh := []float64{0.04, 0.064, 0.064, 0.04, 0.26666666666666666, 0.5714285714285714, 0.064, 0.9} // st.false_discovery_control(p)
	for i := range p {
		near(t, "holm", Holm(p)[i], holm[i])
		near(t, "bh", BenjaminiHochberg(p)[i], bh[i])
	}
	if len(Holm(nil)) != 0 || len(BenjaminiHochberg(nil)) != 0 {
		t.Error("an empty family has no p")
	}
}

func TestEquivalent(t *testing.T) {
	d := differences(t, listA, listB)
	for _, c := range []struct {
		margin, p float64
		verdict   bool
	}{{.05, 0.7367230409462621, false}, {.1, 0.04978455783921057, true}, {.15, 0.0006817948779578615, true}} { // ttost_paired(a, b, -m, m)
		e := Equivalent(d, c.margin, 0.05)
		near(t, "p", e.P, c.p)
		near(t, "low", e.Interval.Low, 0.026719449298649035) // st.ttest_rel(a, b).confidence_interval(.9)
		near(t, "high", e.Interval.High, 0.09994721736801762)
		if e.Equivalent != c.verdict {
			t.Errorf("margin %v: verdict %v", c.margin, e.Equivalent)
		}
	}
}

func TestEffect(t *testing.T) {
	e := EffectSize(differences(t, listA, listB))
	near(t, "d_z", e.DZ, 0.8967562263207988) // d.mean() / d.std(ddof=1)
	near(t, "g", e.HedgesG, 0.8339472498238871)
	near(t, "rank biserial", e.RankBiserial, (68.0-10)/78) // rank sums of st.wilcoxon: 10 and 78-10
	o := CountOutcomes(list60)
	if o != (Outcomes{Wins: 37, Ties: 4, Losses: 19}) { // (x>0).sum(), (x==0).sum(), (x<0).sum()
		t.Errorf("outcomes %+v", o)
	}
	if got := CountOutcomes([]float64{1.0/2 - 1.0/3 - 1.0/6, 1, -1}); got != (Outcomes{1, 1, 1}) {
		t.Errorf("rounding counts as a loss or a win: %+v", got)
	}
}

func TestPower(t *testing.T) {
	for _, c := range []struct{ t, df, shift, want float64 }{ // st.nct.cdf(t, df, shift)
		{2, 5, 1, 0.7780746626162148}, {-1, 9, .5, 0.07564345303987377}, {2, 300, 2.8, 0.21214214088616787},
		{1.96, 6999, 2.8, 0.20046687502168498}, {30, 20, 25, 0.8305613288019649},
	} {
		near(t, "noncentral t", noncentralCDF(c.t, c.df, c.shift), c.want)
	}
	for _, c := range []struct {
		n            int
		effect, want float64
	}{ // statsmodels TTestPower().power(effect, n, .05); n=20 from st.nct, where statsmodels gives nan
		{10, .5, 0.2931756065140767}, {50, .3, 0.5476570389705147}, {300, .16, 0.7888420134229187}, {7000, .03, 0.70873162465127},
		{20, 2, 0.9999999999545319}, {5, .01, 0.050035512300008175},
	} {
		near(t, "power", Power(-c.effect*3, 3, c.n, .05), c.want)
	}
	for n, want := range map[int]float64{ // TTestPower().solve_power(None, n, .05, .8), a root found to about 2e-5
		10: 0.9960019107624178, 50: 0.4041829997377859, 300: 0.16227121662192304, 7000: 0.033489141286616585,
	} {
		got := SmallestDifference(2, n, .05, .8)
		within(t, "smallest difference", got, 2*want, 5e-5)
		near(t, "its power", Power(got, 2, n, .05), .8)
	}
	for effect, want := range map[float64]int{.5: 34, .2: 199, .05: 3142} { // solve_power(effect, None, .05, .8): 33.4, 198.2, 3141.5
		if got := QueriesNeeded(effect, 1, .05, .8); got != want {
			t.Errorf("queries for %v: %d, want %d", effect, got, want)
		}
	}
	if Power(0.1, 1, 1, .05) != 0 || Power(0.1, 0, 5, .05) != 1 || Power(0, 0, 5, .05) != 0 || Power(1e6, 1, 50, .05) != 1 ||
		SmallestDifference(1, 1, .05, .8) != math.MaxFloat64 || SmallestDifference(0, 9, .05, .8) != 0 ||
		QueriesNeeded(0, 1, .05, .8) != maxQueries || QueriesNeeded(1, 0, .05, .8) != 2 {
		t.Error("a degenerate power is not as documented")
	}
}

func TestIntervalJSON(t *testing.T) {
	b, err := json.Marshal([]Interval{{1, 2.5}, unbounded})
	if err != nil || string(b) != "[[1,2.5],[null,null]]" {
		t.Fatalf("%s, %v", b, err)
	}
	var back []Interval
	if err := json.Unmarshal(b, &back); err != nil || back[0] != (Interval{1, 2.5}) || back[1] != unbounded {
		t.Fatalf("%v, %v", back, err)
	}
}

// Everything has a finite, documented result on lists that say nothing, and its JSON can be written.
func TestDegenerate(t *testing.T) {
	for name, c := range map[string]struct {
		a, b []float64
		p    float64 // of the t-test
	}{
		"empty":       {nil, nil, 1},
		"one":         {[]float64{.5}, []float64{.2}, 1},
		"equal":       {[]float64{.5, .1, .3}, []float64{.5, .1, .3}, 1},
		"shifted":     {[]float64{.5, .1, .3}, []float64{.4, .0, .2}, 0},
		"two":         {[]float64{.5, .1}, []float64{.4, .3}, 0.7951672353008665}, // st.ttest_rel of the same
		"tiny":        {[]float64{1e-300, 3e-300}, []float64{0, 1e-300}, 0},       // squares vanish: no spread
		"large":       {[]float64{1e149, 3e149}, []float64{0, 1e149}, 0.20483276469913345},
		"three zeros": {[]float64{0, 0, 0}, []float64{0, 0, 0}, 1},
	} {
		r, err := Compare(c.a, c.b, Options{Margin: .01, Rounds: 1000, Resamples: 200})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		near(t, name, r.TTest.P, c.p)
		for what, p := range map[string]float64{"t": r.TTest.P, "randomisation": r.Randomisation.P, "wilcoxon": r.Wilcoxon.P, "equivalence": r.Equivalence.P} {
			if !(p >= 0 && p <= 1) {
				t.Errorf("%s: %s p %v", name, what, p)
			}
		}
	}
	nan := []float64{math.NaN(), 1}
	if PairedT(nan).P != 1 || Randomise(nan, 0, 0).P != 1 || SignedRank(nan).P != 1 || Bootstrap(nan, 10, .95, 0).BCa != unbounded ||
		Equivalent(nan, 1, .05).P != 1 || EffectSize(nan) != (Effect{}) || PoolRandomEffects([][]float64{nan, nan}, .95).P != 1 {
		t.Error("NaN is not counted as no value")
	}
}
