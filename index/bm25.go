package index

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/internal/sections"
)

// A BM25 file is a container of package internal/sections, kind "bm25". Documents are numbered in ascending order of their
// ids, so that among equal scores the lower number comes first, as Anserini has it. All integers are little-endian. Its sections:
//
//	store         compressed documents (bm25store.go), with arrivals and storeblocks; absent together
//	ids, idgroups the ids by document number (bm25store.go)
//	lengths.F     the code of each document's length in field F: a byte (bm25norm.go), or a uint16 that counts in
//	lengthset.F   the distinct lengths in ascending order, uint32 each; present where lengths are exact
//	postings.F    the posting lists (bm25list.go, bm25block.go), packPad zero bytes behind
//	terms.F, termgroups.F   the dictionary (bm25list.go)
//	meta          JSON: bm25Meta
//
// Field 0 is "contents", field 1, where there is one, "title".
//
// Version 1: the first.
const (
	bm25Kind    = "bm25"
	bm25Version = 1
)

// bm25Meta is the section "meta".
type bm25Meta struct {
	Options   string // as BM25Options.String has it
	Documents int
	Scale     float64 `json:",omitempty"` // of impacts: an impact is a weight times this, rounded
	Fields    []FieldStats
}

// FieldStats are the counts of one field of an index.
type FieldStats struct {
	Name      string
	Documents int64 // with a term in the field
	Tokens    int64 // terms of all documents, repeats counted
	Terms     int64 // different ones
}

// BM25 is an open index over terms. It is safe for concurrent use until Close.
type BM25 struct {
	path     string
	opts     BM25Options
	analyzer analysis.Analyzer
	mapped   *mmap.File
	file     *sections.File
	n        int
	ids      idList
	fields   []*bm25Field
	scale    float64      // bm25Meta.Scale
	states   sync.Pool    // of *bm25Search
	trust    atomic.Int32 // in guesses, see bm25guess.go

	arrivals, storeBlocks []byte
	storeSize             uint64
}

// bm25Field is one field of an open index.
type bm25Field struct {
	FieldStats
	weight  float32
	section string // of its postings
	codes   lengthCodes
	formula formula
	dict    dictionary
}

// OpenBM25 opens the index file path. What is small is checked against its checksums at once; a posting list or a stored
// document is when it is first read.
func OpenBM25(path string) (*BM25, error) {
	m, err := mmap.Open(path)
	if err != nil {
		return nil, err
	}
	x := &BM25{path: path, mapped: m}
	if err := x.read(); err != nil {
		m.Close()
		return nil, fmt.Errorf("index: %s: %w", path, err)
	}
	return x, nil
}

func (x *BM25) read() (err error) {
	if x.file, err = sections.Read(x.mapped.Data, bm25Kind); err != nil {
		return err
	}
	if x.file.Version != bm25Version {
		return fmt.Errorf("version %d of the format, this program reads version %d: build the index again", x.file.Version, bm25Version)
	}
	text, err := x.file.Section("meta")
	if err != nil {
		return err
	}
	var meta bm25Meta
	if err := json.Unmarshal(text, &meta); err != nil {
		return fmt.Errorf("section meta: %w", err)
	}
	if x.opts, err = ParseBM25Options(meta.Options); err != nil {
		return fmt.Errorf("section meta: %w", err)
	}
	x.opts = x.opts.withDefaults()
	if x.analyzer, err = analysis.New(x.opts.Analyzer); err != nil {
		return fmt.Errorf("section meta: %w", err)
	}
	x.n, x.scale = meta.Documents, meta.Scale
	if err := x.readIDs(); err != nil {
		return err
	}
	want := 1
	if x.opts.TitleWeight > 0 {
		want = 2
	}
	if len(meta.Fields) != want {
		return fmt.Errorf("section meta: %d fields, want %d", len(meta.Fields), want)
	}
	for f, m := range meta.Fields {
		if err := x.readField(f, m); err != nil {
			return err
		}
		if x.scale > 0 {
			x.fields[f].weight = float32(1 / x.scale)
		}
	}
	return x.readStore()
}

