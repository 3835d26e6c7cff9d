package token

import (
	"fmt"
	"hash/maphash"
	"math/bits"
)

// vocab maps tokens to ids and back. All tokens lie in one string.
type vocab struct {
	arena string
	start []uint32 // token of id i is arena[start[i]:end[i]]
	end   []uint32
	used  []bool  // whether id i has a token
	table []int32 // open addressing, id+1; 0 is empty
	seed  maphash.Seed
	count int // number of different tokens, of pieces for Unigram: the first id of added tokens that are none
}

// vocabBuilder collects the tokens of a vocabulary.
type vocabBuilder struct {
	arena []byte
	items []vocabItem
	top   int64
}

type vocabItem struct {
	id         int32
	start, end uint32
}

// maxSparse bounds how much larger than the number of its tokens an id may be: a file cannot make us allocate more.
const maxSparse = 1 << 20

func (b *vocabBuilder) add(token []byte, id int64) error {
	if id < 0 || id > 1<<31-2 {
		return fmt.Errorf("token %q has the impossible id %d", token, id)
	}
	if len(b.arena)+len(token) > 1<<32-2 {
		return fmt.Errorf("the vocabulary has more than 4 GiB of text")
	}
	lo := uint32(len(b.arena))
	b.arena = append(b.arena, token...)
	b.items = append(b.items, vocabItem{int32(id), lo, uint32(len(b.arena))})
	b.top = max(b.top, id+1)
	return nil
}

// build makes the vocabulary. Of two entries with one spelling the later counts, as in a JSON object.
func (b *vocabBuilder) build() (*vocab, error) {
	if b.top > int64(len(b.items))*4+maxSparse {
		return nil, fmt.Errorf("the vocabulary has %d tokens but an id of %d", len(b.items), b.top-1)
	}
	v := &vocab{arena: string(b.arena), seed: maphash.MakeSeed()}
	v.start, v.end, v.used = make([]uint32, b.top), make([]uint32, b.top), make([]bool, b.top)
	v.table = make([]int32, 1<<bits.Len(uint(len(b.items)*2+1)))
	for _, it := range b.items {
		v.start[it.id], v.end[it.id], v.used[it.id] = it.start, it.end, true
		v.insert(v.arena[it.start:it.end], it.id)
	}
	return v, nil
}

func (v *vocab) insert(token string, id int32) {
	mask := uint64(len(v.table) - 1)
	for h := maphash.String(v.seed, token); ; h++ {
		slot := &v.table[h&mask]
		if *slot == 0 {
			v.count++
		}
		if *slot == 0 || v.str(*slot-1) == token {
			*slot = id + 1
			return
		}
	}
}

func (v *vocab) str(id int32) string { return v.arena[v.start[id]:v.end[id]] }

func (v *vocab) size() int { return len(v.start) }

// token returns the spelling of id.
func (v *vocab) token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(v.start) || !v.used[id] {
		return "", false
	}
	return v.str(id), true
}

// id returns the id of a token.
func (v *vocab) id(token string) (int32, bool) {
	mask := uint64(len(v.table) - 1)
	for h := maphash.String(v.seed, token); ; h++ {
		id := v.table[h&mask] - 1
		if id < 0 {
			return -1, false
		}
		if v.str(id) == token {
			return id, true
		}
	}
}

// bytesID is id for a token that is in a buffer.
func (v *vocab) bytesID(token []byte) (int32, bool) {
	mask := uint64(len(v.table) - 1)
	for h := maphash.Bytes(v.seed, token); ; h++ {
		id := v.table[h&mask] - 1
		if id < 0 {
			return -1, false
		}
		if v.str(id) == string(token) {
			return id, true
		}
	}
}

// idOr is id, or -1.
func (v *vocab) idOr(token string) int32 {
	id, _ := v.id(token)
	return id
}

// byteTokens are the ids of "<0x00>" to "<0xFF>", -1 where the vocabulary has none.
func (v *vocab) byteTokens() (ids [256]int32) {
	for b := range ids {
		ids[b] = v.idOr(fmt.Sprintf("<0x%02X>", b))
	}
	return ids
}
