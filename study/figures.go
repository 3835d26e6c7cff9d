package study

import (
	"fmt"
	"math"
	"strings"

	"github.com/labrador-lab/labrador/eval/stats"
)

// How figures are written, the same in tables, reports and sentences.

// Figure writes a value of a measure: four decimals, no zero before the point.
func Figure(x float64) string {
	s := fmt.Sprintf("%.4f", x)
	if strings.HasPrefix(s, "0.") || strings.HasPrefix(s, "-0.") {
		return strings.Replace(s, "0.", ".", 1)
	}
	return s
}

// Signed writes a difference: as Figure, with its sign.
func Signed(x float64) string {
	switch s := Figure(math.Abs(x)); {
	case s == ".0000":
		return "±" + s
	case x < 0:
		return "−" + s
	default:
		return "+" + s
	}
}

// IntervalText writes an interval of a difference.
func IntervalText(i stats.Interval) string {
	if math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) {
		return "[unbounded]"
	}
	return "[" + Signed(i.Low) + ", " + Signed(i.High) + "]"
}

// PText writes a p with as many digits as it deserves, its sign before it: "< .0001", "= .026".
func PText(p float64) string {
	switch {
	case p < 0.0001:
		return "< .0001"
	case p < 0.001:
		return "= " + Figure(p)
	case p >= 0.9995:
		return "= 1"
	}
	return "= " + strings.TrimPrefix(fmt.Sprintf("%.3f", p), "0")
}

// Thousands writes a whole number from 0 up in groups of three.
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
