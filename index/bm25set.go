package index

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// BM25Set is a BM25 index that changes: a folder of BM25 files, each with some of the documents. Additions make a new file;
// deletions are noted in a small one of the deleted documents beside it. Searches skip what is deleted and use the statistics
// of the documents that are left, so the hits and scores are those of an index built anew of them. Merge makes one file of all.
//
// It is safe for concurrent use: searches go on together, a change waits for them. One process at a time may change a set.
//
// The folder's segments.json lists the files. It is replaced at the end of each change: a change that is killed leaves the
// set as it was, and files that are not listed are removed at the next change.
type BM25Set struct {
	mu    sync.RWMutex
	dir   string
	opts  BM25Options
	list  setList
	parts []*setPart
}

const (
	setFile    = "segments.json"
	setVersion = 1
)

// setList is segments.json.
type setList struct {
	Version int
	Options string
	Next    int // number of the next file
	Parts   []setEntry
}

// setEntry names a part's files.
type setEntry struct {
	File    string
	Deleted string // index of its deleted documents; empty where there are none
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

func (p *setPart) isDeleted(doc uint32) bool { return p.gone != nil && p.gone[doc/64]>>(doc%64)&1 != 0 }

// CreateBM25Set makes an empty set in the folder dir, which must not hold one. Documents are always kept.
func CreateBM25Set(dir string, o BM25Options) (*BM25Set, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.NoDocuments {
		return nil, fmt.Errorf("index: %s: a set that changes keeps its documents", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, setFile)); err == nil {
		return nil, fmt.Errorf("index: %s holds an index already", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &BM25Set{dir: dir, opts: o.withDefaults()}
	return s, s.write(setList{Version: setVersion, Options: s.opts.String(), Next: 1})
}

// OpenBM25Set opens the set in the folder dir.
func OpenBM25Set(dir string) (*BM25Set, error) {
	data, err := os.ReadFile(filepath.Join(dir, setFile))
	if err != nil {
		return nil, err
	}
	var l setList
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("index: %s: %s: %w", dir, setFile, err)
	}
	if l.Version != setVersion {
		return nil, fmt.Errorf("index: %s: version %d of the format, this program reads version %d", dir, l.Version, setVersion)
	}
	s := &BM25Set{dir: dir}
	if s.opts, err = ParseBM25Options(l.Options); err != nil {
		return nil, fmt.Errorf("index: %s: %s: %w", dir, setFile, err)
	}
	s.opts = s.opts.withDefaults()
	if err := s.use(l); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// use opens the parts of l; those that are open and stay are kept. On an error nothing changes.
func (s *BM25Set) use(l setList) error {
	var parts []*setPart
	for _, e := range l.Parts {
		if i := slices.IndexFunc(s.parts, func(p *setPart) bool { return p.entry == e }); i >= 0 {
			parts = append(parts, s.parts[i])
			continue
		}
		p, err := s.openPart(e)
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
	for _, p := range s.parts {
		if !slices.Contains(parts, p) {
			p.close()
		}
	}
	s.list, s.parts = l, parts
	s.weigh()
	return nil
}

func (s *BM25Set) openPart(e setEntry) (*setPart, error) {
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

// Search implements labrador.Searcher, as BM25.Search does.
func (s *BM25Set) Search(ctx context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var hits []labrador.Hit
	for _, p := range s.parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := p.search(q.Text, k)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	slices.SortFunc(hits, func(a, b labrador.Hit) int {
		if a.Score != b.Score {
			return cmp.Compare(b.Score, a.Score)
		}
		return strings.Compare(a.ID, b.ID)
	})
	hits = slices.Clip(hits[:max(0, min(k, len(hits)))])
	separate(hits)
	return hits, ctx.Err()
}

// search finds the part's k best, equal scores left equal.
func (p *setPart) search(text string, k int) ([]labrador.Hit, error) {
	st := p.x.state()
	st.part, st.exhaust = p, p.formulas[0].kind == ql
	defer func() {
		st.part, st.exhaust = nil, false
		p.x.states.Put(st)
	}()
	st.analyze(text)
	ranks, err := st.run(k)
	if err != nil {
		return nil, err
	}
	hits := make([]labrador.Hit, len(ranks))
	for i, r := range ranks {
		id, err := p.x.ID(r.doc())
		if err != nil {
			return nil, fmt.Errorf("index: %s: %w", p.x.path, err)
		}
		hits[i] = labrador.Hit{ID: id, Score: r.score()}
	}
	return hits, nil
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

// write replaces segments.json and goes over to it; files that nothing names any more are removed.
func (s *BM25Set) write(l setList) error {
	data, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, setFile)
	if err := atomicfile.Write(path, func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err }); err != nil {
		return err
	}
	if err := s.use(l); err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, e := range l.Parts {
		keep[e.File], keep[e.Deleted] = true, true
	}
	old, err := filepath.Glob(filepath.Join(s.dir, "*.bm25"))
	for _, f := range old {
		if !keep[filepath.Base(f)] {
			err = errors.Join(err, os.Remove(f))
		}
	}
	return err
}

// newFile is a name for a new file of l.
func newFile(l *setList) string {
	name := fmt.Sprintf("%06d.bm25", l.Next)
	l.Next++
	return name
}

// Add adds documents; one whose id is there takes the place of the old one.
func (s *BM25Set) Add(ctx context.Context, docs iter.Seq2[labrador.Document, error]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.list
	l.Parts = slices.Clone(l.Parts)
	e := setEntry{File: newFile(&l)}
	var ids []string
	seen := func(yield func(labrador.Document, error) bool) {
		for d, err := range docs {
			ids = append(ids, d.ID)
			if !yield(d, err) {
				return
			}
		}
	}
	if err := BuildBM25(ctx, filepath.Join(s.dir, e.File), seen, s.opts); err != nil {
		return err
	}
	if _, err := s.remove(ctx, &l, ids); err != nil {
		return err
	}
	l.Parts = append(l.Parts, e)
	return s.write(l)
}

// Delete deletes the documents of these ids and says how many there were.
func (s *BM25Set) Delete(ctx context.Context, ids ...string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.list
	l.Parts = slices.Clone(l.Parts)
	n, err := s.remove(ctx, &l, ids)
	if n == 0 || err != nil {
		return 0, err
	}
	return n, s.write(l)
}

// remove notes the deletions in l and writes the files of deleted documents.
func (s *BM25Set) remove(ctx context.Context, l *setList, ids []string) (int, error) {
	gone := make([]map[string]bool, len(s.parts))
	n := 0
	for _, id := range ids {
		p, _, err := s.find(id)
		if err != nil {
			return 0, err
		}
		if p == nil {
			continue
		}
		i := slices.Index(s.parts, p)
		if gone[i] == nil {
			gone[i] = map[string]bool{}
		}
		if !gone[i][id] {
			gone[i][id] = true
			n++
		}
	}
	var kept []setEntry
	for i, p := range s.parts {
		e := l.Parts[i]
		if gone[i] != nil {
			if len(gone[i]) == p.left() {
				continue
			}
			e.Deleted = newFile(l)
			deleted := p.x.documents(func(doc uint32, id string) bool { return p.isDeleted(doc) || gone[i][id] })
			if err := BuildBM25(ctx, filepath.Join(s.dir, e.Deleted), deleted, s.opts); err != nil {
				return 0, err
			}
		}
		kept = append(kept, e)
	}
	l.Parts = kept
	return n, nil
}

// Merge makes one file of all documents that are left, which searches fastest.
func (s *BM25Set) Merge(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.parts) == 0 || len(s.parts) == 1 && s.parts[0].deleted == nil {
		return nil
	}
	l := s.list
	e := setEntry{File: newFile(&l)}
	all := func(yield func(labrador.Document, error) bool) {
		for _, p := range s.parts {
			for d, err := range p.x.documents(func(doc uint32, _ string) bool { return !p.isDeleted(doc) }) {
				if !yield(d, err) {
					return
				}
			}
		}
	}
	if err := BuildBM25(ctx, filepath.Join(s.dir, e.File), all, s.opts); err != nil {
		return err
	}
	l.Parts = []setEntry{e}
	return s.write(l)
}

var _ labrador.Searcher = (*BM25Set)(nil)
