package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
)

// BM25Set is a BM25 index that changes: a folder of BM25 files, its parts, each with some of the documents. Additions make a new
// part; deletions are noted in a small file of the deleted documents beside it. Searches skip what is deleted and use the
// statistics of the documents that are left, so the hits and scores are those of an index built anew of them. Parts are merged as
// they get many (planMerges); Merge makes one of all.
//
// It is safe for concurrent use. Searches go on while a change is made and see the index before it or after it. One process at
// a time may change a set, which a lock in the folder sees to; others that have it open go on with what they opened.
//
// The folder's segments.json lists the parts. It is replaced at the end of each change: a change that is killed leaves the
// set as it was, and files that are not listed are removed at the next change. A folder without it that holds a file "bm25" is a
// set of that one part.
type BM25Set struct {
	change   sync.Mutex // held by changes
	mu       sync.RWMutex
	dir      string
	opts     BM25Options
	analyzer analysis.Analyzer
	list     setList
	parts    []*setPart
}

const (
	setFile    = "segments.json"
	setVersion = 2
	setSingle  = "bm25" // the part of a folder without segments.json
)

// setList is segments.json. Version 1 had no CRC32C.
type setList struct {
	Version     int
	Options     string // as BM25Options.String has it
	NoDocuments bool   `json:",omitempty"`
	Next        int    // number of the next file
	Parts       []setEntry
	CRC32C      uint32 `json:",omitempty"` // of this list as compact JSON without it
}

// setEntry names a part's files.
type setEntry struct {
	File    string
	Deleted string // index of its deleted documents; empty where there are none
}

func (l setList) checksum() uint32 {
	l.CRC32C = 0
	text, _ := json.Marshal(l) // of strings and numbers: cannot fail
	return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))
}

// setPart is one open part.
type setPart struct {
	set      *BM25Set
	entry    setEntry
	x        *BM25
	deleted  *BM25
	gone     []uint64 // bit set: deleted, by document number
	formulas []formula
	stretch  []float64
}

func (p *setPart) isDeleted(doc uint32) bool { return p.gone != nil && hasBit(p.gone, doc) }

// IsBM25Set says whether the folder dir holds a set.
func IsBM25Set(dir string) bool {
	for _, name := range []string{setFile, setSingle} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// OpenBM25Set opens the set in the folder dir.
func OpenBM25Set(dir string) (*BM25Set, error) {
	const tries = 10
	for try := 1; ; try++ {
		s := &BM25Set{dir: dir}
		l, err := readSetList(dir)
		if err != nil {
			return nil, err
		}
		if s.opts, err = ParseBM25Options(l.Options); err == nil {
			s.opts = s.opts.withDefaults()
			s.analyzer, err = analysis.New(s.opts.Analyzer)
		}
		if err != nil {
			return nil, fmt.Errorf("index: %s: %s: %w", dir, setFile, err)
		}
		err = s.use(l)
		if err == nil {
			return s, nil
		}
		s.Close()
		if !errors.Is(err, fs.ErrNotExist) || try == tries { // a file may go while the list is read: another process changes the set
			return nil, err
		}
	}
}

// readSetList reads segments.json, or makes the list of a folder that has one file.
func readSetList(dir string) (l setList, err error) {
	path := filepath.Join(dir, setFile)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // reading a pipe would wait for a writer
		return l, fmt.Errorf("index: %s is not a regular file", path)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		x, err := OpenBM25(filepath.Join(dir, setSingle))
		if err != nil {
			return l, err
		}
		defer x.Close()
		return setList{Version: setVersion, Options: x.opts.String(), NoDocuments: x.arrivals == nil, Next: 1, Parts: []setEntry{{File: setSingle}}}, nil
	}
	if err != nil {
		return l, err
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return l, fmt.Errorf("index: %s: %s is damaged or was not written to its end: %w", dir, setFile, err)
	}
	switch {
	case l.Version != 1 && l.Version != setVersion:
		return l, fmt.Errorf("index: %s: %s: version %d of the format, this program reads versions 1 and %d", dir, setFile, l.Version, setVersion)
	case l.Version == 1 && l.CRC32C != 0, l.Version > 1 && l.CRC32C != l.checksum():
		return l, fmt.Errorf("index: %s: %s is not as it was written: build the index again", dir, setFile)
	}
	if err := l.checkNames(); err != nil {
		return l, fmt.Errorf("index: %s: %s: %w: build the index again", dir, setFile, err)
	}
	return l, nil
}

