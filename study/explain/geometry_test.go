package explain

import (
	"math"
	"testing"

	"github.com/labrador-lab/labrador"
)

// waves are 100 documents and 40 queries of 12 dimensions, made by the formulas that the Python check had too.
func waves() Vectors {
	v := Vectors{Documents: labrador.NewMatrix(100, 12), Queries: labrador.NewMatrix(40, 12)}
	for i := range 100 {
		for j := range 12 {
			x := math.Sin(float64(i)*7.1+float64(j)*float64(j)*0.37+float64(i)*float64(j)*0.011) + 0.3
			v.Documents.Row(i)[j] = float32(x)
			if i < 40 {
				v.Queries.Row(i)[j] = float32(x + 0.2*math.Cos(float64(i)*1.7+float64(j)))
			}
		}
		if i < 40 {
			v.Positives = append(v.Positives, []int{i})
		}
	}
	return v
}

// TestGeometry: expected values are from NumPy and SciPy 1.17.1 on the same vectors: pdist, numpy.linalg.svd of the centred rows, and
// scipy.stats.skew of the counts of numpy.argsort's ten nearest.
func TestGeometry(t *testing.T) {
	g, err := FindGeometry("m", "d", waves(), 7)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean cosine", g.Cosine.Value, 0.1354310049902286, 1e-9)
	near(t, "uniformity", g.Uniformity.Value, -2.350458493631112, 1e-9)
	near(t, "first component", g.Component.Value, 0.2913694333854023, 1e-7)
	near(t, "hubness", g.Hubness.Value, 0.16281612607199236, 1e-9)
	near(t, "alignment", g.Alignment.Value, 0.03303786083255246, 1e-6)
	for _, e := range []Estimate{g.Cosine, g.Uniformity, g.Component, g.Hubness, *g.Alignment} {
		if !e.Interval.Contains(e.Value) || e.Interval.Low == e.Interval.High {
			t.Errorf("interval %v of %v", e.Interval, e.Value)
		}
	}
	again, _ := FindGeometry("m", "d", waves(), 7)
	if again.Sentence() != g.Sentence() {
		t.Error("the same seed gave something else")
	}
}

func TestGeometryOfBadVectors(t *testing.T) {
	v := waves()
	for i := range 95 {
		clear(v.Documents.Row(i))
	}
	if _, err := FindGeometry("m", "d", v, 1); err == nil {
		t.Error("five usable vectors were enough")
	}
	v = waves()
	v.Documents.Row(3)[0] = float32(math.NaN())
	v.Documents.Row(4)[1] = float32(math.Inf(1))
	g, err := FindGeometry("m", "d", v, 1)
	if err != nil || g.Documents != 98 || math.IsNaN(g.Cosine.Value) {
		t.Errorf("%+v, %v", g, err)
	}
	same := Vectors{Documents: labrador.NewMatrix(50, 4)}
	for i := range 50 {
		same.Documents.Row(i)[2] = 3
	}
	g, err = FindGeometry("m", "d", same, 1)
	if err != nil || g.Cosine.Value != 1 || g.Component.Value != 0 || math.IsNaN(g.Hubness.Value) || math.IsNaN(g.Uniformity.Value) {
		t.Errorf("one vector fifty times: %+v, %v", g, err)
	}
}

// TestJackknifeCovers draws many samples of one distribution, whose mean cosine is known (a direction shared by all, as strong as the own
// one), and counts how often the interval holds it.
func TestJackknifeCovers(t *testing.T) {
	covered := 0
	const trials = 100
	for trial := range trials {
		v := Vectors{Documents: labrador.NewMatrix(100, 64)}
		state := uint64(trial) + 1
		for i := range v.Documents.Data { // own directions of unit length on average, a shared one of length 1
			sum := -6.0
			for range 12 {
				state = state*6364136223846793005 + 1442695040888963407
				sum += float64(state>>11) / (1 << 53)
			}
			v.Documents.Data[i] = float32(sum / 8)
		}
		for i := range 100 {
			v.Documents.Row(i)[0]++
		}
		var rows [][]float64
		for i := range 100 {
			rows = append(rows, unit(v.Documents.Row(i)))
		}
		if newCloud(rows).estimate((*cloud).meanCosine).Interval.Contains(0.5009) { // the mean over 20 times 20,000 such vectors in NumPy
			covered++
		}
	}
	if covered < 85 {
		t.Errorf("the 95 %% interval held the true value in %d of %d samples", covered, trials)
	}
}
