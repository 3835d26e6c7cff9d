// Package stats says whether a difference between two systems is real. It holds pure functions of per-query values: paired
// tests, intervals, corrections for many comparisons, equivalence, effect sizes, power, and the pooling of several datasets.
// It knows nothing of runs and qrels (package eval makes the values) and nothing of claims (package study judges them).
//
// Paired functions take the differences d = a - b, query by query, which Differences makes from two systems' values and
// checks. A function given no values, one value, or values without spread returns the defined result that its comment
// states; none returns NaN. A list that holds NaN or a value beyond +-1e150 (its square would
// overflow) counts as empty: Differences is where such a list is an error.
//
// What is random takes a seed, and gives the same result on any number of threads.
package stats

import (
	"encoding/json"
	"fmt"
	"math"
)

// Differences returns a[i]-b[i]. It refuses lists of different lengths and values that are not finite, naming the first.
func Differences(a, b []float64) ([]float64, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("stats: paired lists have %d and %d values", len(a), len(b))
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
		if !usable(a[i]) || !usable(b[i]) {
			return nil, fmt.Errorf("stats: pair %d (%v, %v) is not of finite values below 1e150", i+1, a[i], b[i])
		}
	}
	return d, nil
}

// Interval is a confidence interval. An end that the data do not bound is infinite; in JSON an interval is [low, high] and
// an infinite end is null.
type Interval struct{ Low, High float64 }

// unbounded is the interval that says nothing.
var unbounded = Interval{math.Inf(-1), math.Inf(1)}

// Contains says whether v lies in the interval, its ends included.
func (i Interval) Contains(v float64) bool { return i.Low <= v && v <= i.High }

// MarshalJSON writes [low, high].
func (i Interval) MarshalJSON() ([]byte, error) {
	ends := [2]*float64{&i.Low, &i.High}
	for k, e := range ends {
		if math.IsInf(*e, 0) || math.IsNaN(*e) {
			ends[k] = nil
		}
	}
	return json.Marshal(ends)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Interval) UnmarshalJSON(b []byte) error {
	var ends [2]*float64
	if err := json.Unmarshal(b, &ends); err != nil {
		return fmt.Errorf("stats: interval: %w", err)
	}
	*i = unbounded
	if ends[0] != nil {
		i.Low = *ends[0]
	}
	if ends[1] != nil {
		i.High = *ends[1]
	}
	return nil
}

// Mean is the arithmetic mean, 0 of no values.
func Mean(x []float64) float64 { return moments(x).mean }

// SD is the sample standard deviation (divisor n-1), 0 of fewer than two values.
func SD(x []float64) float64 { return moments(x).sd }

// sample is what most tests need of a list: how many values, their mean and standard deviation (divisor n-1).
type sample struct {
	n        int
	mean, sd float64
}

// standardError is that of the mean.
func (s sample) standardError() float64 { return s.sd / math.Sqrt(float64(s.n)) }

// moments counts a list with a value that is not finite as empty. A spread within rounding error of equal values is 0.
func moments(x []float64) sample {
	if len(x) == 0 || !finite(x) {
		return sample{}
	}
	n := float64(len(x))
	var sum float64
	for _, v := range x {
		sum += v
	}
	mean := sum / n
	var rest, squares, largest float64
	for _, v := range x {
		rest += v - mean
		largest = max(largest, math.Abs(v))
	}
	mean += rest / n
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	s := sample{n: len(x), mean: mean}
	if len(x) > 1 {
		s.sd = math.Sqrt(squares / (n - 1))
	}
	if s.sd <= 1e-14*largest {
		s.sd = 0
	}
	return s
}

func finite(x []float64) bool {
	for _, v := range x {
		if !usable(v) {
			return false
		}
	}
	return true
}

func usable(v float64) bool { return math.Abs(v) <= 1e150 }
