package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"os"
	"slices"

	"github.com/labrador-lab/labrador/internal/mmap"
)

// Tensor is a named array in a mapped file, row-major: the last dimension lies together. Data is valid, and read-only,
// until its file is closed.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte

	file *os.File // that Data is mapped from; nil: none
	at   int64    // where Data lies in it
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Cols is the last dimension, 1 for a scalar.
func (t Tensor) Cols() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1]
}

// Rows is the number of rows of Cols elements.
func (t Tensor) Rows() int {
	if c := t.Cols(); c > 0 {
		return t.Len() / c
	}
	return 0
}

// ReadRows decodes rows first, first+1, ... into dst, whose length is a multiple of Cols. Quantised blocks are
// dequantised. It is an error when the rows are not all there or the type holds no floats.
func (t Tensor) ReadRows(dst []float32, first int) error {
	if !t.holds(len(dst), first) {
		return fmt.Errorf("tensor %s: shape %v has no %d values from row %d", t.Name, t.Shape, len(dst), first)
	}
	return t.read(dst, first*t.Cols())
}

// holds says whether there are n values, which are whole rows, from row first on.
func (t Tensor) holds(n, first int) bool {
	cols := t.Cols()
	return cols > 0 && n%cols == 0 && first >= 0 && first <= t.Rows()-n/cols
}

// Float32s decodes the whole tensor into a new slice. It reads the file: a mapping faults where the file was cut off meanwhile.
func (t Tensor) Float32s() ([]float32, error) {
	if !t.DType.Float() {
		return nil, fmt.Errorf("tensor %s: %s holds no floats", t.Name, t.DType)
	}
	out := make([]float32, t.Len())
	if len(out) == 0 {
		return out, nil
	}
	return out, t.FetchRows(out, 0)
}

// Part is the tensor's part from from to to of its first dimension, as a tensor called name.
func (t Tensor) Part(name string, from, to int) (Tensor, error) {
	if len(t.Shape) == 0 || from < 0 || to < from || to > t.Shape[0] {
		return Tensor{}, fmt.Errorf("tensor %s: shape %v has no rows %d to %d", t.Name, t.Shape, from, to)
	}
	shape := slices.Clone(t.Shape)
	shape[0] = from
	begin, ok := byteSize(t.DType, shape)
	shape[0] = to - from
	size, whole := byteSize(t.DType, shape)
	if !ok || !whole {
		return Tensor{}, fmt.Errorf("tensor %s: rows %d to %d are not whole blocks of %s", t.Name, from, to, t.DType)
	}
	t.Name, t.Shape, t.Data, t.at = name, shape, t.Data[begin:begin+size:begin+size], t.at+int64(begin)
	return t, nil
}

// Ints decodes a tensor of integers into a new slice.
func (t Tensor) Ints() (out []int64, err error) {
	err = mmap.Guard(func() error { out, err = t.ints(); return err })
	return out, err
}

func (t Tensor) ints() ([]int64, error) {
	out := make([]int64, t.Len())
	for i := range out {
		switch t.DType {
		case I64, U64:
			out[i] = int64(binary.LittleEndian.Uint64(t.Data[8*i:]))
		case I32:
			out[i] = int64(int32(binary.LittleEndian.Uint32(t.Data[4*i:])))
		case U32:
			out[i] = int64(binary.LittleEndian.Uint32(t.Data[4*i:]))
		case I16:
			out[i] = int64(int16(binary.LittleEndian.Uint16(t.Data[2*i:])))
		case U16:
			out[i] = int64(binary.LittleEndian.Uint16(t.Data[2*i:]))
		case I8:
			out[i] = int64(int8(t.Data[i]))
		case U8:
			out[i] = int64(t.Data[i])
		default:
			return nil, fmt.Errorf("tensor %s: %s holds no integers", t.Name, t.DType)
		}
	}
	return out, nil
}

// read decodes the elements from at on, at and len(dst) being whole blocks.
func (t Tensor) read(dst []float32, at int) error {
	if !t.DType.Float() {
		return fmt.Errorf("tensor %s: %s holds no floats", t.Name, t.DType)
	}
	b, size := t.DType.Block(), t.DType.BlockBytes()
	if at%b != 0 || len(dst)%b != 0 {
		return fmt.Errorf("tensor %s: rows of %d are not whole blocks of %s", t.Name, t.Cols(), t.DType)
	}
	decode(t.DType, dst, t.Data[at/b*size:(at+len(dst))/b*size])
	return nil
}

// littleEndian says whether this machine's numbers lie in memory as the files' do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// FromFloat32s makes an F32 tensor that holds a copy of values, for writing.
func FromFloat32s(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	return Tensor{Name: name, DType: F32, Shape: shape, Data: data}
}

// byteSize is the size of a tensor of the type and shape, or false when a dimension is negative, the count overflows or
// the last dimension is not whole blocks.
func byteSize(d DType, shape []int) (int, bool) {
	n := uint64(1)
	for _, dim := range shape {
		if dim < 0 {
			return 0, false
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 || lo > math.MaxInt64/16 {
			return 0, false
		}
		n = lo
	}
	if b := uint64(d.Block()); b > 1 && (len(shape) == 0 || uint64(shape[len(shape)-1])%b != 0) {
		return 0, false
	}
	return int(n) / d.Block() * d.BlockBytes(), true
}
