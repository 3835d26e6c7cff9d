package kernel

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/labrador-lab/labrador/internal/pages"
)

// Shelf is one piece of memory for the values of several matrices. It stays as long as one of them, or until Free.
type Shelf struct {
	k      *Kernels
	memory *pages.Block // nil: Go's heap
	free   []byte
	mu     sync.Mutex
}

// ownMemory is from how many bytes on a shelf is memory of the system's.
const ownMemory = 4 << 20

// NewShelf is a shelf of so many bytes: the sum of the matrices' PackedBytes.
func (k *Kernels) NewShelf(bytes int) *Shelf {
	if bytes < ownMemory {
		return &Shelf{k: k, free: pages.Aligned(bytes)}
	}
	b := pages.New(bytes)
	return &Shelf{k: k, memory: b, free: b.Data}
}

// Free gives the memory back now. Its matrices must not be used afterwards.
func (s *Shelf) Free() {
	if s.memory != nil {
		s.memory.Free()
	}
	s.free = nil
}

// PackedBytes is what the values of a matrix (oc, c) take on a shelf.
func (k *Kernels) PackedBytes(f Format, oc, c int) int {
	return roundUp(k.newUnplaced(f, k.gemm(f), oc, c).size(), 64)
}

func (k *Kernels) gemm(f Format) *gemmKernels {
	return [...]*gemmKernels{&k.t.gemm.f32, &k.t.gemm.bf16, &k.t.gemm.f16, &k.t.gemm.int16, &k.t.gemm.int8}[f]
}

// size is the size of the packed values.
func (w *Packed) size() int {
	return roundUp(w.oc, w.k.t.gemm.lanes) * w.groups * w.g.groupBytes(w.format)
}

// take gives w memory for its values; it panics where the shelf is full.
func (s *Shelf) take(w *Packed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := w.size()
	w.memory, w.data = s.memory, s.free[:n:n]
	s.free = s.free[min(len(s.free), roundUp(n, 64)):]
}

// Pack is Kernels.Pack with the values on the shelf. It is safe for concurrent use.
func (s *Shelf) Pack(f Format, oc, c int, row func(i int, dst []float32)) *Packed {
	w := s.Place(f, oc, c)
	w.Fill(0, oc, row)
	return w
}

// Place is an empty matrix (oc, c) on the shelf, for Fill. It is safe for concurrent use.
func (s *Shelf) Place(f Format, oc, c int) *Packed {
	k := s.k
	w := k.newUnplaced(f, k.gemm(f), oc, c)
	s.take(w)
	if f == FormatInt16 || f == FormatInt8 {
		w.turn = newRotation(c)
		w.turnsToCodes = k.t.turnU8 != nil && w.g.input == inputU8 && w.turn.whole()
		if w.turnsToCodes && k.t.turnF16 != nil {
			w.turn.halve()
		}
	}
	return w
}

// Balance tells an empty matrix of FormatInt8 what its inputs and its weights will be like, channel by channel of C: their mean squares, each in a unit of its
// own. Rounding then costs less where some channels are larger than others (see rotation.balance).
func (w *Packed) Balance(inputs, weights []float32) {
	if w.format != FormatInt8 || w.turn == nil {
		panic("kernel: Balance: the matrix is of " + w.format.String() + ", or of codes")
	}
	same("Balance", len(inputs), w.c)
	same("Balance", len(weights), w.c)
	w.turn.balance(inputs, weights)
	if w.turn.halfSigns != nil {
		w.turn.halve()
	}
}

// FillAtOnce is what from of Fill is a multiple of.
const FillAtOnce = 64

// Fill packs channels from to to, of which row delivers one at a time, in order: it fills dst (c) with channel i, from whatever the file holds. It is safe for
// concurrent use with channels of its own; FormatF32 wants all of them in one call.
func (w *Packed) Fill(from, to int, row func(i int, dst []float32)) {
	k, f, c := w.k, w.format, w.c
	if from < 0 || from%FillAtOnce != 0 || to > w.oc {
		panic(fmt.Sprintf("kernel: Fill: channels %d to %d of %d", from, to, w.oc))
	}
	n, lanes := w.groups*w.g.group, k.t.gemm.lanes // a channel's values, c and zeros up to a whole group
	size := w.groups * w.g.groupBytes(f)
	block := pages.Aligned(lanes * size) // channels as they are packed, which go into their panel together
	buf, turned, tmp, args := make([]float32, c), make([]float32, c), make([]float32, c), new(gemmArgs)
	var signs []float32
	if w.turn != nil {
		signs = w.turn.weightSigns()
	}
	var ones8 []int8
	if f == FormatInt8 {
		ones8 = ones(n)
	}
	for i := from; i < to; i++ {
		at := i % lanes
		dst := unsafe.Pointer(&block[at*size])
		row(i, buf)
		switch f {
		case FormatF32:
			copy(floats(dst, c), buf)
			if k.t.strassenRows != nil {
				w.compareWithPartner(i, k.t.sumSquares(buf))
			}
		case FormatBF16:
			k.t.toBF16(unsafe.Slice((*BF16)(dst), c), buf)
		case FormatF16:
			w.scale[i] = w.halve(unsafe.Slice((*F16)(dst), n), buf)
		case FormatInt16:
			w.scale[i] = w.quantize16(unsafe.Slice((*int16)(dst), n), w.turn.apply(k, turned, tmp, buf, signs, args))
		case FormatInt8:
			codes := unsafe.Slice((*int8)(dst), n)
			w.scale[i] = w.quantize(codes[:c], w.turn.apply(k, turned, tmp, buf, signs, args))
			w.setComp(i, codes, ones8)
		}
		if at == lanes-1 || i == to-1 {
			w.put(i-at, at+1, unsafe.Pointer(&block[0]))
		}
	}
}
