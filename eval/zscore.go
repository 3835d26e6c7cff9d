package eval

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador"
)

// ZScores holds, by query and measure name, the mean and standard deviation of a reference set of runs (trec_eval -Z).
type ZScores map[string]map[string]ZScore

// ZScore is where one measure of one query lies over the reference runs.
type ZScore struct{ Mean, SD float64 }

// noZScore is trec_eval's MISSING_ZSCORE_VALUE, the value where the reference says nothing.
const noZScore = -1000000

// ReadZScores reads trec_eval's file of reference values: lines of query, measure, mean and standard deviation.
func ReadZScores(path string) (ZScores, error) {
	all := ZScores{}
	err := labrador.ScanLines(path, func(line []byte, _ int) error {
		c := strings.Fields(string(line))
		if len(c) != 4 {
			return fmt.Errorf("%d columns, reference values have 4: query measure mean deviation", len(c))
		}
		avg, err1 := strconv.ParseFloat(c[2], 64)
		sd, err2 := strconv.ParseFloat(c[3], 64)
		if err1 != nil || err2 != nil || math.IsNaN(avg) || !(sd >= 0) {
			return fmt.Errorf("mean %q and deviation %q are not numbers of that kind", c[2], c[3])
		}
		if all[c[0]] == nil {
			all[c[0]] = map[string]ZScore{}
		}
		all[c[0]][c[1]] = ZScore{avg, sd}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// of is the value in standard deviations from the reference's mean.
func (z ZScores) of(query, measure string, value float64) float64 {
	ref, ok := z[query][measure]
	switch {
	case !ok:
		return noZScore
	case ref.SD != 0:
		return (value - ref.Mean) / ref.SD
	case value == ref.Mean:
		return 0
	}
	return noZScore
}

// standardize turns query i's values into z-scores, where they are asked for.
func (s *sheet) standardize(i int) {
	if s.opts.ZScores == nil {
		return
	}
	for j, m := range s.measures {
		at := i*len(s.measures) + j
		s.values[at] = s.opts.ZScores.of(s.table.ids[i], m.name, s.values[at])
	}
}
