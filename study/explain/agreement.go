package explain

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

// overlapDepth is the k of overlap@k.
const overlapDepth = 10

// Rankings are what several systems answered to the same queries of one dataset.
type Rankings struct {
	Dataset string
	Lists   map[string][][]int32 // by system: per query its documents as numbers, best first
	Values  map[string][]float64 // by system: per query its value
}

// Agreement says how far two systems return the same, each dataset of the same weight.
type Agreement struct {
	Left     string         `json:"left"`
	Right    string         `json:"right"`
	Datasets int            `json:"datasets"`
	Queries  int            `json:"queries"`
	RBO      float64        `json:"rbo"` // rank-biased overlap, p 0.9, extrapolated
	Interval stats.Interval `json:"rbo_interval"`
	Overlap  float64        `json:"overlap_at_10"`
	Tau      float64        `json:"kendall_tau"` // of the values per query
}

// Agreements are those of every two systems that share a dataset, in the order of the systems.
type Agreements struct {
	Systems []string    `json:"systems"`
	Pairs   []Agreement `json:"pairs"`
}

// Agree compares every two of the systems.
func Agree(systems []string, data []Rankings) Agreements {
	a := Agreements{Systems: systems}
	for i, left := range systems {
		for _, right := range systems[i+1:] {
			if p := agreePair(left, right, data); p.Datasets > 0 {
				a.Pairs = append(a.Pairs, p)
			}
		}
	}
	return a
}

func agreePair(left, right string, data []Rankings) Agreement {
	p := Agreement{Left: left, Right: right}
	var perDataset [][]float64
	for _, d := range data {
		a, b := d.Lists[left], d.Lists[right]
		if len(a) == 0 || len(a) != len(b) {
			continue
		}
		rbo := make([]float64, len(a))
		overlap := 0.0
		for q := range a {
			rbo[q] = RBO(a[q], b[q], Persistence)
			overlap += OverlapAt(a[q], b[q], overlapDepth) / float64(len(a))
		}
		p.Datasets++
		p.Queries += len(a)
		p.Overlap += overlap
		p.Tau += Kendall(d.Values[left], d.Values[right]).R
		perDataset = append(perDataset, rbo)
	}
	if p.Datasets > 0 {
		n := float64(p.Datasets)
		p.Overlap, p.Tau = p.Overlap/n, p.Tau/n
		p.RBO, p.Interval = meanOverDatasets(perDataset)
	}
	return p
}

// pair finds the agreement of two systems, in either order.
func (a Agreements) pair(x, y string) *Agreement {
	for i, p := range a.Pairs {
		if p.Left == x && p.Right == y || p.Left == y && p.Right == x {
			return &a.Pairs[i]
		}
	}
	return nil
}

// Sentence names the two pairs at the ends.
func (a Agreements) Sentence() string {
	if len(a.Pairs) == 0 {
		return "No two systems ran on the same dataset."
	}
	order := func(x, y Agreement) int { return cmp.Compare(x.RBO, y.RBO) }
	say := func(p Agreement) string {
		return fmt.Sprintf("%s and %s (rank-biased overlap %s [%s, %s], %s of the first ten shared, Kendall’s tau of their values %s)", p.Left, p.Right,
			study.Figure(p.RBO), study.Figure(p.Interval.Low), study.Figure(p.Interval.High), percent(p.Overlap), study.Signed(p.Tau))
	}
	most := slices.MaxFunc(a.Pairs, order)
	if len(a.Pairs) == 1 {
		return "Agreement: " + say(most) + "."
	}
	return "Most alike: " + say(most) + "; least: " + say(slices.MinFunc(a.Pairs, order)) + "."
}

// Gain says what the fusion of two systems could reach and did, each dataset of the same weight.
type Gain struct {
	Left       string         `json:"left"`
	Right      string         `json:"right"`
	Measure    string         `json:"measure"`
	Datasets   int            `json:"datasets"`
	Queries    int            `json:"queries"`
	LeftMean   float64        `json:"left_mean"`
	RightMean  float64        `json:"right_mean"`
	Oracle     float64        `json:"oracle"`       // mean of the better of the two, query by query
	RRF        float64        `json:"rrf"`          // mean of their reciprocal rank fusion
	OracleGain float64        `json:"oracle_gain"`  // over the better of the two on average
	RRFGain    float64        `json:"rrf_gain"`     // the same of RRF
	Interval   stats.Interval `json:"rrf_interval"` // of RRFGain, 95 %
}

// Measured are per-query values of two systems and of their fusion on one dataset.
type Measured struct{ Left, Right, RRF []float64 }

// FindGain compares what fusion reached with what the better of two systems per query would. Datasets with other numbers of values, or
// none, are passed over.
func FindGain(left, right, measure string, data []Measured) Gain {
	g := Gain{Left: left, Right: right, Measure: measure}
	var a, b, fused, best [][]float64
	for _, m := range data {
		if n := len(m.Left); n == 0 || len(m.Right) != n || len(m.RRF) != n {
			continue
		}
		top := make([]float64, len(m.Left))
		for i := range top {
			top[i] = max(m.Left[i], m.Right[i])
		}
		g.Datasets++
		g.Queries += len(top)
		a, b, fused, best = append(a, m.Left), append(b, m.Right), append(fused, m.RRF), append(best, top)
	}
	g.LeftMean, _ = meanOverDatasets(a)
	g.RightMean, _ = meanOverDatasets(b)
	g.Oracle, _ = meanOverDatasets(best)
	g.RRF, _ = meanOverDatasets(fused)
	single := a
	if g.RightMean > g.LeftMean {
		single = b
	}
	g.OracleGain = g.Oracle - max(g.LeftMean, g.RightMean)
	d := make([][]float64, len(single))
	for i := range d {
		d[i] = less(fused[i], single[i])
	}
	g.RRFGain, g.Interval = meanOverDatasets(d)
	return g
}

// Sentence says how much of the possible gain was reached.
func (g Gain) Sentence() string {
	if g.Datasets == 0 {
		return fmt.Sprintf("%s and %s share no dataset.", g.Left, g.Right)
	}
	better := g.Left
	if g.RightMean > g.LeftMean {
		better = g.Right
	}
	s := fmt.Sprintf("The better of %s and %s on each query would reach %s %s, %s over %s alone; reciprocal rank fusion reached %s, %s %s", g.Left, g.Right,
		g.Measure, study.Figure(g.Oracle), study.Signed(g.OracleGain), better, study.Figure(g.RRF), study.Signed(g.RRFGain), study.IntervalText(g.Interval))
	if g.OracleGain > 0 && g.RRFGain > 0 {
		s += ", " + percent(g.RRFGain/g.OracleGain) + " of that"
	}
	return s + "."
}

func less(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }
