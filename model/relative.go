package model

import "math"

// relativeBias is T5's bias for full attention over a table (buckets, heads) (Raffel et al. 2020, section 2.1;
// modeling_t5.py, _relative_position_bucket): one half of the buckets for keys before the query and one for those behind it,
// in each half one bucket per distance up to a quarter of them all, then logarithmic steps up to the distance furthest.
func (c *config) relativeBias(table *Matrix, furthest int) *RelativeBias {
	half := table.Rows / 2
	exact := half / 2
	if exact < 1 || furthest <= exact {
		c.fail("%d relative buckets up to distance %d are not supported", table.Rows, furthest)
	}
	return &RelativeBias{Table: table, Bucket: func(distance int) int {
		side := 0
		if distance > 0 {
			side = half
		} else {
			distance = -distance
		}
		if distance < exact {
			return side + distance
		}
		step := math.Log(float64(distance)/float64(exact)) / math.Log(float64(furthest)/float64(exact))
		return side + min(half-1, exact+int(float32(step*float64(half-exact))))
	}}
}
