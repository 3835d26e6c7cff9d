package stats

// Options of Compare. The zero value is the documented default of every field.
type Options struct {
	Rounds     int     // of the randomisation test; 0: DefaultRounds
	Resamples  int     // of the bootstrap; 0: DefaultResamples
	Alpha      float64 // 0: 0.05; intervals have confidence 1-Alpha
	PowerShare float64 // power of SmallestDifference; 0: 0.8
	Margin     float64 // of the equivalence test; 0: none is made
	Seed       uint64
}

func (o Options) withDefaults() Options {
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	if o.PowerShare == 0 {
		o.PowerShare = 0.8
	}
	return o
}

// Comparison is everything said about one pair of systems on one measure and dataset. Differences are a - b.
type Comparison struct {
	Queries       int           `json:"queries"`
	MeanA         float64       `json:"mean_a"`
	MeanB         float64       `json:"mean_b"`
	Difference    float64       `json:"difference"`
	SD            float64       `json:"sd"`       // of the differences
	Interval      Interval      `json:"interval"` // of the difference, by Student's t
	Bootstrap     Bootstrapped  `json:"bootstrap"`
	TTest         TTest         `json:"t_test"`
	Randomisation Randomisation `json:"randomisation"`
	Wilcoxon      Wilcoxon      `json:"wilcoxon"`
	Effect        Effect        `json:"effect"`
	Outcomes      Outcomes      `json:"outcomes"`
	// SmallestDifference is what this many queries could have shown (see the function of that name).
	SmallestDifference float64      `json:"smallest_difference"`
	Equivalence        *Equivalence `json:"equivalence,omitempty"`
}

// Compare runs every test on the paired values of two systems. Its error is that of Differences; no values give the defined
// results of each test.
func Compare(a, b []float64, opts Options) (Comparison, error) {
	d, err := Differences(a, b)
	if err != nil {
		return Comparison{}, err
	}
	opts = opts.withDefaults()
	s := moments(d)
	c := Comparison{
		Queries:       len(d),
		MeanA:         Mean(a),
		MeanB:         Mean(b),
		Difference:    s.mean,
		SD:            s.sd,
		Interval:      TInterval(d, 1-opts.Alpha),
		Bootstrap:     Bootstrap(d, opts.Resamples, 1-opts.Alpha, opts.Seed),
		TTest:         PairedT(d),
		Randomisation: Randomise(d, opts.Rounds, opts.Seed),
		Wilcoxon:      SignedRank(d),
		Effect:        EffectSize(d),
		Outcomes:      CountOutcomes(d),

		SmallestDifference: SmallestDifference(s.sd, s.n, opts.Alpha, opts.PowerShare),
	}
	if opts.Margin > 0 {
		e := Equivalent(d, opts.Margin, opts.Alpha)
		c.Equivalence = &e
	}
	return c, nil
}