// want returns a section after checking that it is n bytes long.
func (x *BM25) want(name string, n int) ([]byte, error) {
	b, err := x.file.Section(name)
	if err == nil && len(b) != n {
		err = fmt.Errorf("section %s has %d bytes, want %d", name, len(b), n)
	}
	return b, err
}

func (x *BM25) readIDs() (err error) {
	x.ids.n = x.n
	if x.ids.data, err = x.file.Section("ids"); err != nil {
		return err
	}
	if x.n < 0 || x.n > len(x.ids.data) && x.n > 1 { // an id takes two bytes at least
		return fmt.Errorf("section meta: %d documents", x.n)
	}
	x.ids.groups, err = x.want("idgroups", (x.n+idGroup-1)/idGroup*8)
	return err
}

func (x *BM25) readField(f int, m FieldStats) (err error) {
	suffix := fmt.Sprint(".", f)
	if m.Terms < 0 || m.Tokens < 0 || m.Documents < 0 || m.Documents > int64(x.n) {
		return fmt.Errorf("section meta, field %d: %d terms, %d different, in %d documents of %d", f, m.Tokens, m.Terms, m.Documents, x.n)
	}
	d := &bm25Field{FieldStats: m, weight: 1, section: "postings" + suffix}
	if f == 1 {
		d.weight = float32(x.opts.TitleWeight)
	}
	if x.opts.ExactLengths {
		err = x.readExact(suffix, &d.codes)
	} else {
		d.codes.lengths = byteLengths()
		d.codes.bytes, err = x.want("lengths"+suffix, x.n)
	}
	if err != nil {
		return err
	}
	d.formula = newFormula(x.opts, m.Documents, m.Tokens, d.codes.lengths)
	if d.dict.data, err = x.file.Section("terms" + suffix); err != nil {
		return err
	}
	if d.dict.groups, err = x.want("termgroups"+suffix, int((m.Terms+termGroup-1)/termGroup*4)); err != nil {
		return err
	}
	if d.dict.lists, err = x.file.Unchecked(d.section); err != nil {
		return err
	}
	if err := d.dict.readHeads(); err != nil {
		return fmt.Errorf("section terms%s: %w", suffix, err)
	}
	x.fields = append(x.fields, d)
	return nil
}

func (x *BM25) readExact(suffix string, c *lengthCodes) (err error) {
	if c.exact, err = x.want("lengths"+suffix, 2*x.n); err != nil {
		return err
	}
	distinct, err := x.file.Section("lengthset" + suffix)
	if err != nil {
		return err
	}
	for ; len(distinct) >= 4; distinct = distinct[4:] {
		c.lengths = append(c.lengths, le.Uint32(distinct))
	}
	return nil
}

func (x *BM25) readStore() (err error) {
	if slices.Contains(x.file.Names(), "arrivals") {
		if x.arrivals, err = x.want("arrivals", 4*x.n); err != nil {
			return err
		}
		store, err := x.file.Unchecked("store")
		if err != nil {
			return err
		}
		x.storeSize = uint64(len(store))
		x.storeBlocks, err = x.file.Section("storeblocks")
		return err
	}
	return nil
}

// Close unmaps the file. Nothing of x may be used afterwards.
func (x *BM25) Close() error { return x.mapped.Close() }

// Verify reads the whole file and compares it with its checksums.
func (x *BM25) Verify() error {
	if err := x.file.Verify(); err != nil {
		return fmt.Errorf("index: %s: %w", x.path, err)
	}
	return nil
}

// Len is the number of documents.
func (x *BM25) Len() int { return x.n }

// Options are those that the index was built with, defaults filled in.
func (x *BM25) Options() BM25Options { return x.opts }

// Stats are the counts of each field.
func (x *BM25) Stats() []FieldStats {
	var s []FieldStats
	for _, f := range x.fields {
		s = append(s, f.FieldStats)
	}
	return s
}

var _ labrador.BatchSearcher = (*BM25)(nil)
