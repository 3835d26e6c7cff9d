package model

// arena hands out memory for activations from the bottom of a few chunks, which it keeps from batch to batch: after the first
// batches of a size it allocates nothing.
type arena struct {
	chunks [][]float32
	at     mark // what is handed out: everything in the chunks before at.chunk, and the first at.used floats of that one
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
			total += len(c)
		}
		a.chunks = nil
		a.chunks = append(a.chunks, make([]float32, total))
	}
	a.at = mark{}
}

// take hands out n floats, which hold anything.
func (a *arena) take(n int) []float32 {
	room := (n + 15) &^ 15
	for ; a.at.chunk < len(a.chunks); a.at = (mark{a.at.chunk + 1, 0}) {
		if c := a.chunks[a.at.chunk]; a.at.used+room <= len(c) {
			s := c[a.at.used : a.at.used+n : a.at.used+n]
			a.at.used += room
			return s
		}
	}
	a.chunks = append(a.chunks, make([]float32, max(room, minChunk)))
	a.at.used = room
	return a.chunks[a.at.chunk][:n:n]
}

// release gives back what was taken since the mark.
func (a *arena) release(m mark) { a.at = m }
