//go:build !purego && (amd64 || arm64)

package kernel

import "unsafe"

// Functions of rows of any length from assembly that takes whole vectors: the rest of a row goes through the plain tier's function.

func wholeBF16(lanes int, f func(a *float32, b *BF16, n int) float32) func([]float32, []BF16) float32 {
	return func(a []float32, b []BF16) float32 {
		n := len(a) &^ (lanes - 1)
		s := f(unsafe.SliceData(a), unsafe.SliceData(b), n)
		if n < len(a) {
			s += plainDotBF16(a[n:], b[n:])
		}
		return s
	}
}

func whole4[S int32 | float32, Q, R any](lanes int, f func(out *[4]S, q *Q, a, b, c, d *R, n int), rest func([]Q, []R) S) func(*[4]S, []Q, []R, []R, []R, []R) {
	return func(out *[4]S, q []Q, a, b, c, d []R) {
		n := len(q) &^ (lanes - 1)
		f(out, unsafe.SliceData(q), unsafe.SliceData(a), unsafe.SliceData(b), unsafe.SliceData(c), unsafe.SliceData(d), n)
		if n < len(q) {
			out[0] += rest(q[n:], a[n:])
			out[1] += rest(q[n:], b[n:])
			out[2] += rest(q[n:], c[n:])
			out[3] += rest(q[n:], d[n:])
		}
	}
}

func wholeInt8(lanes int, f func(a, b *int8, n int) int32) func(a, b []int8) int32 {
	return func(a, b []int8) int32 {
		n := len(a) &^ (lanes - 1)
		s := f(unsafe.SliceData(a), unsafe.SliceData(b), n)
		if n < len(a) {
			s += plainDotInt8(a[n:], b[n:])
		}
		return s
	}
}

func wholeConvert[D, S any](lanes int, f func(dst *D, src *S, n int), rest func([]D, []S)) func([]D, []S) {
	return func(dst []D, src []S) {
		n := len(src) &^ (lanes - 1)
		f(unsafe.SliceData(dst), unsafe.SliceData(src), n)
		rest(dst[n:], src[n:])
	}
}

func wholeQuant(lanes int, f func(dst *int8, src *float32, inv float64, shift, n int)) func([]int8, []float32, float32, int8) {
	return func(dst []int8, src []float32, inv float32, shift int8) {
		n := len(src) &^ (lanes - 1)
		f(unsafe.SliceData(dst), unsafe.SliceData(src), float64(inv), int(shift), n)
		plainQuantS8(dst[n:], src[n:], inv, shift)
	}
}

// hadamardFunc transforms blocks of x * y into dst.
type hadamardFunc func(dst, x, y []float32)

// hadamardOf transforms blocks that fit in registers by their own function, larger ones in stages above the largest of them, for which butterflies are.
func hadamardOf(of map[int]hadamardFunc, butterfly func(x, y []float32), butterfly4 func(x, y, z, w []float32)) func(dst, x, y []float32, block int) {
	largest := 0
	for n := range of {
		largest = max(largest, n)
	}
	return func(dst, x, y []float32, block int) {
		if f := of[block]; f != nil {
			f(dst, x, y)
			return
		}
		if block < largest {
			plainHadamard(dst, x, y, block)
			return
		}
		of[largest](dst, x, y)
		h := largest
		for ; 4*h <= block; h *= 4 {
			for i := 0; i < len(dst); i += 4 * h {
				butterfly4(dst[i:i+h], dst[i+h:i+2*h], dst[i+2*h:i+3*h], dst[i+3*h:i+4*h])
			}
		}
		for i := 0; h < block && i < len(dst); i += 2 * h {
			butterfly(dst[i:i+h], dst[i+h:i+2*h])
		}
	}
}
