package cost

import (
	"math"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
)

// Load is what a dataset takes here, over all systems.
type Load struct {
	Dataset  string
	Queries  int
	Fixed    float64 // seconds whatever the number of queries: encoding the documents
	PerQuery float64 // seconds
	Corpus   string  // names the documents; Fixed counts once for datasets with the same ones. Empty: its own
}

// Claim is a statement that the study shall decide.
type Claim struct {
	Name     string
	Datasets []string
	// Expected is the difference that it must be able to show; the margin of an equal claim.
	Expected float64
	Equal    bool
	// SD are standard deviations of the per-query differences by dataset; for those without one, Options.SD.
	SD map[string]float64
}

// DefaultSD is the standard deviation that per-query differences of nDCG@10 between two unlike systems usually have, about.
const DefaultSD = 0.3

// Options of Reduce. The zero value is the documented default.
type Options struct {
	Alpha   float64 // of the study; 0 is 0.05. A claim gets its share, alpha over the number of claims: the hardest step of Holm's method
	Power   float64 // 0 is 0.8
	SD      float64 // 0 is DefaultSD
	Fewest  int     // queries that a dataset keeps at least; 0 is 50
	Penalty float64 // of leaving out a whole dataset, in parts of a claim's expected difference; 0 is 0.05
}

func (o Options) withDefaults() Options {
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	if o.Power == 0 {
		o.Power = 0.8
	}
	if o.SD == 0 {
		o.SD = DefaultSD
	}
	if o.Fewest == 0 {
		o.Fewest = 50
	}
	if o.Penalty == 0 {
		o.Penalty = 0.05
	}
	return o
}

// Choice is what becomes of a dataset: all, some or none of its queries.
type Choice struct {
	Dataset string  `json:"dataset"`
	Queries int     `json:"queries"` // kept; 0: the dataset is left out
	Of      int     `json:"of"`
	Seconds float64 `json:"seconds"` // of what is kept
}

// Decidable says what a claim's queries can show.
type Decidable struct {
	Claim    string  `json:"claim"`
	Expected float64 `json:"expected"`
	Full     float64 `json:"full"`     // smallest difference that all queries would show with the power
	Kept     float64 `json:"kept"`     // that the kept ones would; MaxFloat64 without any
	Datasets int     `json:"datasets"` // kept
	// SD are the spreads by dataset that were given with the claim; the others are taken to be Options.SD.
	SD map[string]float64 `json:"sd,omitempty"`
	// WasPossible and IsPossible are whether these are no more than Expected.
	WasPossible bool `json:"was_possible"`
	IsPossible  bool `json:"is_possible"`
}

// Reduction is a study that fits a budget.
type Reduction struct {
	Budget  float64     `json:"budget"` // seconds
	Full    float64     `json:"full"`   // seconds of everything
	Kept    float64     `json:"kept"`   // seconds of what is kept
	Fits    bool        `json:"fits"`
	Choices []Choice    `json:"choices"`
	Claims  []Decidable `json:"claims"`
}

// Reduce chooses datasets and queries to leave out until the study fits the budget (seconds).
//
// It is greedy. While too much is left, it looks at every dataset and weighs two moves: half of its queries, or all of it. A move's
// harm is how much larger, in parts of the expected difference, the smallest difference becomes that each claim could show; leaving a
// dataset out also costs Penalty. It makes the move with the least harm per second saved among those that let every claim stay decidable
// that is, and only where there is none among all, the fewest claims lost first. When the study fits, it puts back what still fits,
// cheapest first. Equal moves go by the order of the datasets, so the result depends on nothing but the arguments.
//
// What a claim can show: the standard error of the mean over its datasets, each of the same weight, from the spread and the number of
// queries, and the quantiles of Student's t; equal claims by those of two one-sided tests. Documents are never left out: a smaller
// corpus is an easier one.
func Reduce(loads []Load, claims []Claim, budget float64, o Options) Reduction {
	r := newReducer(loads, claims, o.withDefaults())
	out := Reduction{Budget: budget, Full: r.seconds()}
	full := slices.Clone(r.queries)
	for r.seconds() > budget && r.cut() {
	}
	if r.seconds() <= budget {
		r.refill(budget)
	}
	out.Kept, out.Fits = r.seconds(), r.seconds() <= budget
	for i, l := range loads {
		out.Choices = append(out.Choices, Choice{l.Dataset, r.queries[i], l.Queries, r.secondsOf(i, r.queries[i])})
	}
	for i, c := range claims {
		d := Decidable{Claim: c.Name, Expected: c.Expected, Full: r.exact(i, full), Kept: r.exact(i, r.queries), SD: c.SD}
		for _, at := range r.members[i] {
			if r.queries[at] > 0 {
				d.Datasets++
			}
		}
		d.WasPossible, d.IsPossible = d.Full <= c.Expected, d.Kept <= c.Expected
		out.Claims = append(out.Claims, d)
	}
	return out
}

// reducer is the state of Reduce.
type reducer struct {
	loads   []Load
	claims  []Claim
	o       Options
	alpha   float64 // of one claim
	queries []int   // kept, by dataset
	members [][]int // datasets of each claim
	factors map[[2]int]float64
}

func newReducer(loads []Load, claims []Claim, o Options) *reducer {
	r := &reducer{loads: loads, claims: claims, o: o, alpha: o.Alpha / float64(max(1, len(claims))), factors: map[[2]int]float64{}}
	for _, l := range loads {
		r.queries = append(r.queries, l.Queries)
	}
	for _, c := range claims {
		var at []int
		for i, l := range loads {
			if slices.Contains(c.Datasets, l.Dataset) {
				at = append(at, i)
			}
		}
		r.members = append(r.members, at)
	}
	return r
}

