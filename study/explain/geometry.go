package explain

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/study"
)

// Bounds of Geometry.
const (
	geometryRows   = 800 // sampled documents; all pairs of them are looked at
	geometryGroups = 20  // of the jackknife
	geometryPairs  = 5000
	hubK           = 10
	leastDocuments = 30
)

// Estimate is a number from a sample with its 95 % interval.
type Estimate struct {
	Value    float64        `json:"value"`
	Interval stats.Interval `json:"interval"`
}

// String is "+.1234 [+.1200, +.1300]".
func (e Estimate) String() string {
	return study.Signed(e.Value) + " " + study.IntervalText(e.Interval)
}

// Geometry says how a model's vectors lie on the sphere.
type Geometry struct {
	System     string `json:"system"`
	Dataset    string `json:"dataset"`
	Documents  int    `json:"documents"` // sampled
	Dimensions int    `json:"dimensions"`
	// Cosine is the mean cosine of two different documents: 0 for directions without preference (anisotropy, Ethayarajh 2019).
	Cosine Estimate `json:"mean_cosine"`
	// Component is the first principal component's share of the variance.
	Component Estimate `json:"first_component"`
	// Hubness is the skewness of how often a document is among the 10 nearest of the others (Radovanovic, Nanopoulos and Ivanovic 2010). It
	// grows with the size of the sample.
	Hubness Estimate `json:"hubness"`
	// Uniformity is log mean exp(-2 |x-y|^2) over pairs: lower is more uniform (Wang and Isola 2020, equation 2, t = 2).
	Uniformity Estimate `json:"uniformity"`
	// Alignment is the mean squared distance of a query and a relevant document: lower is closer (the same, equation 1, alpha = 2).
	Alignment *Estimate `json:"alignment,omitempty"`
	Pairs     int       `json:"pairs,omitempty"` // queries behind Alignment
}

// Vectors are a model's vectors on a dataset.
type Vectors struct {
	Documents labrador.Matrix
	Queries   labrador.Matrix
	Positives [][]int // rows of Documents, relevant to each row of Queries; empty where there are none
}

// FindGeometry measures a seeded sample of at most 800 documents and 5000 queries. Vectors of length 0 or with values that are not finite
// are passed over; fewer than 30 documents are an error. Intervals: delete-a-group jackknife with 20 groups (Kott 2001); alignment's is the
// bootstrap over queries.
func FindGeometry(system, dataset string, v Vectors, seed uint64) (Geometry, error) {
	g := Geometry{System: system, Dataset: dataset, Dimensions: v.Documents.Cols}
	random := rand.New(rand.NewPCG(seed, 0x67656f6d))
	rows := make([][]float64, 0, geometryRows)
	for _, i := range random.Perm(v.Documents.Rows) {
		if u := unit(v.Documents.Row(i)); u != nil {
			rows = append(rows, u)
		}
		if len(rows) == geometryRows {
			break
		}
	}
	g.Documents = len(rows)
	if len(rows) < leastDocuments {
		return g, fmt.Errorf("explain: %s on %s: %d usable vectors of documents; %d are needed to say anything", system, dataset, len(rows), leastDocuments)
	}
	s := newCloud(rows)
	g.Cosine = s.estimate((*cloud).meanCosine)
	g.Uniformity = s.estimate((*cloud).uniformity)
	g.Hubness = s.estimate((*cloud).hubness)
	g.Component = s.estimate((*cloud).component)
	distances := alignment(v, random)
	if g.Pairs = len(distances); g.Pairs > 0 {
		b := stats.Bootstrap(distances, trendResamples, confidence, seed)
		g.Alignment = &Estimate{b.Mean, b.BCa}
	}
	return g, nil
}

