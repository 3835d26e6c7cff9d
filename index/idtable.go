package index

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"unsafe"

	"github.com/labrador-lab/labrador/internal/sections"
)

// idTable holds the document ids of a vector index in the order of its rows.
type idTable struct {
	text    []byte   // all ids, one after the other
	offsets []uint64 // (rows+1) where each begins
	ranks   []uint32 // (rows) place of each row when the ids are sorted descending
}

// newIDTable refuses empty and repeated ids.
func newIDTable(ids []string) (*idTable, error) {
	t := &idTable{offsets: make([]uint64, 1, len(ids)+1), ranks: make([]uint32, len(ids))}
	order := make([]uint32, len(ids))
	for i, id := range ids {
		if id == "" {
			return nil, fmt.Errorf("index: row %d has an empty id", i)
		}
		t.text = append(t.text, id...)
		t.offsets = append(t.offsets, uint64(len(t.text)))
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(ids[b], ids[a]) })
	for rank, row := range order {
		if rank > 0 && ids[order[rank-1]] == ids[row] {
			return nil, fmt.Errorf("index: rows %d and %d have the same id %q", order[rank-1], row, ids[row])
		}
		t.ranks[row] = uint32(rank)
	}
	return t, nil
}

func (t *idTable) rows() int { return len(t.ranks) }

// id is the id of row i.
func (t *idTable) id(i uint32) string { return string(t.text[t.offsets[i]:t.offsets[i+1]]) }

// write adds the sections "ids", "idoffsets" and "idranks".
func (t *idTable) write(w *sections.Writer) {
	w.Begin("ids")
	w.Write(t.text)
	w.Begin("idoffsets")
	w.Write(bytesOf(t.offsets))
	w.Begin("idranks")
	w.Write(bytesOf(t.ranks))
}

// readIDTable reads what write wrote, for an index of the given number of rows.
func readIDTable(f *sections.File, rows int) (*idTable, error) {
	t := &idTable{}
	text, err := f.Section("ids")
	if err != nil {
		return nil, err
	}
	t.text = text
	if t.offsets, err = sectionOf[uint64](f, "idoffsets", rows+1); err != nil {
		return nil, err
	}
	if t.ranks, err = sectionOf[uint32](f, "idranks", rows); err != nil {
		return nil, err
	}
	last := uint64(0)
	for _, o := range t.offsets {
		if o < last || o > uint64(len(text)) {
			return nil, fmt.Errorf("section idoffsets: %w", sections.ErrDamaged)
		}
		last = o
	}
	return t, nil
}

// numeric is what index files hold arrays of. They are little-endian, as every machine is that this program is built for.
type numeric interface {
	~int8 | ~uint8 | ~uint16 | ~int32 | ~uint32 | ~uint64 | ~float32
}

// bytesOf views numbers as bytes.
func bytesOf[T numeric](a []T) []byte {
	if len(a) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a))), len(a)*binary.Size(a[0]))
}

// numbersOf views the bytes of an aligned section as n numbers.
func numbersOf[T numeric](b []byte, n int) ([]T, bool) {
	var zero T
	if n < 0 || len(b)/int(unsafe.Sizeof(zero)) != n || len(b)%int(unsafe.Sizeof(zero)) != 0 {
		return nil, false
	}
	if n == 0 {
		return []T{}, true
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), true
}

// sectionOf reads a whole, checked section as n numbers.
func sectionOf[T numeric](f *sections.File, name string, n int) ([]T, error) {
	if _, err := f.Section(name); err != nil {
		return nil, err
	}
	return uncheckedOf[T](f, name, n)
}

// uncheckedOf views a section as n numbers, before its bytes are compared with their checksums.
func uncheckedOf[T numeric](f *sections.File, name string, n int) ([]T, error) {
	b, err := f.Unchecked(name)
	if err != nil {
		return nil, err
	}
	a, ok := numbersOf[T](b, n)
	if !ok {
		return nil, fmt.Errorf("section %s: %d bytes for %d numbers: %w", name, len(b), n, sections.ErrDamaged)
	}
	return a, nil
}

var _ io.Writer = (*sections.Writer)(nil)
