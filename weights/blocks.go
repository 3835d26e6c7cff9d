package weights

import "encoding/binary"

// The block types of ggml (ggml-common.h, ggml-quants.c: dequantize_row_*). Every product and sum is rounded to float32
// on its own, as the reference does it; the conversions keep the compiler from fusing them.

// blockDecoder is the function that dequantises one block of type d.
func blockDecoder(d DType) func(dst []float32, b []byte) {
	switch d {
	case Q4_0:
		return decodeQ4_0
	case Q4_1:
		return decodeQ4_1
	case Q5_0:
		return decodeQ5_0
	case Q5_1:
		return decodeQ5_1
	case Q8_0:
		return decodeQ8_0
	case Q2_K:
		return decodeQ2_K
	case Q3_K:
		return decodeQ3_K
	case Q4_K:
		return decodeQ4_K
	case Q5_K:
		return decodeQ5_K
	case Q6_K:
		return decodeQ6_K
	case IQ4_NL:
		return decodeIQ4_NL
	case IQ4_XS:
		return decodeIQ4_XS
	}
	panic("weights: no decoder for " + d.String())
}

// affine is d*q + m, rounded after the product and after the sum.
func affine(d float32, q int, m float32) float32 {
	p := float32(d * float32(q))
	return float32(p + m)
}

func decodeQ4_0(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:18] {
		dst[i] = d * float32(int(q&15)-8)
		dst[i+16] = d * float32(int(q>>4)-8)
	}
}

func decodeQ4_1(dst []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for i, q := range b[4:20] {
		dst[i] = affine(d, int(q&15), m)
		dst[i+16] = affine(d, int(q>>4), m)
	}
}

func decodeQ5_0(dst []float32, b []byte) {
	d, high := half(b), binary.LittleEndian.Uint32(b[2:])
	for i, q := range b[6:22] {
		dst[i] = d * float32(int(q&15)+int(high>>i&1)<<4-16)
		dst[i+16] = d * float32(int(q>>4)+int(high>>(i+16)&1)<<4-16)
	}
}

func decodeQ5_1(dst []float32, b []byte) {
	d, m, high := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:])
	for i, q := range b[8:24] {
		dst[i] = affine(d, int(q&15)+int(high>>i&1)<<4, m)
		dst[i+16] = affine(d, int(q>>4)+int(high>>(i+16)&1)<<4, m)
	}
}

func decodeQ8_0(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:34] {
		dst[i] = d * float32(int8(q))
	}
}

// iq4 are the 16 values of the non-linear 4-bit types (ggml-common.h, kvalues_iq4nl).
var iq4 = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func decodeIQ4_NL(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:18] {
		dst[i] = d * iq4[q&15]
		dst[i+16] = d * iq4[q>>4]
	}
}

func decodeIQ4_XS(dst []float32, b []byte) {
	d, high, low, qs := half(b), binary.LittleEndian.Uint16(b[2:]), b[4:8], b[8:136]
	for g := range 8 {
		scale := int(low[g/2]>>(4*(g%2))&15) | int(high>>(2*g)&3)<<4
		dl := float32(d * float32(scale-32))
		for i, q := range qs[16*g : 16*g+16] {
			dst[32*g+i] = dl * iq4[q&15]
			dst[32*g+i+16] = dl * iq4[q>>4]
		}
	}
}