// alignment is, per query of a sample, the mean squared distance to its relevant documents.
func alignment(v Vectors, random *rand.Rand) []float64 {
	var list []float64
	for _, q := range random.Perm(min(v.Queries.Rows, len(v.Positives))) {
		if len(list) == geometryPairs {
			break
		}
		x := unit(v.Queries.Row(q))
		sum, n := 0.0, 0.0
		for _, p := range v.Positives[q] {
			if y := unit(v.Documents.Row(p)); x != nil && y != nil {
				sum += 2 - 2*dot(x, y)
				n++
			}
		}
		if n > 0 {
			list = append(list, sum/n)
		}
	}
	return list
}

// unit is a row scaled to length 1, nil where it has none.
func unit(row []float32) []float64 {
	u := make([]float64, len(row))
	sum := 0.0
	for i, x := range row {
		u[i] = float64(x)
		sum += u[i] * u[i]
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return nil
	}
	for i := range u {
		u[i] /= math.Sqrt(sum)
	}
	return u
}

func dot(x, y []float64) float64 {
	var a, b, c, d float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		a += x[i] * y[i]
		b += x[i+1] * y[i+1]
		c += x[i+2] * y[i+2]
		d += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		a += x[i] * y[i]
	}
	return a + b + c + d
}

// cloud is a sample of unit vectors by their cosines, which are all that the measures need.
type cloud struct {
	cosines []float64 // (n, n)
	n       int
	all     []int
	leading []float64 // the principal component's coordinates, where the next search starts
}

func newCloud(rows [][]float64) *cloud {
	n := len(rows)
	c := &cloud{cosines: make([]float64, n*n), n: n, all: make([]int, n)}
	var group sync.WaitGroup
	const workers = 4
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers {
				for j := i; j < n; j++ {
					x := dot(rows[i], rows[j])
					c.cosines[i*n+j] = x
					c.cosines[j*n+i] = x
				}
			}
		})
	}
	group.Wait()
	for i := range c.all {
		c.all[i] = i
	}
	return c
}

// estimate computes a measure of the sample and, each time without a twentieth of it, its standard error.
func (c *cloud) estimate(measure func(c *cloud, of []int) float64) Estimate {
	e := Estimate{Value: measure(c, c.all)}
	parts := make([]float64, geometryGroups)
	for g := range parts {
		var rest []int
		for _, i := range c.all {
			if i%geometryGroups != g {
				rest = append(rest, i)
			}
		}
		parts[g] = measure(c, rest)
	}
	mean, sum := stats.Mean(parts), 0.0
	for _, p := range parts {
		sum += (p - mean) * (p - mean)
	}
	half := math.Sqrt(sum*(geometryGroups-1)/geometryGroups) * stats.StudentQuantile(1-(1-confidence)/2, geometryGroups-1)
	e.Interval = stats.Interval{Low: e.Value - half, High: e.Value + half}
	return e
}

// overPairs is the mean of f over the cosines of all pairs.
func (c *cloud) overPairs(of []int, f func(cosine float64) float64) float64 {
	sum := 0.0
	for a, i := range of {
		for _, j := range of[:a] {
			sum += f(c.cosines[i*c.n+j])
		}
	}
	return sum / (float64(len(of)) * float64(len(of)-1) / 2)
}

func (c *cloud) meanCosine(of []int) float64 {
	return c.overPairs(of, func(x float64) float64 { return x })
}

func (c *cloud) uniformity(of []int) float64 {
	return math.Log(c.overPairs(of, func(x float64) float64 { return math.Exp(-2 * (2 - 2*x)) })) // |x-y|^2 = 2 - 2 cosine
}

