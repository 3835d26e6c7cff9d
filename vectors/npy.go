package vectors

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"unsafe"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/mmap"
)

// File is an .npy file of vectors. Matrix is valid until Close.
type File struct {
	Matrix labrador.Matrix // (rows, dimensions)
	m      *mmap.File
}

// OpenNPY opens a two-dimensional .npy file of float16, float32 or float64 in C order, either byte order, format versions 1
// to 3. Little-endian float32 is mapped, so that a file larger than memory can be searched; anything else is converted to
// float32 in memory. An error names the file and what is wrong with it.
func OpenNPY(path string) (*File, error) {
	m, err := mmap.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	h, err := parseHeader(m.Data)
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("vectors: %s: %w", path, err)
	}
	body := m.Data[h.offset:]
	f := &File{Matrix: labrador.Matrix{Rows: h.rows, Cols: h.cols}, m: m}
	if view, ok := h.view(body); ok {
		f.Matrix.Data = view
		return f, nil
	}
	f.Matrix.Data = h.convert(body)
	f.m = nil
	return f, m.Close()
}

// Close unmaps the file.
func (f *File) Close() error {
	if f.m == nil {
		return nil
	}
	f.Matrix.Data = nil
	return f.m.Close()
}

// ReadNPY is OpenNPY for vectors that shall lie in memory.
func ReadNPY(path string) (labrador.Matrix, error) {
	f, err := OpenNPY(path)
	if err != nil {
		return labrador.Matrix{}, err
	}
	m := f.Matrix
	if f.m != nil {
		m.Data = append([]float32(nil), m.Data...)
	}
	return m, f.Close()
}

// WriteNPY writes m as a .npy file of little-endian float32 in C order, version 1.0 of numpy's format, as numpy itself
// writes it. The file appears whole or not at all.
func WriteNPY(path string, m labrador.Matrix) error {
	return StreamNPY(path, m.Rows, m.Cols, func(yield func(labrador.Matrix, error) bool) { yield(m, nil) })
}

// StreamNPY is WriteNPY for a (rows, cols) matrix that comes in parts, one below the other.
func StreamNPY(path string, rows, cols int, parts iter.Seq2[labrador.Matrix, error]) error {
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", rows, cols)
	pad := 63 - (10+len(text))%64 // the elements start at a multiple of 64, after a line feed
	text += strings.Repeat(" ", pad) + "\n"
	err := atomicfile.Write(path, func(w io.Writer) error {
		head := append([]byte(npyMagic+"\x01\x00"), byte(len(text)), byte(len(text)>>8))
		if _, err := w.Write(append(head, text...)); err != nil {
			return err
		}
		have := 0
		for m, err := range parts {
			if err != nil {
				return err
			}
			if m.Cols != cols && m.Rows > 0 || len(m.Data) != m.Rows*m.Cols {
				return fmt.Errorf("%s: a part (%d, %d) with %d elements for a matrix of %d columns", path, m.Rows, m.Cols, len(m.Data), cols)
			}
			have += m.Rows
			if err := writeFloats(w, m.Data); err != nil {
				return err
			}
		}
		if have != rows {
			return fmt.Errorf("%s: %d rows came for %d", path, have, rows)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("vectors: %w", err)
	}
	return nil
}

// writeFloats writes little-endian float32 values.
func writeFloats(w io.Writer, data []float32) error {
	buf := make([]byte, 0, 1<<16)
	for len(data) > 0 {
		n := min(len(data), cap(buf)/4)
		buf = buf[:0]
		for _, v := range data[:n] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// view is body as float32 in place, where its bytes are what this machine calls that.
func (h header) view(body []byte) ([]float32, bool) {
	if h.size != 4 || h.bigEndian || !littleEndian || len(body) == 0 || uintptr(unsafe.Pointer(&body[0]))%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&body[0])), len(body)/4), true
}

func (h header) convert(body []byte) []float32 {
	var order binary.ByteOrder = binary.LittleEndian
	if h.bigEndian {
		order = binary.BigEndian
	}
	out := make([]float32, len(body)/h.size)
	for i := range out {
		b := body[i*h.size:]
		switch h.size {
		case 2:
			out[i] = fromHalf(order.Uint16(b))
		case 4:
			out[i] = math.Float32frombits(order.Uint32(b))
		case 8:
			out[i] = float32(math.Float64frombits(order.Uint64(b)))
		}
	}
	return out
}

// fromHalf widens an IEEE 754 binary16 number.
func fromHalf(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // zero and subnormal: fraction * 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
