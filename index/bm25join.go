package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/sections"
)

// share is what one index gives to a joined one: the documents in keep, a bit set by number, or all where it is nil.
type share struct {
	x      *BM25
	keep   []uint64
	n      int      // documents kept
	number []uint32 // by old number the new one, noDoc where a document is not kept
	few    []uint32 // the documents kept, where they are so few that looking them up is cheaper than going through the lists
}

// fewShare is how many documents of one there are at least for each that few holds.
const fewShare = 256

// joinBM25 writes to path the index of the documents in all shares, whose ids differ, as BuildBM25 would make it of their texts:
// all sections but those of the stored documents have the same bytes. It goes through the postings, not the texts. Stored
// documents come along unless o says otherwise. It takes some 12 bytes of memory a document, the dictionary and the longest list.
func joinBM25(ctx context.Context, path string, o BM25Options, shares []*share) error {
	return atomicfile.Write(path, func(w io.Writer) (err error) {
		defer guardJoin(path, &err)
		return writeJoined(ctx, w, o, shares)
	})
}

// writeJoined is joinBM25 to w; it panics over a posting list that no build wrote.
func writeJoined(ctx context.Context, w io.Writer, o BM25Options, shares []*share) error {
	b := &bm25Builder{opts: o.withDefaults(), fields: []string{"contents"}}
	if b.opts.TitleWeight > 0 {
		b.fields = append(b.fields, "title")
	}
	b.out = sections.NewWriter(w, bm25Kind, bm25Version, sections.Megabyte)
	j := &joiner{b: b, shares: shares}
	if err := j.numberDocuments(); err != nil {
		return err
	}
	if err := j.store(ctx); err != nil {
		return err
	}
	meta := bm25Meta{Options: b.opts.String(), Documents: j.n}
	if len(shares) > 0 { // a set has one scale: nothing can be added where there is one
		meta.Scale = shares[0].x.scale
	}
	for f := range b.fields {
		m, err := j.field(ctx, f)
		if err != nil {
			return err
		}
		meta.Fields = append(meta.Fields, m)
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	if err := b.section("meta", text); err != nil {
		return err
	}
	return b.out.Close()
}

// guardJoin makes an error of a panic over a posting list that no build wrote.
func guardJoin(path string, err *error) {
	if r := recover(); r != nil {
		if _, ok := r.(runtime.Error); !ok && r != any(errDamagedList) {
			panic(r)
		}
		*err = fmt.Errorf("index: joining into %s: section postings: %w", path, errDamagedList)
	}
}

// joiner is a join in progress.
type joiner struct {
	b      *bm25Builder
	shares []*share
	n      int
	ids    idWriter
	docs   storeWriter
}

// numberDocuments numbers the documents of all shares in the order of their ids.
func (j *joiner) numberDocuments() error {
	cursors := make([]*idCursor, len(j.shares))
	for i, s := range j.shares {
		s.number = make([]uint32, s.x.n)
		cursors[i] = &idCursor{list: &s.x.ids}
		if err := s.next(cursors[i]); err != nil {
			return err
		}
	}
	for {
		least := -1
		for i, c := range cursors {
			if !c.end() && (least < 0 || bytes.Compare(c.id, cursors[least].id) < 0) {
				least = i
			}
		}
		if least < 0 {
			break
		}
		s, c := j.shares[least], cursors[least]
		if j.n > 0 && bytes.Compare(c.id, j.ids.last) <= 0 {
			return fmt.Errorf("index: %s: %w", s.x.path, errDamagedIDs)
		}
		s.number[c.doc] = uint32(j.n)
		if s.n++; s.keep != nil && s.n <= s.x.n/fewShare {
			s.few = append(s.few, uint32(c.doc))
		}
		j.ids.add(c.id)
		j.n++
		if err := s.next(c); err != nil {
			return err
		}
	}
	for _, s := range j.shares {
		if len(s.few) < s.n {
			s.few = nil
		}
	}
	return nil
}

// next goes to the next document that is kept.
func (s *share) next(c *idCursor) error {
	for {
		if err := c.next(); err != nil {
			return fmt.Errorf("index: %s: %w", s.x.path, err)
		}
		if c.end() || s.keep == nil || hasBit(s.keep, uint32(c.doc)) {
			return nil
		}
		s.number[c.doc] = noDoc
	}
}

func hasBit(set []uint64, i uint32) bool { return set[i/64]>>(i%64)&1 != 0 }

// store writes the stored documents, in the order in which they came, and the ids.
func (j *joiner) store(ctx context.Context) error {
	b := j.b
	b.out.Begin("store")
	var arrivals []byte
	if !b.opts.NoDocuments {
		arrivals = make([]byte, 4*j.n)
		j.docs.out = b.out
		for _, s := range j.shares {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.copyStore(&j.docs, arrivals); err != nil {
				return fmt.Errorf("index: %s: %w", s.x.path, err)
			}
		}
		if err := j.docs.flush(); err != nil {
			return err
		}
	}
	if err := b.section("ids", j.ids.data); err != nil {
		return err
	}
	if err := b.section("idgroups", j.ids.groups); err != nil || b.opts.NoDocuments {
		return err
	}
	if err := b.section("arrivals", arrivals); err != nil {
		return err
	}
	return b.section("storeblocks", j.docs.index)
}

// field joins one field.
func (j *joiner) field(ctx context.Context, f int) (m FieldStats, err error) {
	lengths := make([]uint32, j.n)
	for _, s := range j.shares {
		codes := &s.x.fields[f].codes
		for doc, n := range s.number {
			if n != noDoc {
				lengths[n] = codes.lengths[codes.of(uint32(doc))]
			}
		}
	}
	for _, n := range lengths {
		if n > 0 {
			m.Documents++
		}
	}
	if m.Tokens, err = j.tokens(ctx, f); err != nil {
		return m, err
	}
	return j.b.writeField(f, lengths, m, func(emit emitTerm) error { return j.terms(ctx, f, emit) })
}

// tokens is how many terms the field's kept documents have, repeats counted: lengths may be rounded, frequencies are not.
func (j *joiner) tokens(ctx context.Context, f int) (sum int64, err error) {
	if !slices.ContainsFunc(j.shares, func(s *share) bool { return s.keep != nil }) {
		for _, s := range j.shares {
			sum += s.x.fields[f].Tokens
		}
		return sum, nil
	}
	err = j.terms(ctx, f, func(_ []byte, _ []posting, cf int64) error {
		sum += cf
		return nil
	})
	return sum, err
}

// terms calls emit with each term of the field that a kept document has, in order, and its postings.
func (j *joiner) terms(ctx context.Context, f int, emit emitTerm) error {
	cursors, heads := make([]*termCursor, len(j.shares)), make([]*termHead, len(j.shares))
	for i, s := range j.shares {
		cursors[i] = &termCursor{dict: &s.x.fields[f].dict, terms: s.x.fields[f].Terms}
		if err := cursors[i].next(); err != nil {
			return fmt.Errorf("index: %s: %w", s.x.path, err)
		}
		heads[i] = &cursors[i].termHead
	}
	walk := &cursor{}
	return mergeTerms(ctx, heads, j.n, func(i int, list []posting) (_ []posting, cf int64, err error) {
		s, from := j.shares[i], len(list)
		if err = s.postings(walk, f, cursors[i].t, &list); err == nil {
			err = cursors[i].next()
		}
		if err != nil {
			return nil, 0, fmt.Errorf("index: %s: %w", s.x.path, err)
		}
		for _, p := range list[from:] {
			cf += int64(p.freq())
		}
		return list, cf, nil
	}, emit)
}

// postings appends the kept postings of term t, renumbered.
func (s *share) postings(c *cursor, f int, t term, list *[]posting) error {
	field := s.x.fields[f]
	take := func(doc, freq uint32) {
		if n := s.number[doc]; n != noDoc {
			*list = append(*list, posting(n)<<32|posting(freq))
		}
	}
	if t.df == 1 {
		if int(t.doc) >= s.x.n {
			return errDamagedList
		}
		take(t.doc, uint32(t.cf))
		return nil
	}
	if _, err := s.x.file.Range(field.section, t.at, min(t.at+len(t.list)+packPad, len(field.dict.lists))); err != nil {
		return err
	}
	if err := c.open(field, &field.formula, t, 1, 1); err != nil {
		return err
	}
	if s.few != nil && len(s.few) < c.blocks {
		for _, doc := range s.few {
			if c.seek(doc) {
				take(doc, c.freq(c.pos))
			}
		}
		return nil
	}
	for ; c.block < c.blocks; c.setBlock(c.block + 1) {
		c.decode()
		c.decodeFreqs()
		for i := range c.n {
			take(c.docs[i], c.freqs[i])
		}
	}
	return nil
}

// termCursor goes through a dictionary in order.
type termCursor struct {
	dict  *dictionary
	terms int64
	seen  int64
	r     reader
	lists uint64 // where the next list begins
	termHead
	t term
}

func (c *termCursor) next() error {
	if c.seen == c.terms {
		c.end = true
		return nil
	}
	if c.seen%termGroup == 0 {
		c.r, c.lists = c.dict.group(int(c.seen / termGroup))
	}
	c.seen++
	shared := c.r.uvarint()
	rest := c.r.bytes(c.r.uvarint())
	if c.r.bad || shared > uint64(len(c.name)) {
		return errDamagedList
	}
	c.name = append(c.name[:shared], rest...)
	var size uint64
	if c.t, size = c.r.entry(); c.r.bad {
		return errDamagedList
	}
	if c.t.df > 1 {
		if err := c.dict.place(&c.t, c.lists, size); err != nil {
			return err
		}
	}
	c.lists += size
	return nil
}

// idCursor goes through the ids in order.
type idCursor struct {
	list *idList
	r    reader
	seen int
	doc  int
	id   []byte
}

func (c *idCursor) end() bool { return c.doc == c.list.n }

func (c *idCursor) next() error {
	c.doc = c.seen
	if c.end() {
		return nil
	}
	if c.seen%idGroup == 0 {
		at := le.Uint64(c.list.groups[c.seen/idGroup*8:])
		if at > uint64(len(c.list.data)) {
			return errDamagedIDs
		}
		c.r = reader{b: c.list.data[at:]}
	}
	c.seen++
	shared := c.r.uvarint()
	rest := c.r.bytes(c.r.uvarint())
	if c.r.bad || shared > uint64(len(c.id)) {
		return errDamagedIDs
	}
	c.id = append(c.id[:shared], rest...)
	return nil
}

// storeWriter writes blocks of stored documents.
type storeWriter struct {
	out     io.Writer
	index   []byte
	size    uint64
	arrival uint32 // of the next document
	raw     []byte // documents of the block in hand
	n       int
}

// block writes a compressed block of n documents.
func (w *storeWriter) block(data []byte, raw, n int) error {
	w.index = le.AppendUint32(w.index, w.arrival)
	w.index = le.AppendUint64(w.index, w.size)
	w.index = le.AppendUint32(w.index, uint32(raw))
	w.size += uint64(len(data))
	w.arrival += uint32(n)
	_, err := w.out.Write(data)
	return err
}

// add appends one document's bytes.
func (w *storeWriter) add(document []byte) error {
	w.raw = append(w.raw, document...)
	if w.n++; len(w.raw) >= batchBytes || w.n == batchDocuments {
		return w.flush()
	}
	return nil
}

func (w *storeWriter) flush() error {
	if w.n == 0 {
		return nil
	}
	err := w.block(storeEncoder().EncodeAll(w.raw, nil), len(w.raw), w.n)
	w.raw, w.n = w.raw[:0], 0
	return err
}

// copyStore copies the stored documents that are kept, and notes their arrivals. A block that is well filled and kept whole is
// copied as it is.
func (s *share) copyStore(w *storeWriter, arrivals []byte) error {
	x := s.x
	byArrival, err := x.byArrival()
	if err != nil {
		return err
	}
	blocks := len(x.storeBlocks) / storeEntry
	for b := range blocks {
		data, size, first, err := x.rawBlock(b)
		if err != nil {
			return err
		}
		end := uint32(x.n)
		if b+1 < blocks {
			end = le.Uint32(x.storeBlocks[storeEntry*(b+1):])
		}
		if first > end || int(end) > x.n {
			return errDamagedStore
		}
		docs := byArrival[first:end]
		whole := s.keep == nil || !slices.ContainsFunc(docs, func(doc uint32) bool { return s.number[doc] == noDoc })
		note := w.arrival + uint32(w.n)
		for _, doc := range docs {
			if n := s.number[doc]; n != noDoc {
				le.PutUint32(arrivals[4*n:], note)
				note++
			}
		}
		if whole && (size >= batchBytes/2 || len(docs) >= batchDocuments/2) {
			if err = w.flush(); err == nil {
				err = w.block(data, size, len(docs))
			}
		} else {
			err = s.copyKept(w, data, size, docs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyKept copies a block's documents that are kept, one by one.
func (s *share) copyKept(w *storeWriter, data []byte, size int, docs []uint32) error {
	raw, err := decodeBlock(data, size)
	if err != nil {
		return err
	}
	r := reader{b: raw}
	for _, doc := range docs {
		start := r.b
		for range 3 {
			r.bytes(r.uvarint())
		}
		if r.bad {
			return errDamagedStore
		}
		if s.number[doc] == noDoc {
			continue
		}
		if err := w.add(start[:len(start)-len(r.b)]); err != nil {
			return err
		}
	}
	return nil
}

// idWriter writes ids that come in ascending order.
type idWriter struct {
	data, groups []byte
	last         []byte
	n            int
}

func (w *idWriter) add(id []byte) {
	shared := 0
	if w.n%idGroup == 0 {
		w.groups = le.AppendUint64(w.groups, uint64(len(w.data)))
	} else {
		for shared < len(id) && shared < len(w.last) && id[shared] == w.last[shared] {
			shared++
		}
	}
	w.data = binary.AppendUvarint(w.data, uint64(shared))
	w.data = binary.AppendUvarint(w.data, uint64(len(id)-shared))
	w.data = append(w.data, id[shared:]...)
	w.last = append(w.last[:0], id...)
	w.n++
}
