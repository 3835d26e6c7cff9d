package index

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"slices"

	"github.com/labrador-lab/labrador/analysis"
)

// inverter collects the postings of one field from documents that come with rising arrival numbers, and spills them as a run
// sorted by term whenever they, or the bytes of their terms, reach its budget.
type inverter struct {
	budget int // entries
	tmp    string
	runs   *runFile // nil until the first spill

	seed  maphash.Seed
	table []uint32 // open addressing: number of the term + 1
	arena []byte
	ends  []uint32
	last  []entryRef // by term: its entry of the current document
	log   [][]logEntry
	n     int
	docs  []docMark
}

// logEntry is a term's frequency in a document; the document is known from docMarks.
type logEntry struct{ term, freq uint32 }

// docMark says that the entries from first on belong to a document.
type docMark struct {
	doc   uint32
	first int
}

// entryRef is the place in the log of a term's entry of the document doc.
type entryRef struct {
	doc uint32
	at  int
}

const logChunk = 1 << 16

// entryBytes is what an entry costs until it is spilled: in the log and, sorted, as a posting.
const entryBytes = 16

// maxArena is how many bytes the names of a run's terms take before it is spilled, whatever the budget: ends are uint32, and the document
// that gets over it may have as many as maxStored more.
const maxArena = 1 << 30

// minBudget is how many entries a run has at least, but for the last: a megabyte of them, whatever the budget. Smaller runs would save
// nothing, for the log grows by chunks of as many and each run takes a buffer when all are merged.
const minBudget = logChunk

func newInverter(tmp string, memory int64) *inverter {
	v := &inverter{tmp: tmp, budget: int(max(memory/entryBytes, minBudget)), seed: maphash.MakeSeed()}
	v.table = make([]uint32, 1<<12)
	return v
}

// add takes the terms of document doc; at least one.
func (v *inverter) add(doc uint32, tokens *analysis.Tokens) error {
	v.docs = append(v.docs, docMark{doc, v.n})
	for i := range tokens.Len() {
		v.count(doc, tokens.Term(i), 1)
	}
	return v.spillWhenFull()
}

// addImpacts takes the impacts of document doc; at least one.
func (v *inverter) addImpacts(doc uint32, terms []impactTerm) error {
	v.docs = append(v.docs, docMark{doc, v.n})
	for _, t := range terms {
		v.count(doc, []byte(t.name), t.impact)
	}
	return v.spillWhenFull()
}

// count adds freq to the term's frequency in doc, the latest document.
func (v *inverter) count(doc uint32, name []byte, freq uint32) {
	id := v.id(name)
	ref := &v.last[id]
	if ref.at >= 0 && ref.doc == doc {
		v.log[ref.at/logChunk][ref.at%logChunk].freq += freq
		return
	}
	*ref = entryRef{doc, v.n}
	if v.n%logChunk == 0 && v.n/logChunk == len(v.log) {
		v.log = append(v.log, make([]logEntry, logChunk))
	}
	v.log[v.n/logChunk][v.n%logChunk] = logEntry{id, freq}
	v.n++
}

func (v *inverter) spillWhenFull() error {
	if v.n >= v.budget || len(v.arena) >= min(v.budget*entryBytes, maxArena) {
		return v.spill()
	}
	return nil
}

// drop lets go of the memory; the runs stay.
func (v *inverter) drop() { *v = inverter{runs: v.runs} }

func (v *inverter) name(id uint32) []byte {
	start := uint32(0)
	if id > 0 {
		start = v.ends[id-1]
	}
	return v.arena[start:v.ends[id]]
}

// id is the number of a term in this run, a new one if it was not seen.
func (v *inverter) id(name []byte) uint32 {
	mask := uint64(len(v.table) - 1)
	for at := maphash.Bytes(v.seed, name) & mask; ; at = (at + 1) & mask {
		slot := v.table[at]
		if slot == 0 {
			v.arena = append(v.arena, name...)
			v.ends = append(v.ends, uint32(len(v.arena)))
			v.last = append(v.last, entryRef{at: -1})
			v.table[at] = uint32(len(v.ends))
			if 2*len(v.ends) > len(v.table) {
				v.grow()
			}
			return uint32(len(v.ends) - 1)
		}
		if bytes.Equal(v.name(slot-1), name) {
			return slot - 1
		}
	}
}

func (v *inverter) grow() {
	v.table = make([]uint32, 2*len(v.table))
	mask := uint64(len(v.table) - 1)
	for id := range uint32(len(v.ends)) {
		at := maphash.Bytes(v.seed, v.name(id)) & mask
		for v.table[at] != 0 {
			at = (at + 1) & mask
		}
		v.table[at] = id + 1
	}
}

// spill writes the postings so far as a run and forgets them.
func (v *inverter) spill() error {
	if v.n == 0 {
		return nil
	}
	if v.runs == nil {
		var err error
		if v.runs, err = newRunFile(v.tmp); err != nil {
			return err
		}
	}
	if err := v.writeRun(); err != nil {
		return fmt.Errorf("index: writing %s: %w", v.runs.f.Name(), err)
	}
	clear(v.table)
	v.arena, v.ends, v.last, v.docs, v.n = v.arena[:0], v.ends[:0], v.last[:0], v.docs[:0], 0
	return nil
}