// secondsOf is what a dataset takes with so many queries while the others keep theirs: documents that an earlier one of them has too are free.
func (r *reducer) secondsOf(i, queries int) float64 {
	if queries == 0 {
		return 0
	}
	seconds := r.loads[i].PerQuery * float64(queries)
	for j := range i {
		if r.queries[j] > 0 && r.sameCorpus(i, j) {
			return seconds
		}
	}
	return r.loads[i].Fixed + seconds
}

func (r *reducer) sameCorpus(i, j int) bool {
	return r.loads[i].Corpus != "" && r.loads[i].Corpus == r.loads[j].Corpus
}

func (r *reducer) seconds() float64 { return r.secondsWith(-1, 0) }

// secondsWith is what everything takes with other queries of one dataset.
func (r *reducer) secondsWith(dataset, queries int) float64 {
	if dataset >= 0 {
		defer func(n int) { r.queries[dataset] = n }(r.queries[dataset])
		r.queries[dataset] = queries
	}
	sum := 0.0
	for i, n := range r.queries {
		sum += r.secondsOf(i, n)
	}
	return sum
}

// spread of a claim's estimate for given numbers of queries: its standard error, and the number of queries behind it.
func (r *reducer) spread(claim int, queries []int) (se float64, n, datasets int) {
	for _, i := range r.members[claim] {
		if queries[i] == 0 {
			continue
		}
		sd, ok := r.claims[claim].SD[r.loads[i].Dataset]
		if !ok {
			sd = r.o.SD
		}
		se += sd * sd / float64(queries[i])
		n += queries[i]
		datasets++
	}
	return math.Sqrt(se) / float64(max(1, datasets)), n, datasets
}

// smallest is what a claim could show, by the sum of two quantiles: within some percent of exact, and quick.
func (r *reducer) smallest(claim int, queries []int) float64 {
	se, n, datasets := r.spread(claim, queries)
	if datasets == 0 || n < 3 {
		return math.MaxFloat64
	}
	equal := 0
	if r.claims[claim].Equal {
		equal = 1
	}
	key := [2]int{min(n, 1000) - datasets, equal}
	f, ok := r.factors[key]
	if !ok {
		df := float64(max(1, key[0]))
		f = stats.StudentQuantile(1-r.alpha/2, df) + stats.StudentQuantile(r.o.Power, df)
		if equal == 1 {
			f = equalFactor(r.alpha, r.o.Power, df)
		}
		r.factors[key] = f
	}
	return f * se
}

// equalFactor is the margin, in standard errors, that two one-sided tests show with the power where the true difference is 0: each must
// succeed, so each gets half of the failures (Chow, Shao and Wang 2008, section 3.2.2).
func equalFactor(alpha, power, df float64) float64 {
	return stats.StudentQuantile(1-alpha, df) + stats.StudentQuantile((1+power)/2, df)
}

// exact is smallest by the noncentral distribution where there is one, as the study reports it.
func (r *reducer) exact(claim int, queries []int) float64 {
	se, n, datasets := r.spread(claim, queries)
	if datasets == 0 || n < 3 || r.claims[claim].Equal {
		return r.smallest(claim, queries)
	}
	return stats.SmallestDifference(se*math.Sqrt(float64(n)), n, r.alpha, r.o.Power)
}

// move sets the queries of one dataset.
type move struct {
	dataset, queries int
	lost             int
	harm             float64 // per second saved
}

// cut makes the best move, false where none is left.
func (r *reducer) cut() bool {
	var best *move
	for i, n := range r.queries {
		if n == 0 {
			continue
		}
		for _, to := range []int{max(n/2, min(n, r.o.Fewest)), 0} {
			saved := r.seconds() - r.secondsWith(i, to)
			if to == n || saved <= 0 {
				continue
			}
			m := r.weigh(i, to)
			m.harm /= saved
			if best == nil || m.lost < best.lost || m.lost == best.lost && m.harm < best.harm {
				best = &m
			}
		}
	}
	if best == nil {
		return false
	}
	r.queries[best.dataset] = best.queries
	return true
}

// weigh is what setting a dataset's queries does to the claims.
func (r *reducer) weigh(dataset, queries int) move {
	m := move{dataset: dataset, queries: queries, harm: 1e-9}
	if queries == 0 {
		m.harm += r.o.Penalty
	}
	after := slices.Clone(r.queries)
	after[dataset] = queries
	for c, claim := range r.claims {
		if !slices.Contains(r.members[c], dataset) || !(claim.Expected > 0) {
			continue
		}
		before, now := r.smallest(c, r.queries), r.smallest(c, after)
		if now >= math.MaxFloat64 {
			m.lost++
			m.harm += 10
			continue
		}
		const room = 1.02 // smallest is not exact
		if now*room > claim.Expected && before*room <= claim.Expected {
			m.lost++
		}
		m.harm += max(0, now-before) / claim.Expected
	}
	return m
}

// refill puts back what fits the budget: whole datasets and queries, the cheapest first.
func (r *reducer) refill(budget float64) {
	order := make([]int, len(r.loads))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := r.secondsOf(a, r.loads[a].Queries), r.secondsOf(b, r.loads[b].Queries)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	for _, i := range order {
		l, n := r.loads[i], r.queries[i]
		free := budget - r.secondsWith(i, 0)
		fixed := r.secondsWith(i, 1) - r.secondsWith(i, 0) - l.PerQuery
		to := l.Queries
		if l.PerQuery > 0 {
			to = int(min(float64(l.Queries), max(0, (free-fixed)/l.PerQuery)))
		} else if fixed > free {
			to = 0
		}
		if to > n && to >= min(l.Queries, r.o.Fewest) {
			r.queries[i] = to
			if r.seconds() > budget { // by a rounding
				r.queries[i] = n
			}
		}
	}
}
