package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// ggufReader reads a GGUF header; after the first error every read gives zero.
type ggufReader struct {
	data  []byte // the file as far as a header may reach
	cut   bool   // the file is longer
	at    int
	depth int
	err   error
}

func (r *ggufReader) left() uint64 { return uint64(len(r.data) - r.at) }

func (r *ggufReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("gguf: "+format, args...)
	}
}

// why says what may be wrong where the header ends too early.
func (r *ggufReader) why() string {
	if r.cut {
		return fmt.Sprintf(": headers of more than %d bytes are not read", maxHeader)
	}
	return cutOff
}

// take returns the next n bytes, or nil after an error.
func (r *ggufReader) take(n uint64) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.left() {
		r.fail("header ends at byte %d, where %d bytes more are due%s", len(r.data), n, r.why())
		return nil
	}
	b := r.data[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *ggufReader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *ggufReader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *ggufReader) str() string { return string(r.take(r.u64())) }

func (r *ggufReader) info() ggufInfo {
	info := ggufInfo{name: r.str()}
	n := r.u32()
	if n > 8 {
		r.fail("tensor %s: %d dimensions", info.name, n)
		return info
	}
	for range n {
		info.dims = append(info.dims, r.u64())
	}
	info.kind, info.offset = r.u32(), r.u64()
	return info
}

// The value types of the metadata.
const (
	ggufU8 = iota
	ggufI8
	ggufU16
	ggufI16
	ggufU32
	ggufI32
	ggufF32
	ggufBool
	ggufString
	ggufArray
	ggufU64
	ggufI64
	ggufF64
)

// value reads the type and the value of the entry called key.
func (r *ggufReader) value(key string) any {
	kind := r.u32()
	if kind == ggufArray {
		return r.array(key)
	}
	return r.scalar(key, kind)
}

func (r *ggufReader) scalar(key string, kind uint32) any {
	switch kind {
	case ggufString:
		return r.str()
	case ggufU64:
		return r.u64()
	case ggufI64:
		return int64(r.u64())
	case ggufF64:
		return math.Float64frombits(r.u64())
	case ggufU32:
		return r.u32()
	case ggufI32:
		return int32(r.u32())
	case ggufF32:
		return math.Float32frombits(r.u32())
	case ggufU16, ggufI16:
		b := r.take(2)
		if b == nil {
			return nil
		}
		v := binary.LittleEndian.Uint16(b)
		if kind == ggufI16 {
			return int16(v)
		}
		return v
	case ggufU8, ggufI8, ggufBool:
		b := r.take(1)
		if b == nil {
			return nil
		}
		return byteValue(kind, b[0])
	}
	r.fail("metadata %s: unknown type %d", key, kind)
	return nil
}

func byteValue(kind uint32, b byte) any {
	switch kind {
	case ggufI8:
		return int8(b)
	case ggufBool:
		return b != 0
	}
	return b
}

// ggufSize is the least number of bytes a value of the type takes.
var ggufSize = [...]uint64{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8}

// array reads an array of values. Its length is checked against the bytes that are left before anything is allocated.
func (r *ggufReader) array(key string) any {
	kind, n := r.u32(), r.u64()
	if r.err != nil {
		return nil
	}
	if int(kind) >= len(ggufSize) {
		r.fail("metadata %s: array of unknown type %d", key, kind)
		return nil
	}
	if n > r.left()/ggufSize[kind] {
		r.fail("metadata %s: array of %d values, %d bytes are left%s", key, n, r.left(), r.why())
		return nil
	}
	switch kind {
	case ggufArray:
		return r.arrays(key, n)
	case ggufString:
		return list(r, n, r.str)
	case ggufF32:
		return list(r, n, func() float32 { return math.Float32frombits(r.u32()) })
	case ggufI32:
		return list(r, n, func() int32 { return int32(r.u32()) })
	case ggufU32:
		return list(r, n, r.u32)
	case ggufU64:
		return list(r, n, r.u64)
	case ggufI64:
		return list(r, n, func() int64 { return int64(r.u64()) })
	case ggufF64:
		return list(r, n, func() float64 { return math.Float64frombits(r.u64()) })
	}
	return r.smallInts(key, kind, n)
}

// smallInts reads an array of one- or two-byte values.
func (r *ggufReader) smallInts(key string, kind uint32, n uint64) any {
	switch kind {
	case ggufU8:
		return []byte(string(r.take(n)))
	case ggufI8:
		return list(r, n, func() int8 { v, _ := r.scalar(key, ggufI8).(int8); return v })
	case ggufBool:
		return list(r, n, func() bool { v, _ := r.scalar(key, ggufBool).(bool); return v })
	case ggufU16:
		return list(r, n, func() uint16 { v, _ := r.scalar(key, ggufU16).(uint16); return v })
	}
	return list(r, n, func() int16 { v, _ := r.scalar(key, ggufI16).(int16); return v })
}

// arrays reads an array of n arrays.
func (r *ggufReader) arrays(key string, n uint64) any {
	if r.depth++; r.depth > 4 {
		r.fail("metadata %s: arrays nested deeper than 4", key)
		return nil
	}
	defer func() { r.depth-- }()
	return list(r, n, func() any { return r.array(key) })
}

// list reads n values, growing as it goes.
func list[T any](r *ggufReader, n uint64, read func() T) []T {
	out := make([]T, 0, n)
	for i := uint64(0); i < n && r.err == nil; i++ {
		out = append(out, read())
	}
	return out
}
