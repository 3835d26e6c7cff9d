package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// rrDifferences imitates the values of significance_bench.py: differences of reciprocal ranks at 10, most of them 0.
func rrDifferences(n int) []float64 {
	rng := rand.New(rand.NewPCG(20240607, 0))
	rr := func(rank float64) float64 {
		if rank > 10 {
			return 0
		}
		return 1 / rank
	}
	d := make([]float64, n)
	for i := range d {
		rank := min(1000, math.Floor(math.Pow(rng.Float64(), -1/0.35))) // about Zipf with exponent 1.35
		moved := rank
		if rng.Float64() >= 0.55 {
			moved = max(1, math.Round(rank*math.Exp(rng.NormFloat64()*0.6-0.13)))
		}
		d[i] = rr(moved) - rr(rank)
	}
	return d
}

// normalDifferences has no zeros and no ties: the hard case.
func normalDifferences(n int) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	d := make([]float64, n)
	for i := range d {
		d[i] = rng.NormFloat64() + 0.01
	}
	return d
}

func BenchmarkRandomise(b *testing.B) {
	for name, d := range map[string][]float64{"rr6980": rrDifferences(6980), "dense6980": normalDifferences(6980), "dense300": normalDifferences(300)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Randomise(d, DefaultRounds, 1)
			}
		})
	}
}

func BenchmarkBootstrap(b *testing.B) {
	d := normalDifferences(6980)
	for b.Loop() {
		Bootstrap(d, 10_000, 0.95, 1)
	}
}

func BenchmarkCompare300(b *testing.B) {
	x, y := normalDifferences(300), make([]float64, 300)
	for b.Loop() {
		if _, err := Compare(x, y, Options{Margin: 0.01}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSmallestDifference(b *testing.B) {
	for b.Loop() {
		SmallestDifference(1, 300, .05, .8)
	}
}