// checkNames refuses a list that names a file twice, or by which a change would write over a file that is in use.
func (l setList) checkNames() error {
	if l.Next < 1 || l.Next > maxFile {
		return fmt.Errorf("the next file is number %d", l.Next)
	}
	seen := map[string]bool{}
	for _, e := range l.Parts {
		for _, name := range []string{e.File, e.Deleted} {
			if name != "" && (seen[name] || fileNumber(name) >= l.Next) {
				return fmt.Errorf("file %s is named twice, or is number %d or more, which are to come", name, l.Next)
			}
			seen[name] = true
		}
	}
	return nil
}

// use goes over to the parts of l; those that are open and stay are kept. On an error nothing changes.
func (s *BM25Set) use(l setList) error {
	var parts []*setPart
	for _, e := range l.Parts {
		if i := slices.IndexFunc(s.parts, func(p *setPart) bool { return p.entry == e }); i >= 0 {
			parts = append(parts, s.parts[i])
			continue
		}
		p, err := s.openPart(e, l.NoDocuments)
		if err != nil {
			for _, q := range parts {
				if !slices.Contains(s.parts, q) {
					q.close()
				}
			}
			return err
		}
		parts = append(parts, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		if !slices.Contains(parts, p) {
			p.close()
		}
	}
	s.list, s.parts, s.opts.NoDocuments = l, parts, l.NoDocuments
	s.weigh()
	return nil
}

// openPart opens a part's files; it must keep its documents unless noDocuments says that none does.
func (s *BM25Set) openPart(e setEntry, noDocuments bool) (*setPart, error) {
	for _, name := range []string{e.File, e.Deleted} {
		if name != filepath.Base(name) && name != "" {
			return nil, fmt.Errorf("index: %s: %s: file %q is not in the folder", s.dir, setFile, name)
		}
	}
	p := &setPart{set: s, entry: e}
	var err error
	if p.x, err = OpenBM25(filepath.Join(s.dir, e.File)); err != nil {
		return nil, err
	}
	if have, want := p.x.opts.String(), s.opts.String(); have != want {
		p.close()
		return nil, fmt.Errorf("index: %s: part %s was built with %s, the index with %s", s.dir, e.File, have, want)
	}
	if p.x.arrivals == nil && !noDocuments {
		p.close()
		return nil, fmt.Errorf("index: %s: part %s keeps no documents, the index does: build it again", s.dir, e.File)
	}
	if e.Deleted == "" {
		return p, nil
	}
	if p.deleted, err = OpenBM25(filepath.Join(s.dir, e.Deleted)); err != nil {
		p.close()
		return nil, err
	}
	p.gone = make([]uint64, (p.x.n+63)/64)
	for i := range p.deleted.n {
		id, err := p.deleted.ID(uint32(i))
		if err == nil {
			var doc uint32
			var ok bool
			if doc, ok, err = p.x.ids.find(id); ok {
				p.gone[doc/64] |= 1 << (doc % 64)
			}
		}
		if err != nil {
			p.close()
			return nil, fmt.Errorf("index: %s: %w", s.dir, err)
		}
	}
	return p, nil
}

func (p *setPart) close() {
	if p.x != nil {
		p.x.Close()
	}
	if p.deleted != nil {
		p.deleted.Close()
	}
}

// weigh makes the formulas of all parts from the statistics of what is left.
func (s *BM25Set) weigh() {
	fields := 1
	if s.opts.TitleWeight > 0 {
		fields = 2
	}
	for f := range fields {
		var docs, tokens int64
		for _, p := range s.parts {
			docs, tokens = docs+p.x.fields[f].Documents, tokens+p.x.fields[f].Tokens
			if p.deleted != nil {
				docs, tokens = docs-p.deleted.fields[f].Documents, tokens-p.deleted.fields[f].Tokens
			}
		}
		for _, p := range s.parts {
			if f == 0 {
				p.formulas, p.stretch = nil, nil
			}
			own := p.x.fields[f]
			p.formulas = append(p.formulas, newFormula(s.opts, docs, tokens, own.codes.lengths))
			p.stretch = append(p.stretch, stretchOf(float64(own.Tokens)/float64(max(own.Documents, 1)), float64(tokens)/float64(max(docs, 1))))
		}
	}
}

// stretchOf is how many times a component under the average length now can be what it was under the average that the bounds
// were made with. A longer average makes a document count as shorter by the ratio of the two, and no component of the
// formulas that look at lengths grows faster than that.
func stretchOf(was, now float64) float64 {
	if was == 0 {
		return 1
	}
	return max(1, now/was) * (1 + 1e-5)
}

// count is in how many of the documents that are left a term occurs, and how often.
func (s *BM25Set) count(field int, name []byte) (df, cf int64, err error) {
	for _, p := range s.parts {
		t, _, err := p.x.fields[field].dict.find(name)
		if err != nil {
			return 0, 0, err
		}
		df, cf = df+t.df, cf+t.cf
		if p.deleted != nil {
			if t, _, err = p.deleted.fields[field].dict.find(name); err != nil {
				return 0, 0, err
			}
			df, cf = df-t.df, cf-t.cf
		}
	}
	return df, cf, nil
}

// find is the part that has the document, and its number there; nil where no part has it.
func (s *BM25Set) find(id string) (*setPart, uint32, error) {
	for _, p := range s.parts {
		doc, ok, err := p.x.ids.find(id)
		if err != nil {
			return nil, 0, fmt.Errorf("index: %s: %w", p.x.path, err)
		}
		if ok && !p.isDeleted(doc) {
			return p, doc, nil
		}
	}
	return nil, 0, nil
}

// Document returns the stored document of that id; false where there is none.
func (s *BM25Set) Document(id string) (labrador.Document, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, _, err := s.find(id)
	if p == nil || err != nil {
		return labrador.Document{}, false, err
	}
	return p.x.Document(id)
}

// Len is the number of documents that are left.
func (s *BM25Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, p := range s.parts {
		n += p.left()
	}
	return n
}

func (p *setPart) left() int {
	if p.deleted != nil {
		return p.x.n - p.deleted.n
	}
	return p.x.n
}

// Parts is the number of files that the documents are in, and how many documents in them are deleted.
func (s *BM25Set) Parts() (parts, deleted int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.parts {
		deleted += p.x.n - p.left()
	}
	return len(s.parts), deleted
}

// Options are those that the index was built with, defaults filled in.
func (s *BM25Set) Options() BM25Options {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.opts
}

// Stats are the counts of each field over the documents that are left; Terms counts different terms where one file has all
// of them, and is 0 otherwise.
func (s *BM25Set) Stats() []FieldStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if x := s.sole(); x != nil {
		return x.Stats()
	}
	var all []FieldStats
	for _, p := range s.parts {
		for f, m := range p.x.Stats() {
			if f == len(all) {
				all = append(all, FieldStats{Name: m.Name})
			}
			all[f].Documents, all[f].Tokens = all[f].Documents+m.Documents, all[f].Tokens+m.Tokens
			if p.deleted != nil {
				d := p.deleted.fields[f]
				all[f].Documents, all[f].Tokens = all[f].Documents-d.Documents, all[f].Tokens-d.Tokens
			}
		}
	}
	return all
}

// Verify reads all files and compares them with their checksums.
func (s *BM25Set) Verify() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.parts {
		if err := p.x.Verify(); err != nil {
			return err
		}
		if p.deleted == nil {
			continue
		}
		if err := p.deleted.Verify(); err != nil {
			return err
		}
	}
	return nil
}

// Close unmaps the files. Nothing of s may be used afterwards.
func (s *BM25Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		p.close()
	}
	s.parts = nil
	return nil
}
