package model

import (
	"unsafe"

	"github.com/labrador-lab/labrador/internal/pages"
)

// arena hands out memory for activations from the bottom of a few chunks, which it keeps from batch to batch: after the first
// batches of a size it allocates nothing.
type arena struct {
	chunks []chunk
	at     mark // what is handed out: all that is in the chunks before at.chunk, and up to the first at.used floats of that one
	most   int  // the greatest at.total since the last reset
}

type chunk struct {
	memory *pages.Block
	data   []float32
}

func newChunk(n int) chunk {
	b := pages.New(4 * n)
	return chunk{b, unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b.Data))), n)}
}

// mark is a state of an arena to go back to. total is all that is handed out, in floats, without what chunks have left at their ends.
type mark struct{ chunk, used, total int }

// minChunk is the least that is allocated at a time, in floats.
const minChunk = 1 << 20

// reset gives everything back. Several chunks become one, as large as all that was handed out at a time.
func (a *arena) reset() {
	if most := a.most; len(a.chunks) > 1 {
		a.free()
		a.chunks = append(a.chunks, newChunk(most))
	}
	a.at, a.most = mark{}, 0
}

// free gives all memory back to the system.
func (a *arena) free() {
	for _, c := range a.chunks {
		c.memory.Free()
	}
	a.chunks, a.at, a.most = a.chunks[:0], mark{}, 0
}

// take hands out n floats, which hold anything.
func (a *arena) take(n int) []float32 {
	room := (n + 15) &^ 15
	for a.at.chunk < len(a.chunks) && a.at.used+room > len(a.chunks[a.at.chunk].data) {
		a.at.chunk, a.at.used = a.at.chunk+1, 0
	}
	if a.at.chunk == len(a.chunks) {
		a.chunks = append(a.chunks, newChunk(max(room, minChunk)))
	}
	s := a.chunks[a.at.chunk].data[a.at.used:][:n:n]
	a.at.used, a.at.total = a.at.used+room, a.at.total+room
	a.most = max(a.most, a.at.total)
	return s
}

// release gives back what was taken since the mark.
func (a *arena) release(m mark) { a.at = m }
