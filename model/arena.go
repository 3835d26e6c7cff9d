package model

import (
	"unsafe"

	"github.com/labrador-lab/labrador/internal/pages"
)

// arena hands out memory for activations from the bottom of a few chunks, which it keeps from batch to batch: after the first
// batches of a size it allocates nothing.
type arena struct {
	chunks []chunk
	at     mark // what is handed out: everything in the chunks before at.chunk, and the first at.used floats of that one
}

type chunk struct {
	memory *pages.Block
	data   []float32
}

func newChunk(n int) chunk {
	b := pages.New(4 * n)
	return chunk{b, unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b.Data))), n)}
}

// mark is a state of an arena to go back to.
type mark struct{ chunk, used int }

// minChunk is the least that is allocated at a time, in floats.
const minChunk = 1 << 20

// reset gives everything back. Several chunks become one of their size.
func (a *arena) reset() {
	if len(a.chunks) > 1 {
		total := 0
		for _, c := range a.chunks {
			total += len(c.data)
		}
		a.free()
		a.chunks = append(a.chunks, newChunk(total))
	}
	a.at = mark{}
}

// free gives all memory back to the system.
func (a *arena) free() {
	for _, c := range a.chunks {
		c.memory.Free()
	}
	a.chunks, a.at = a.chunks[:0], mark{}
}

// take hands out n floats, which hold anything.
func (a *arena) take(n int) []float32 {
	room := (n + 15) &^ 15
	for ; a.at.chunk < len(a.chunks); a.at = (mark{a.at.chunk + 1, 0}) {
		if c := a.chunks[a.at.chunk]; a.at.used+room <= len(c.data) {
			s := c.data[a.at.used : a.at.used+n : a.at.used+n]
			a.at.used += room
			return s
		}
	}
	a.chunks = append(a.chunks, newChunk(max(room, minChunk)))
	a.at.used = room
	return a.chunks[a.at.chunk].data[:n:n]
}

// release gives back what was taken since the mark.
func (a *arena) release(m mark) { a.at = m }
