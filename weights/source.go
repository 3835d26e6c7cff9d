package weights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"unsafe"

	"github.com/labrador-lab/labrador/internal/mmap"
)

// source is an open file and its mapping.
type source struct {
	*mmap.File
	file *os.File
}

// cutOff asks what most often makes a file end too early.
const cutOff = ": is the file cut off, or a pointer of Git LFS?"

func openSource(path string) (source, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for a writer
		return source{}, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return source{}, err
	}
	m, err := mmap.Map(f)
	if err != nil {
		return source{}, errors.Join(err, f.Close())
	}
	return source{m, f}, nil
}

// own tells tensors, views of the mapping, where they lie in the file.
func (s source) own(tensors map[string]Tensor) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(s.Data)))
	for name, t := range tensors {
		t.file, t.at = s.file, int64(uintptr(unsafe.Pointer(unsafe.SliceData(t.Data)))-start)
		tensors[name] = t
	}
}

// Close unmaps and closes the file.
func (s source) Close() error { return errors.Join(s.File.Close(), s.file.Close()) }

// readBuffers are FetchRows' for the bytes of rows.
var readBuffers = sync.Pool{New: func() any { return new([]byte) }}

// FetchRows is ReadRows by reading the file instead of its mapping, whose pages would stay in this process's memory: for
// what is read once, and for a few rows of much.
func (t Tensor) FetchRows(dst []float32, first int) error {
	if t.file == nil || !t.DType.Float() || t.Cols()%t.DType.Block() != 0 || !t.holds(len(dst), first) {
		return t.ReadRows(dst, first)
	}
	b, size := t.DType.Block(), t.DType.BlockBytes()
	buffer := readBuffers.Get().(*[]byte)
	defer readBuffers.Put(buffer)
	n := len(dst) / b * size
	if cap(*buffer) < n {
		*buffer = make([]byte, n)
	}
	src := (*buffer)[:n]
	if _, err := t.file.ReadAt(src, t.at+int64(first*t.Cols()/b*size)); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file ends before it: was it written again while it was read?")
		}
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	decode(t.DType, dst, src)
	return nil
}
