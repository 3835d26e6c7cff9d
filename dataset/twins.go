package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/labrador-lab/labrador"
)

// Twins maps documents that are identical to others (title, text and picture byte for byte) to one of them, the first in the
// corpus, which maps to itself. Documents without a twin are not in it.
type Twins map[string]string

// Of is the document that stands for id: itself when it has no twin.
func (t Twins) Of(id string) string {
	if first, ok := t[id]; ok {
		return first
	}
	return id
}

// Run is run with identical documents counted as one: the first one in corpus order takes the best place among its twins, the others go.
func (t Twins) Run(run labrador.Run) labrador.Run {
	out := make(labrador.Run, len(run))
	for q, hits := range run {
		one := make([]labrador.Hit, 0, len(hits))
		seen := make(map[string]bool, len(hits))
		for _, h := range hits {
			if id := t.Of(h.ID); !seen[id] {
				seen[id] = true
				one = append(one, labrador.Hit{ID: id, Score: h.Score})
			}
		}
		labrador.SortHits(one) // a new id may order differently among equal scores
		out[q] = one
	}
	return out
}

// Qrels is qrels with identical documents counted as one: the highest grade that any of them has.
func (t Twins) Qrels(qrels labrador.Qrels) labrador.Qrels {
	out := make(labrador.Qrels, len(qrels))
	for q, docs := range qrels {
		one := make(map[string]int, len(docs))
		for id, grade := range docs {
			id = t.Of(id)
			if old, ok := one[id]; !ok || grade > old {
				one[id] = grade
			}
		}
		out[q] = one
	}
	return out
}

// Twins finds the identical documents of the corpus. It reads it twice and keeps 8 bytes a document, and the ids of the twins only.
// Documents without any content are no twins.
func (d *Dataset) Twins(ctx context.Context) (Twins, error) {
	content := newRepeats()
	if err := d.eachDocument(ctx, tolerance{}, func(doc labrador.Document) { content.addDocument(doc) }); err != nil {
		return nil, err
	}
	again := content.repeated()
	twins := Twins{}
	if len(again) == 0 {
		return twins, nil
	}
	g := newGroups(content.seed, again)
	if err := d.eachDocument(ctx, tolerance{}, g.add); err != nil {
		return nil, err
	}
	for _, ids := range g.lists() {
		for _, id := range ids {
			twins[id] = ids[0]
		}
	}
	return twins, nil
}

// eachDocument calls fn with every document until ctx ends.
func (d *Dataset) eachDocument(ctx context.Context, t tolerance, fn func(labrador.Document)) error {
	n := 0
	for doc, err := range d.src.documents(t) {
		if err != nil {
			return err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		fn(doc)
	}
	return ctx.Err()
}

// repeats finds which of many strings come more than once, at 8 bytes a string: different strings may share a hash, so what it finds
// are candidates, to be compared in a second reading.
type repeats struct {
	seed   maphash.Seed
	blocks [][]uint64 // of blockSize hashes; growing one slice would need twice the memory for a while
}

const blockSize = 1 << 16

func newRepeats() *repeats { return &repeats{seed: maphash.MakeSeed()} }

func (r *repeats) add(hash uint64) {
	if n := len(r.blocks); n == 0 || len(r.blocks[n-1]) == blockSize {
		r.blocks = append(r.blocks, make([]uint64, 0, blockSize))
	}
	last := &r.blocks[len(r.blocks)-1]
	*last = append(*last, hash)
}

func (r *repeats) addString(s string) { r.add(maphash.String(r.seed, s)) }

func (r *repeats) addDocument(d labrador.Document) {
	if d.Title != "" || d.Text != "" || d.Picture != "" {
		r.add(documentHash(r.seed, d))
	}
}

// repeated are the hashes that came more than once. It drops the others.
func (r *repeats) repeated() map[uint64]bool {
	all := slices.Concat(r.blocks...)
	r.blocks = nil
	slices.Sort(all)
	again := map[uint64]bool{}
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			again[all[i]] = true
		}
	}
	return again
}

// documentHash is a hash of what makes documents identical; the path stands for the picture.
func documentHash(seed maphash.Seed, d labrador.Document) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range []string{d.Title, d.Text, d.Picture} {
		h.WriteString(part)
		h.WriteByte(0xff) // never in UTF-8
	}
	return h.Sum64()
}

// groups collects the documents whose hash is a candidate by their exact content (128 bits of SHA-256).
type groups struct {
	seed    maphash.Seed
	again   map[uint64]bool
	members map[[16]byte][]string
	order   [][16]byte
}

func newGroups(seed maphash.Seed, again map[uint64]bool) *groups {
	return &groups{seed: seed, again: again, members: map[[16]byte][]string{}}
}

func (g *groups) add(d labrador.Document) {
	if d.Title == "" && d.Text == "" && d.Picture == "" || !g.again[documentHash(g.seed, d)] {
		return
	}
	key := contentKey(d)
	if g.members[key] == nil {
		g.order = append(g.order, key)
	}
	g.members[key] = append(g.members[key], d.ID)
}

// lists are the groups of two or more in corpus order.
func (g *groups) lists() [][]string {
	var lists [][]string
	for _, key := range g.order {
		if ids := g.members[key]; len(ids) > 1 {
			lists = append(lists, ids)
		}
	}
	return lists
}

// contentKey is 128 bits of a document's content.
func contentKey(d labrador.Document) [16]byte {
	h := sha256.New()
	for _, part := range []string{d.Title, d.Text, d.Picture} {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	var key [16]byte
	copy(key[:], h.Sum(nil))
	return key
}
