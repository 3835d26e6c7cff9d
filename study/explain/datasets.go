package explain

import (
	"math"

	"github.com/labrador-lab/labrador/eval/stats"
)

// meanOverDatasets is the mean of the datasets' means with its 95 % interval for just these datasets: variances of the means add up,
// degrees of freedom by Welch (1947) and Satterthwaite (1946). No dataset gives 0, unbounded; no spread gives the mean alone.
func meanOverDatasets(data [][]float64) (float64, stats.Interval) {
	k := float64(len(data))
	var mean, variance, spread float64
	n := 0
	for _, d := range data {
		mean += stats.Mean(d) / k
		n += len(d)
		if len(d) < 2 {
			continue
		}
		v := stats.SD(d) * stats.SD(d) / float64(len(d)) / (k * k)
		variance += v
		spread += v * v / float64(len(d)-1)
	}
	switch {
	case n < 2:
		return mean, stats.Interval{Low: math.Inf(-1), High: math.Inf(1)}
	case spread == 0:
		return mean, stats.Interval{Low: mean, High: mean}
	}
	half := math.Sqrt(variance) * stats.StudentQuantile(1-(1-confidence)/2, variance*variance/spread)
	return mean, stats.Interval{Low: mean - half, High: mean + half}
}
