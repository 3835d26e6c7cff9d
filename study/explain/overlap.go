package explain

import "math"

// Persistence is the p of rank-biased overlap here: the first ten ranks carry 86 % of the weight (Webber et al. 2010, section 5.1).
const Persistence = 0.9

// RBO is the extrapolated rank-biased overlap of two rankings without ties or repetitions, from 0 (nothing shared) to 1 (the same), for
// lists of any two lengths (Webber, Moffat and Zobel, TOIS 2010, equation 32). p lies between 0 and 1. Two empty lists agree; one empty
// list agrees with nothing.
func RBO[T comparable](a, b []T, p float64) float64 {
	if len(a) > len(b) {
		a, b = b, a
	}
	s, l := len(a), len(b)
	if s == 0 {
		if l == 0 {
			return 1
		}
		return 0
	}
	seen := make(map[T]bool, s+l)
	shared, sharedAtS, sum, weight := 0, 0, 0.0, 1.0 // weight is p^d
	for d := 1; d <= l; d++ {
		weight *= p
		if d <= s && a[d-1] == b[d-1] {
			shared++
		} else {
			if d <= s {
				shared += note(seen, a[d-1])
			}
			shared += note(seen, b[d-1])
		}
		if d == s {
			sharedAtS = shared
		}
		sum += float64(shared) / float64(d) * weight
		if d > s {
			sum += float64(sharedAtS) * float64(d-s) / float64(s*d) * weight
		}
	}
	tail := (float64(shared-sharedAtS)/float64(l) + float64(sharedAtS)/float64(s)) * math.Pow(p, float64(l))
	return (1-p)/p*sum + tail
}

// note counts x as seen and returns 1 where the other list had it before.
func note[T comparable](seen map[T]bool, x T) int {
	if seen[x] {
		return 1
	}
	seen[x] = true
	return 0
}

// OverlapAt is the share of the first k of two rankings that both hold: |A and B| / k, with k cut to the longer list.
func OverlapAt[T comparable](a, b []T, k int) float64 {
	a, b = a[:min(k, len(a))], b[:min(k, len(b))]
	n := max(len(a), len(b))
	if n == 0 {
		return 1
	}
	in := make(map[T]bool, len(a))
	for _, x := range a {
		in[x] = true
	}
	shared := 0
	for _, x := range b {
		if in[x] {
			shared++
		}
	}
	return float64(shared) / float64(n)
}
