package model

import (
	"math/rand/v2"
	"testing"
)

// TestArena takes and releases pieces of many sizes: none overlaps what is still handed out, and behind a reset there is one chunk, which holds
// as much as was handed out at a time without another.
func TestArena(t *testing.T) {
	type piece struct {
		data   []float32
		before mark
	}
	random, a := rand.New(rand.NewPCG(1, 2)), &arena{}
	defer a.free()
	for round := range 3 {
		var pieces []piece
		sum, most := 0, 0
		for step := range 200 {
			if step%20 == 19 { // everything behind a piece, and it, is given back
				i := random.IntN(len(pieces))
				for _, p := range pieces[i:] {
					sum -= (len(p.data) + 15) &^ 15
				}
				a.release(pieces[i].before)
				pieces = pieces[:i]
			}
			p := piece{before: a.at}
			p.data = a.take(random.IntN(minChunk / 4))
			for k := range p.data {
				p.data[k] = float32(len(pieces))
			}
			pieces = append(pieces, p)
			sum += (len(p.data) + 15) &^ 15
			most = max(most, sum)
		}
		for i, p := range pieces {
			for k, v := range p.data {
				if v != float32(i) {
					t.Fatalf("round %d: piece %d of %d floats: number %d was overwritten by piece %v", round, i, len(p.data), k, v)
				}
			}
		}
		if a.most != most {
			t.Errorf("round %d: %d floats were handed out at a time, the arena counts %d", round, most, a.most)
		}
		a.reset()
		if len(a.chunks) != 1 || round == 0 && len(a.chunks[0].data) != most {
			t.Fatalf("round %d: %d chunks, the first of %d floats: want one of %d", round, len(a.chunks), len(a.chunks[0].data), most)
		}
		for range 2 { // the same piece again: nothing is added
			a.take(most)
			if a.reset(); len(a.chunks) != 1 {
				t.Fatalf("round %d: %d floats at once do not fit", round, most)
			}
		}
	}
}