// writeRun appends the postings so far to the file of runs.
func (v *inverter) writeRun() error {
	starts, list := v.byTerm()
	w, size := bufio.NewWriterSize(v.runs.f, maxRunBuffer), int64(0)
	var buf []byte
	for _, id := range v.termOrder() {
		name, part := v.name(id), list[starts[id]:starts[id+1]]
		buf = binary.AppendUvarint(buf[:0], uint64(len(name)))
		buf = append(buf, name...)
		buf = binary.AppendUvarint(buf, uint64(len(part)))
		prev := uint32(0)
		for _, p := range part {
			buf = binary.AppendUvarint(buf, uint64(p.doc()-prev))
			buf = binary.AppendUvarint(buf, uint64(p.freq()))
			prev = p.doc()
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		size += int64(len(buf))
	}
	v.runs.sizes = append(v.runs.sizes, size)
	return w.Flush()
}

// byTerm sorts the log by term, each term's documents staying in order: the postings of term t are list[starts[t]:starts[t+1]].
func (v *inverter) byTerm() (starts []int, list []posting) {
	starts = make([]int, len(v.ends)+1)
	for i := range v.n {
		starts[v.log[i/logChunk][i%logChunk].term]++
	}
	sum := 0
	for t, n := range starts {
		starts[t] = sum
		sum += n
	}
	list = make([]posting, v.n)
	next := slices.Clone(starts)
	for i, m := range v.docs {
		end := v.n
		if i+1 < len(v.docs) {
			end = v.docs[i+1].first
		}
		for at := m.first; at < end; at++ {
			e := v.log[at/logChunk][at%logChunk]
			list[next[e.term]] = posting(m.doc)<<32 | posting(e.freq)
			next[e.term]++
		}
	}
	return starts, list
}

// termOrder is the run's terms in ascending order of their bytes.
func (v *inverter) termOrder() []uint32 {
	type key struct {
		prefix uint64
		id     uint32
	}
	keys := make([]key, len(v.ends))
	for id := range keys {
		keys[id] = key{prefix8(v.name(uint32(id))), uint32(id)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return bytes.Compare(v.name(a.id), v.name(b.id))
	})
	order := make([]uint32, len(keys))
	for i, k := range keys {
		order[i] = k.id
	}
	return order
}

// prefix8 are the first eight bytes as a number that orders as they do.
func prefix8[T string | []byte](s T) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}

// runFile holds the runs that an inverter has spilled, one behind the other: runs can be thousands, open files cannot. Where the system can,
// its name is removed at once, so that a killed build leaves nothing.
type runFile struct {
	f     *os.File
	sizes []int64 // of the runs in bytes
}

func newRunFile(dir string) (*runFile, error) {
	f, err := os.CreateTemp(dir, ".bm25run.tmp-*")
	if err != nil {
		return nil, fmt.Errorf("index: no room for sorting: %w", err)
	}
	os.Remove(f.Name())
	return &runFile{f: f}, nil
}

func (r *runFile) close() {
	r.f.Close()
	os.Remove(r.f.Name())
}

// minRunBuffer and maxRunBuffer bound the bytes of a run that are read at once.
const (
	minRunBuffer = 1 << 12
	maxRunBuffer = 1 << 18
)

// runReaders are the runs, each before its first term. Their buffers take the memory together, as far as the bounds allow.
func runReaders(files []*runFile, memory int64) []*runReader {
	n := int64(0)
	for _, f := range files {
		n += int64(len(f.sizes))
	}
	buffer := min(max(memory/max(n, 1), minRunBuffer), maxRunBuffer)
	var runs []*runReader
	for _, f := range files {
		at := int64(0)
		for _, size := range f.sizes {
			runs = append(runs, &runReader{r: bufio.NewReaderSize(io.NewSectionReader(f.f, at, size), int(min(buffer, size)))})
			at += size
		}
	}
	return runs
}

// runReader goes through the terms of a run.
type runReader struct {
	r *bufio.Reader
	termHead
	df uint64
}

// next goes to the next term.
func (r *runReader) next() error {
	n, err := binary.ReadUvarint(r.r)
	if err == io.EOF {
		r.end = true
		return nil
	}
	if err != nil {
		return err
	}
	r.name = slices.Grow(r.name[:0], int(n))[:n]
	if _, err := io.ReadFull(r.r, r.name); err != nil {
		return err
	}
	r.df, err = binary.ReadUvarint(r.r)
	return err
}

// postings appends the current term's, documents renumbered by number, and sums its frequencies.
func (r *runReader) postings(dst []posting, number []uint32) ([]posting, int64, error) {
	doc, cf := uint64(0), int64(0)
	for range r.df {
		gap, err := r.uvarint()
		if err != nil {
			return nil, 0, err
		}
		freq, err := r.uvarint()
		if err != nil {
			return nil, 0, err
		}
		doc += gap
		cf += int64(freq)
		dst = append(dst, posting(number[doc])<<32|posting(freq))
	}
	return dst, cf, nil
}

// uvarint reads one; most are a byte or two and lie in the buffer.
func (r *runReader) uvarint() (uint64, error) {
	if b, err := r.r.Peek(2); err == nil {
		if b[0] < 0x80 {
			r.r.Discard(1)
			return uint64(b[0]), nil
		}
		if b[1] < 0x80 {
			r.r.Discard(2)
			return uint64(b[0]&0x7f) | uint64(b[1])<<7, nil
		}
	}
	return binary.ReadUvarint(r.r)
}
