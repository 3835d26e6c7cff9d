package kernel

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// same panics unless two lengths are equal.
func same(op string, a, b int) {
	if a != b {
		panic(fmt.Sprintf("kernel: %s: lengths %d and %d differ", op, a, b))
	}
}

func rowsFit(op string, out, dim, data int) {
	if out*dim != data {
		panic(fmt.Sprintf("kernel: %s: %d scores of rows of %d values need %d, have %d", op, out, dim, out*dim, data))
	}
}

// Dot is the inner product of a (n) and b (n), summed in float32.
func (k *Kernels) Dot(a, b []float32) float32 {
	same("Dot", len(a), len(b))
	return k.t.dot(a, b)
}

// SquaredL2 is the sum of squared differences of a (n) and b (n).
func (k *Kernels) SquaredL2(a, b []float32) float32 {
	same("SquaredL2", len(a), len(b))
	return k.t.sqL2(a, b)
}

// DotBF16 is the inner product of a (n) and b (n), b widened, summed in float32.
func (k *Kernels) DotBF16(a []float32, b []BF16) float32 {
	same("DotBF16", len(a), len(b))
	return k.t.dotBF16(a, b)
}

// DotInt8 is the exact inner product of a (n) and b (n), n at most 131072.
func (k *Kernels) DotInt8(a, b []int8) int32 {
	same("DotInt8", len(a), len(b))
	return k.t.dotInt8(a, b)
}

// Hamming is the number of bits in which a (n) and b (n) differ.
func (k *Kernels) Hamming(a, b []uint64) int {
	same("Hamming", len(a), len(b))
	n := 0
	for i, v := range a {
		n += bits.OnesCount64(v ^ b[i])
	}
	return n
}

// DotRows writes out (N) = rows (N, D) times q (D): one query over many rows, at the speed of memory.
func (k *Kernels) DotRows(out, q, rows []float32) {
	rowsFit("DotRows", len(out), len(q), len(rows))
	inOrder(out, q, rows, k.t.dot)
}

// SquaredL2Rows writes the squared distance of q (D) to each row of rows (N, D) to out (N).
func (k *Kernels) SquaredL2Rows(out, q, rows []float32) {
	rowsFit("SquaredL2Rows", len(out), len(q), len(rows))
	inOrder(out, q, rows, k.t.sqL2)
}

// DotRowsBF16 writes out (N) = rows (N, D) times q (D).
func (k *Kernels) DotRowsBF16(out, q []float32, rows []BF16) {
	rowsFit("DotRowsBF16", len(out), len(q), len(rows))
	inOrder(out, q, rows, k.t.dotBF16)
}

// DotRowsInt8 writes out (N) = rows (N, D) times q (D), exactly; D at most 131072.
func (k *Kernels) DotRowsInt8(out []int32, q, rows []int8) {
	rowsFit("DotRowsInt8", len(out), len(q), len(rows))
	inOrder(out, q, rows, k.t.dotInt8)
}

// HammingRows writes the number of bits in which q (D) differs from each row of rows (N, D) to out (N).
func (k *Kernels) HammingRows(out []int32, q, rows []uint64) {
	rowsFit("HammingRows", len(out), len(q), len(rows))
	k.t.hammingRows(out, q, rows)
}

// inOrder takes rows one after the other: one stream, which the processor reads ahead of best. Four at once, as atBy4 takes
// them, reached 11 of 20 GB/s.
func inOrder[S, Q, R any](out []S, q []Q, rows []R, one func([]Q, []R) S) {
	d := len(q)
	for i := range out {
		out[i] = one(q, rows[i*d:(i+1)*d])
	}
}

// DotAt writes the inner product of q (D) with the rows of rows (N, D) that ids (n) names to out (n).
func (k *Kernels) DotAt(out, q, rows []float32, ids []uint32) {
	same("DotAt", len(out), len(ids))
	atBy4(out, q, rows, ids, k.t.dot, k.t.dot4)
}

// SquaredL2At writes the squared distance of q (D) to the rows of rows (N, D) that ids (n) names to out (n).
func (k *Kernels) SquaredL2At(out, q, rows []float32, ids []uint32) {
	same("SquaredL2At", len(out), len(ids))
	atBy4(out, q, rows, ids, k.t.sqL2, k.t.sqL24)
}

// DotAtBF16 writes the inner product of q (D) with the rows of rows (N, D) that ids (n) names to out (n).
func (k *Kernels) DotAtBF16(out, q []float32, rows []BF16, ids []uint32) {
	same("DotAtBF16", len(out), len(ids))
	atBy4(out, q, rows, ids, k.t.dotBF16, k.t.dot4BF16)
}

// DotAtInt8 writes the inner product of q (D) with the rows of rows (N, D) that ids (n) names to out (n), exactly.
func (k *Kernels) DotAtInt8(out []int32, q, rows []int8, ids []uint32) {
	same("DotAtInt8", len(out), len(ids))
	atBy4(out, q, rows, ids, k.t.dotInt8, k.t.dot4Int8)
}

// atBy4 takes four rows at once, so that reading them overlaps wherever they lie: 9.9 GB/s of random rows where one by one
// reaches 5.8. Hints for the next four added nothing.
func atBy4[S, Q, R any](out []S, q []Q, rows []R, ids []uint32, one func([]Q, []R) S, four func(*[4]S, []Q, []R, []R, []R, []R)) {
	d := len(q)
	row := func(i int) []R { at := int(ids[i]) * d; return rows[at : at+d : at+d] }
	n := len(ids) &^ 3
	for i := 0; i < n; i += 4 {
		four((*[4]S)(out[i:]), q, row(i), row(i+1), row(i+2), row(i+3))
	}
	for i := n; i < len(ids); i++ {
		out[i] = one(q, row(i))
	}
}

// Prefetch asks the processor for a, to be read soon.
func Prefetch[T any](k *Kernels, a []T) {
	if k.t.prefetch != nil && len(a) > 0 {
		size := len(a) * int(unsafe.Sizeof(a[0]))
		k.t.prefetch(unsafe.Pointer(&a[0]), size, size, 1)
	}
}

// Above writes the positions i with scores[i] > limits[i] to dst, ascending, and returns how many there are. scores and
// limits are (n), dst at least n long. It is the fold of a top-k into a product of documents and queries: one row of
// scores holds a document's score for each query, limits each query's k-th best so far.
func (k *Kernels) Above(dst []int32, scores, limits []float32) int {
	same("Above", len(scores), len(limits))
	return k.t.above(dst[:len(scores)], scores, limits)
}

// Greater writes the positions i with scores[i] > limit to dst, ascending, and returns how many there are. scores is (n),
// dst at least n long.
func (k *Kernels) Greater(dst []int32, scores []float32, limit float32) int {
	return k.t.greater(dst[:len(scores)], scores, limit)
}
