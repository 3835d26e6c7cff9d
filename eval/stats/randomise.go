package stats

import (
	"math"
	"sync/atomic"
)

// DefaultRounds is the number of random sign flips of a randomisation test where none is given.
const DefaultRounds = 100_000

// tieTolerance: two sums count as equal where they differ by less than this part of the sum of absolute values. Values that
// are equal on paper (1/2-1/3 and 1/3-1/6) differ in their last bits; without a tolerance the observed sum itself could
// fall on the wrong side.
const tieTolerance = 1e-12

// Randomisation is the result of a randomisation test.
type Randomisation struct {
	P      float64 `json:"p"`
	Rounds int     `json:"rounds"` // sign patterns looked at
	Exact  bool    `json:"exact"`  // all patterns were looked at, so P is no estimate
}

// Randomise is Fisher's paired randomisation test of the differences d, two-sided: under the null hypothesis that the two
// systems are exchangeable query by query, each difference could as well have had the other sign; P is the share of sign
// patterns whose mean is at least as far from 0 as the one observed (Fisher 1935; Smucker, Allan and Carterette, CIKM 2007).
//
// rounds random patterns are drawn (0: DefaultRounds), and P is (extreme+1)/(rounds+1): the observed pattern counts as one of
// them, so that P is never 0 and the test never too liberal (Phipson and Smyth 2010). Where the differences other than 0 are
// so few that all their patterns are no more than rounds, all are enumerated and P is exact. No differences, or all 0: P 1.
func Randomise(d []float64, rounds int, seed uint64) Randomisation {
	if rounds <= 0 {
		rounds = DefaultRounds
	}
	values, limit := fixedPoint(d)
	switch {
	case len(values) == 0:
		return Randomisation{P: 1, Rounds: 1, Exact: true}
	case len(values) < 62 && 1<<len(values) <= rounds:
		all := 1 << len(values)
		return Randomisation{P: float64(enumerate(values, limit)) / float64(all), Rounds: all, Exact: true}
	}
	extreme := flipSigns(values, limit, rounds, seed)
	return Randomisation{P: float64(extreme+1) / float64(rounds+1), Rounds: rounds}
}

// RandomiseStrata is the randomisation test over several datasets at once, each of the same weight whatever its number of
// queries: the statistic is the mean over datasets of the mean difference, and signs are flipped within each dataset. It is
// Randomise with each difference divided by its dataset's number of queries. Empty datasets are left out.
//
// It asks about these very datasets: is the average over them, which tables print, more than luck of the queries? Whether a
// further dataset of the kind would show the same is PoolRandomEffects' question.
func RandomiseStrata(datasets [][]float64, rounds int, seed uint64) Randomisation {
	var all []float64
	for _, d := range datasets {
		for _, v := range d {
			all = append(all, v/float64(len(d)))
		}
	}
	return Randomise(all, rounds, seed)
}

// fixedPoint drops the zeros, which no flip changes, and scales the rest to integers whose absolute sum is below 2^61: sums
// are then exact in any order. limit is the observed absolute sum less the tolerance.
func fixedPoint(d []float64) (values []int64, limit int64) {
	var total float64
	for _, v := range d {
		total += math.Abs(v)
	}
	if total == 0 || !finite(d) {
		return nil, 0
	}
	_, exponent := math.Frexp(total)
	var sum, absolute int64
	for _, v := range d {
		if scaled := int64(math.RoundToEven(math.Ldexp(v, 60-exponent))); scaled != 0 {
			values = append(values, scaled)
			sum += scaled
			absolute += max(scaled, -scaled)
		}
	}
	return values, max(sum, -sum) - int64(tieTolerance*float64(absolute))
}

// enumerate counts the sign patterns whose absolute sum reaches limit, walking them in Gray code order: one sign changes
// at a time.
func enumerate(values []int64, limit int64) int {
	signs := make([]int64, len(values))
	var sum int64
	for i, v := range values {
		signs[i], sum = v, sum+v
	}
	extreme := 0
	for i := 1; ; i++ {
		if max(sum, -sum) >= limit {
			extreme++
		}
		if i == 1<<len(values) {
			return extreme
		}
		bit := 0
		for i>>bit&1 == 0 {
			bit++
		}
		sum -= 2 * signs[bit]
		signs[bit] = -signs[bit]
	}
}

// flipSigns counts how many of rounds random patterns reach limit. Eight signs at a time are one look-up: per block of 64
// values one random word per round, cut into bytes, picks partial sums from eight tables of 256 (16 KB, in the first cache).
func flipSigns(values []int64, limit int64, rounds int, seed uint64) int {
	var extreme atomic.Int64
	parallel(rounds, func(low, high int) {
		sums := make([]int64, high-low)
		var tables [8][256]int64
		for block := 0; block*64 < len(values); block++ {
			fillTables(&tables, values[block*64:min(len(values), block*64+64)])
			position := uint64(block)*uint64(rounds) + uint64(low)
			addFlips(sums, &tables, start(seed)+position*gamma)
		}
		n := 0
		for _, s := range sums {
			if max(s, -s) >= limit {
				n++
			}
		}
		extreme.Add(int64(n))
	})
	return int(extreme.Load())
}

// addFlips adds to every round's sum the signed sum of one block of 64 values.
func addFlips(sums []int64, t *[8][256]int64, state uint64) {
	for r := range sums {
		state += gamma
		z := mix(state)
		low := t[0][uint8(z)] + t[1][uint8(z>>8)] + (t[2][uint8(z>>16)] + t[3][uint8(z>>24)])
		high := t[4][uint8(z>>32)] + t[5][uint8(z>>40)] + (t[6][uint8(z>>48)] + t[7][uint8(z>>56)])
		sums[r] += low + high
	}
}

// fillTables: tables[g][byte] is the sum of values[8g..8g+7], value i with a plus where bit i is set. Missing values are 0.
func fillTables(tables *[8][256]int64, values []int64) {
	for g := range tables {
		group := values[min(len(values), g*8):min(len(values), g*8+8)]
		var all int64
		for _, v := range group {
			all += v
		}
		table := &tables[g]
		table[0] = -all
		for i := range 8 {
			var twice int64
			if i < len(group) {
				twice = 2 * group[i]
			}
			for k := range 1 << i {
				table[1<<i|k] = table[k] + twice
			}
		}
	}
}