// hubness counts each document among the nearest ones of all others; ties go to the earlier one.
func (c *cloud) hubness(of []int) float64 {
	counts := make([]float64, c.n)
	type neighbour struct {
		cosine float64
		i      int
	}
	near := make([]neighbour, 0, hubK+1)
	for _, i := range of {
		near = near[:0]
		row := c.cosines[i*c.n : (i+1)*c.n]
		for _, j := range of {
			if j == i || len(near) == hubK && row[j] <= near[hubK-1].cosine {
				continue
			}
			at, _ := slices.BinarySearchFunc(near, row[j], func(n neighbour, x float64) int {
				if n.cosine >= x {
					return -1
				}
				return 1
			})
			near = slices.Insert(near, at, neighbour{row[j], j})
			near = near[:min(hubK, len(near))]
		}
		for _, n := range near {
			counts[n.i]++
		}
	}
	x := make([]float64, len(of))
	for k, i := range of {
		x[k] = counts[i]
	}
	return skewness(x)
}

// skewness is the third central moment over the cube of the standard deviation, both with divisor n (SciPy's skew); 0 without spread.
func skewness(x []float64) float64 {
	mean := stats.Mean(x)
	var second, third float64
	for _, v := range x {
		d := v - mean
		second += d * d
		third += d * d * d
	}
	n := float64(len(x))
	if second == 0 {
		return 0
	}
	return third / n / math.Pow(second/n, 1.5)
}

// component is the largest eigenvalue of the centred cosines over their trace, by power iteration: the sums of squares that principal
// component analysis divides. It is exact to 1e-9 where the second eigenvalue is apart, and a lower bound otherwise.
func (c *cloud) component(of []int) float64 {
	n := len(of)
	m := make([]float64, n*n)
	means := make([]float64, n)
	grand := 0.0
	for a, i := range of {
		for b, j := range of {
			m[a*n+b] = c.cosines[i*c.n+j]
		}
		means[a] = stats.Mean(m[a*n : (a+1)*n])
		grand += means[a] / float64(n)
	}
	trace := 0.0
	for a := range n {
		for b := range n {
			m[a*n+b] += grand - means[a] - means[b]
		}
		trace += m[a*n+a]
	}
	if trace < 1e-9*float64(n) {
		return 0 // all documents in one place
	}
	v := make([]float64, n)
	for a, i := range of {
		if v[a] = math.Sin(float64(i + 1)); c.leading != nil {
			v[a] = c.leading[i]
		}
	}
	value := powerIteration(m, v)
	if n == c.n {
		c.leading = v
	}
	return value / trace
}

// powerIteration finds the largest eigenvalue of the symmetric matrix m (n, n), n the length of v, where it starts and ends.
func powerIteration(m, v []float64) float64 {
	n := len(v)
	next := make([]float64, n)
	value := 0.0
	for range 300 {
		for a := range n {
			next[a] = dot(m[a*n:(a+1)*n], v)
		}
		length := math.Sqrt(dot(next, next))
		if length == 0 {
			return 0
		}
		was := value
		value = dot(v, next) / dot(v, v)
		for a := range n {
			v[a] = next[a] / length
		}
		if math.Abs(value-was) <= 1e-10*math.Abs(value) {
			break
		}
	}
	return value
}

// Sentence is the geometry in numbers.
func (g Geometry) Sentence() string {
	s := fmt.Sprintf("%s on %s: two documents have cosine %s, the first principal component holds %s of the variance, hubness is %.2f [%.2f, %.2f], uniformity %.2f",
		g.System, g.Dataset, g.Cosine, percent(g.Component.Value), g.Hubness.Value, g.Hubness.Interval.Low, g.Hubness.Interval.High, g.Uniformity.Value)
	if g.Alignment != nil {
		s += fmt.Sprintf("; a query and its document are %.2f apart, squared", g.Alignment.Value)
	}
	return s + "."
}

// GeometrySentence compares several models: the least and the most anisotropic.
func GeometrySentence(list []Geometry) string {
	if len(list) == 0 {
		return ""
	}
	byCosine := func(a, b Geometry) int { return cmp.Compare(a.Cosine.Value, b.Cosine.Value) }
	if len(list) == 1 {
		return list[0].Sentence()
	}
	return "Most spread out: " + slices.MinFunc(list, byCosine).Sentence() + " Most bundled: " + slices.MaxFunc(list, byCosine).Sentence()
}
