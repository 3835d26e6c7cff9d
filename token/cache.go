package token

import (
	"encoding/binary"
	"hash/maphash"
)

// wordCache remembers the tokens of words. It belongs to one state and never grows beyond its first size: a word takes the
// place of the one that was in its slot.
type wordCache struct {
	short []shortWord
	long  map[uint64]longWord
	bytes []byte // words of long
	ids   []int32
	seed  maphash.Seed
}

const (
	shortSlots = 1 << 14
	shortBytes = 15
	shortIDs   = 11
	longBytes  = 256     // longer words are not kept
	longArena  = 1 << 18 // bytes and ids; beyond it the long words are dropped, all at once
)

// shortWord is a word of at most 15 bytes in one cache line.
type shortWord struct {
	a, b uint64 // the word, zero-padded; its length in the highest byte of b
	n    int32
	ids  [shortIDs]int32
}

type longWord struct{ lo, hi, idLo, idHi int32 }

// masks keep the lowest 0 to 8 bytes of a word of 64 bits.
var masks = [9]uint64{0, 1<<8 - 1, 1<<16 - 1, 1<<24 - 1, 1<<32 - 1, 1<<40 - 1, 1<<48 - 1, 1<<56 - 1, 1<<64 - 1}

// key packs text[lo:hi], of at most 15 bytes.
func key(text []byte, lo, hi int) (a, b uint64) {
	n := hi - lo
	if lo+16 <= len(text) {
		a, b = binary.LittleEndian.Uint64(text[lo:]), binary.LittleEndian.Uint64(text[lo+8:])
		if n < 8 {
			return a & masks[n], uint64(n) << 56
		}
		return a, b&masks[n-8] | uint64(n)<<56
	}
	var buf [16]byte
	copy(buf[:], text[lo:hi])
	buf[15] = byte(n)
	return binary.LittleEndian.Uint64(buf[:]), binary.LittleEndian.Uint64(buf[8:])
}

// slot returns the place of a short word.
func (c *wordCache) slot(a, b uint64) *shortWord {
	if c.short == nil {
		c.short = make([]shortWord, shortSlots)
	}
	h := (a ^ b*0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
	return &c.short[(h^h>>32)&(shortSlots-1)]
}

// tokens appends the tokens of every word of s to s.ids: those that the cache knows, and what miss appends for the others.
func (c *wordCache) tokens(s *state, miss func(word []byte)) {
	for _, w := range s.words {
		if w.hi-w.lo > shortBytes {
			c.longTokens(s, s.text[w.lo:w.hi], miss)
			continue
		}
		a, b := key(s.text, w.lo, w.hi)
		e := c.slot(a, b)
		if e.a == a && e.b == b {
			if e.n == 1 {
				s.ids = append(s.ids, e.ids[0])
			} else {
				s.ids = append(s.ids, e.ids[:e.n]...)
			}
			continue
		}
		n := len(s.ids)
		miss(s.text[w.lo:w.hi])
		if k := len(s.ids) - n; k <= shortIDs {
			e.a, e.b, e.n = a, b, int32(k)
			copy(e.ids[:], s.ids[n:])
		}
	}
}

func (c *wordCache) longTokens(s *state, word []byte, miss func(word []byte)) {
	if len(word) > longBytes {
		miss(word)
		return
	}
	if c.long == nil || len(c.bytes) > longArena || len(c.ids) > longArena {
		if c.long == nil {
			c.long, c.seed = map[uint64]longWord{}, maphash.MakeSeed()
		}
		clear(c.long)
		c.bytes, c.ids = c.bytes[:0], c.ids[:0]
	}
	h := maphash.Bytes(c.seed, word)
	e, ok := c.long[h]
	if ok && string(c.bytes[e.lo:e.hi]) == string(word) {
		s.ids = append(s.ids, c.ids[e.idLo:e.idHi]...)
		return
	}
	n := len(s.ids)
	miss(word)
	e = longWord{lo: int32(len(c.bytes)), idLo: int32(len(c.ids))}
	c.bytes, c.ids = append(c.bytes, word...), append(c.ids, s.ids[n:]...)
	e.hi, e.idHi = int32(len(c.bytes)), int32(len(c.ids))
	c.long[h] = e
}
