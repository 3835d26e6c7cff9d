package weights

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/labrador-lab/labrador/kernel"
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
		if list, ok := words[kernel.F16](src, len(dst)); ok {
			kernel.Current().F32FromF16(dst, list)
			return
		}
		for i := range dst {
			dst[i] = half(src[2*i:])
		}
	case BF16:
		if list, ok := words[kernel.BF16](src, len(dst)); ok {
			kernel.Current().F32FromBF16(dst, list)
			return
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
			dst[i] = kernel.F16(uint16(src[i]) << 8).Float32()
		}
	default:
		block, size := d.Block(), d.BlockBytes()
		f := blockDecoder(d)
		for i := 0; i < len(dst)/block; i++ {
			f(dst[i*block:(i+1)*block], src[i*size:(i+1)*size])
		}
	}
}

// words are src as numbers of two bytes, where they lie as this machine reads them.
func words[W kernel.BF16 | kernel.F16](src []byte, n int) (list []W, ok bool) {
	p := unsafe.Pointer(unsafe.SliceData(src))
	if !littleEndian || uintptr(p)%2 != 0 {
		return nil, false
	}
	return unsafe.Slice((*W)(p), n), true
}

// half is the value of the binary16 number at the beginning of b.
func half(b []byte) float32 { return kernel.F16(binary.LittleEndian.Uint16(b)).Float32() }

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
