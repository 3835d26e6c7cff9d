package weights

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// decode turns src, whole blocks of type d, into dst. len(dst) = len(src) / d.BlockBytes() * d.Block().
func decode(d DType, dst []float32, src []byte) {
	switch d {
	case F32:
		if littleEndian && len(dst) > 0 {
			copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*len(dst)), src)
			return
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	case F16:
		for i := range dst {
			dst[i] = Half(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case BF16:
		for ; len(dst) >= 4; dst, src = dst[4:], src[8:] {
			v, to := binary.LittleEndian.Uint64(src), (*[4]float32)(dst)
			to[0], to[1] = math.Float32frombits(uint32(v)<<16), math.Float32frombits(uint32(v)&0xffff0000)
			to[2], to[3] = math.Float32frombits(uint32(v>>32)<<16), math.Float32frombits(uint32(v>>32)&0xffff0000)
		}
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case F8E4M3:
		for i := range dst {
			dst[i] = e4m3(src[i])
		}
	case F8E5M2:
		for i := range dst {
			dst[i] = Half(uint16(src[i]) << 8)
		}
	default:
		block, size := d.Block(), d.BlockBytes()
		f := blockDecoder(d)
		for i := 0; i < len(dst)/block; i++ {
			f(dst[i*block:(i+1)*block], src[i*size:(i+1)*size])
		}
	}
}

// Half is the value of an IEEE 754 binary16 number.
func Half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero and subnormals: frac * 2^-24, exact in float32
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// e4m3 is the value of an 8-bit float of the FN kind (Micikevicius et al. 2022, section 3.1): bias 7, no infinities, all
// ones is NaN.
func e4m3(b byte) float32 {
	exp, frac := int(b>>3&15), float64(b&7)
	var v float64
	switch {
	case b&0x7f == 0x7f:
		v = math.NaN()
	case exp == 0:
		v = frac / 512
	default:
		v = math.Ldexp(1+frac/8, exp-7)
	}
	if b&0x80 != 0 {
		v = -v
	}
	return float32(v)
}
