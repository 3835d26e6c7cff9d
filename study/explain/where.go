package explain

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

// trendBins is how many parts of equal size a feature is cut into.
const trendBins = 5

// trendResamples of the bootstrap: intervals for the eye.
const trendResamples = 2000

// Observation is one query that both systems answered.
type Observation struct {
	Dataset    string
	Group      string
	Difference float64 // left - right, by the measure
	Facts      QueryFacts
}

// Where says on which queries one of two systems wins.
type Where struct {
	Left       string     `json:"left"`
	Right      string     `json:"right"`
	Measure    string     `json:"measure"`
	Queries    int        `json:"queries"`
	Difference float64    `json:"difference"` // mean over the queries
	Trends     []Trend    `json:"trends"`
	Datasets   []Category `json:"datasets"`
	Groups     []Category `json:"groups"`
}

// Trend is the difference along one feature of the queries. With several datasets the feature is a query's place within its own dataset (0
// to 1), so that a trend is one among queries and not one among datasets.
type Trend struct {
	Feature  string      `json:"feature"`
	Name     string      `json:"name"`
	Within   bool        `json:"within_datasets"`
	Spearman Correlation `json:"spearman"`
	Bins     []Bin       `json:"bins"`
}

// Bin is a part of the queries, next to each other along a feature. Equal values are never divided, so bins may be of unequal size.
type Bin struct {
	Low      float64        `json:"low"` // smallest and largest value of the feature
	High     float64        `json:"high"`
	Queries  int            `json:"queries"`
	Mean     float64        `json:"mean"`     // of the differences
	Interval stats.Interval `json:"interval"` // 95 %, BCa bootstrap
}

// Category is a named part of the queries.
type Category struct {
	Name     string         `json:"name"`
	Queries  int            `json:"queries"`
	Mean     float64        `json:"mean"`
	Interval stats.Interval `json:"interval"`
}

// features of a query, in the order of display.
var features = []struct {
	key, name string
	of        func(QueryFacts) float64
}{
	{"query_length", "words in the query", func(f QueryFacts) float64 { return f.Length }},
	{"document_length", "words in the relevant documents", func(f QueryFacts) float64 { return f.DocumentLength }},
	{"overlap", "share of the query’s terms in its relevant documents", func(f QueryFacts) float64 { return f.Overlap }},
	{"bm25_rank", "BM25’s rank of the first relevant document", func(f QueryFacts) float64 { return f.FirstPositive }},
}

// FindWhere relates the difference of two systems to what their queries are like.
func FindWhere(left, right, measure string, observations []Observation, seed uint64) Where {
	w := Where{Left: left, Right: right, Measure: measure, Queries: len(observations)}
	all := make([]float64, len(observations))
	for i, o := range observations {
		all[i] = o.Difference
	}
	w.Difference = stats.Mean(all)
	w.Datasets = categories(observations, func(o Observation) string { return o.Dataset }, seed)
	w.Groups = categories(observations, func(o Observation) string { return o.Group }, seed)
	for _, f := range features {
		var known []Observation
		var x []float64
		for _, o := range observations {
			if v := f.of(o.Facts); !math.IsNaN(v) {
				known, x = append(known, o), append(x, v)
			}
		}
		if t := FindTrend(known, x, seed); t.Spearman.N >= 3 {
			t.Feature, t.Name = f.key, f.name
			w.Trends = append(w.Trends, t)
		}
	}
	return w
}

// FindTrend relates the observations' differences to the values x, one each.
func FindTrend(observations []Observation, x []float64, seed uint64) Trend {
	place, datasets := placesWithin(observations, x)
	t := Trend{Within: datasets > 1}
	if t.Within {
		x = place
	}
	d := make([]float64, len(x))
	parts := make([][]float64, trendBins)
	bins := make([]Bin, trendBins)
	for i, o := range observations {
		d[i] = o.Difference
		b := min(int(place[i]*trendBins), trendBins-1)
		if len(parts[b]) == 0 {
			bins[b] = Bin{Low: x[i], High: x[i]}
		}
		bins[b].Low, bins[b].High = min(bins[b].Low, x[i]), max(bins[b].High, x[i])
		parts[b] = append(parts[b], d[i])
	}
	t.Spearman = Spearman(x, d)
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		b := stats.Bootstrap(part, trendResamples, confidence, seed)
		bins[i].Queries, bins[i].Mean, bins[i].Interval = len(part), b.Mean, b.BCa
		t.Bins = append(t.Bins, bins[i])
	}
	return t
}

// placesWithin are the queries' places within their datasets, the middle of their ranks' shares: (rank-1/2)/n.
func placesWithin(observations []Observation, x []float64) ([]float64, int) {
	members := map[string][]int{}
	for i, o := range observations {
		members[o.Dataset] = append(members[o.Dataset], i)
	}
	place := make([]float64, len(x))
	for _, list := range members {
		values := make([]float64, len(list))
		for k, i := range list {
			values[k] = x[i]
		}
		for k, r := range ranks(values) {
			place[list[k]] = (r - 0.5) / float64(len(list))
		}
	}
	return place, len(members)
}

// categories are in order of first mention; one alone says nothing and gives none.
func categories(observations []Observation, name func(Observation) string, seed uint64) []Category {
	var list []Category
	parts := map[string][]float64{}
	for _, o := range observations {
		n := name(o)
		if parts[n] == nil {
			list = append(list, Category{Name: n})
		}
		parts[n] = append(parts[n], o.Difference)
	}
	if len(list) < 2 {
		return nil
	}
	for i := range list {
		b := stats.Bootstrap(parts[list[i].Name], trendResamples, confidence, seed)
		list[i].Queries, list[i].Mean, list[i].Interval = len(parts[list[i].Name]), b.Mean, b.BCa
	}
	return list
}

// strongest is the trend furthest from none, nil without trends.
func (w Where) strongest() *Trend {
	if len(w.Trends) == 0 {
		return nil
	}
	t := slices.MaxFunc(w.Trends, func(a, b Trend) int { return cmp.Compare(math.Abs(a.Spearman.R), math.Abs(b.Spearman.R)) })
	return &t
}

// Sentence names the difference and what it goes with most.
func (w Where) Sentence() string {
	s := fmt.Sprintf("%s less %s: %s %s over %s", w.Left, w.Right, study.Signed(w.Difference), w.Measure, plural(w.Queries, "query", "queries"))
	t := w.strongest()
	if t == nil {
		return s + "."
	}
	first, last := t.Bins[0], t.Bins[len(t.Bins)-1]
	if t.Spearman.P >= 0.05 {
		return fmt.Sprintf("%s; it goes with none of the %d features looked at (largest Spearman correlation %s, with %s, p %s).",
			s, len(w.Trends), study.Signed(t.Spearman.R), t.Name, study.PText(t.Spearman.P))
	}
	return fmt.Sprintf("%s; it goes most with %s (Spearman %s, p %s): %s %s where that is lowest, %s %s where it is highest.", s, t.Name,
		study.Signed(t.Spearman.R), study.PText(t.Spearman.P), study.Signed(first.Mean), study.IntervalText(first.Interval),
		study.Signed(last.Mean), study.IntervalText(last.Interval))
}
