package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// BuildBM25Set indexes docs into the folder dir, as BuildBM25 does into a file. A set that is there is replaced at the end; a
// build that fails or is killed leaves it as it was.
func BuildBM25Set(ctx context.Context, dir string, docs iter.Seq2[labrador.Document, error], o BM25Options) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	_, statErr := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	unlock, err := atomicfile.Lock(dir)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	defer func() {
		unlock()
		if err != nil && errors.Is(statErr, fs.ErrNotExist) {
			os.Remove(filepath.Join(dir, atomicfile.LockName))
			os.Remove(dir)
		}
	}()
	l := setList{Options: o.withDefaults().String(), NoDocuments: o.NoDocuments, Next: 1}
	old, readErr := readSetList(dir)
	if readErr == nil {
		l.Next = old.Next
	} else { // none, or one of another version or damaged, whose files stay until there is a new one
		old, l.Next = setList{}, lastFile(dir)+1
	}
	l.Parts = []setEntry{{File: newFile(&l)}}
	if err := BuildBM25(ctx, filepath.Join(dir, l.Parts[0].File), docs, o); err != nil {
		return err
	}
	if err := writeSetList(dir, l); err != nil {
		return err
	}
	sweepSet(dir, old, l)
	return nil
}

// writeSetList replaces segments.json.
func writeSetList(dir string, l setList) error {
	l.Version = setVersion
	l.CRC32C = l.checksum()
	data, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, setFile), func(w io.Writer) error { _, err := w.Write(append(data, '\n')); return err })
}

// sweepSet removes the files of a set that l does not name: what newFile named, and the single file of a folder without a list if the
// list before, was, is of it. All other files of the folder are the user's own. What cannot be removed, because another process has it
// open on a system that minds, goes with the next change.
func sweepSet(dir string, was, l setList) {
	keep := map[string]bool{}
	for _, e := range l.Parts {
		keep[e.File], keep[e.Deleted] = true, true
	}
	single := slices.Contains(was.Parts, setEntry{File: setSingle})
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if name := f.Name(); (setFiles.MatchString(name) || single && name == setSingle) && !keep[name] {
			os.Remove(filepath.Join(dir, name))
		}
	}
}

// setFiles matches the names that newFile makes.
var setFiles = regexp.MustCompile(`^[0-9]{6,}\.bm25$`)

// maxFile bounds the numbers of files.
const maxFile = 1 << 53

// fileNumber is the number in a name that newFile made, 0 where it is another name, and more than maxFile where it is larger.
func fileNumber(name string) int {
	if !setFiles.MatchString(name) {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSuffix(name, ".bm25"))
	if err != nil || n > maxFile {
		return maxFile + 1
	}
	return n
}

// lastFile is the largest number of a file in the folder.
func lastFile(dir string) (last int) {
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if n := fileNumber(f.Name()); n <= maxFile {
			last = max(last, n)
		}
	}
	return last
}

// newFile is a name for a new file of l.
func newFile(l *setList) string {
	name := fmt.Sprintf("%06d.bm25", l.Next)
	l.Next++
	return name
}

// begin locks the set for a change and catches up with what other processes have changed. The list is the change's own.
func (s *BM25Set) begin() (l setList, end func(), err error) {
	s.change.Lock()
	unlock, err := atomicfile.Lock(s.dir)
	if err != nil {
		s.change.Unlock()
		return l, nil, fmt.Errorf("index: %w", err)
	}
	end = func() { unlock(); s.change.Unlock() }
	if l, err = readSetList(s.dir); err == nil && (l.Options != s.list.Options || l.NoDocuments != s.list.NoDocuments) {
		err = fmt.Errorf("index: %s: was built anew with other settings: open it again", s.dir)
	}
	if err == nil {
		sweepSet(s.dir, s.list, l)
		err = s.use(l)
	}
	if err != nil {
		end()
		return l, nil, err
	}
	l.Parts = slices.Clone(l.Parts)
	return l, end, nil
}

// commit makes l the set's list and then settles. listed says whether l was written: the change is made then, and what fails afterwards
// leaves its files alone.
func (s *BM25Set) commit(ctx context.Context, l setList) (listed bool, err error) {
	if err := writeSetList(s.dir, l); err != nil {
		return false, err
	}
	if err := s.goOver(l); err != nil {
		return true, err
	}
	return true, s.settle(ctx)
}

// settle merges what planMerges says.
func (s *BM25Set) settle(ctx context.Context) error {
	var sizes []partSize
	for _, p := range s.parts {
		sizes = append(sizes, partSize{left: p.left(), deleted: p.x.n - p.left()})
	}
	return s.merge(ctx, planMerges(sizes))
}

// goOver opens l, which was written. Files that it does not name are removed after they were closed.
func (s *BM25Set) goOver(l setList) error {
	was := s.list
	if err := s.use(l); err != nil {
		return err
	}
	sweepSet(s.dir, was, l)
	return nil
}

// Add adds documents; one whose id is there takes the place of the old one. It says how many were new and how many replaced
// others. An id twice among docs is an error. Memory, Threads and Progress of o are used; its other settings are the set's own. Counts
// above 0 beside an error say that the documents are in, but that what comes after an addition, merging parts, failed.
func (s *BM25Set) Add(ctx context.Context, docs iter.Seq2[labrador.Document, error], o BM25Options) (added, replaced int, err error) {
	l, end, err := s.begin()
	if err != nil {
		return 0, 0, err
	}
	defer end()
	if slices.ContainsFunc(s.parts, func(p *setPart) bool { return p.x.scale > 0 }) {
		return 0, 0, fmt.Errorf("index: %s: holds sparse vectors: documents cannot be added, build it anew of all vectors", s.dir)
	}
	e := setEntry{File: newFile(&l)}
	own := s.opts
	own.Memory, own.Threads, own.Progress = o.Memory, o.Threads, o.Progress
	path := filepath.Join(s.dir, e.File)
	if err := BuildBM25(ctx, path, docs, own); err != nil {
		return 0, 0, err
	}
	x, err := OpenBM25(path)
	if err != nil {
		return 0, 0, err
	}
	n := x.n
	replaced, err = s.remove(ctx, &l, func(yield func(string) bool) {
		c := idCursor{list: &x.ids}
		for c.next() == nil && !c.end() && yield(string(c.id)) {
		}
	})
	x.Close()
	listed := false
	if err == nil && n > 0 {
		l.Parts = append(l.Parts, e)
		listed, err = s.commit(ctx, l)
	}
	if !listed {
		os.Remove(path)
		return 0, 0, err
	}
	return n - replaced, replaced, err
}

// Delete deletes the documents of these ids and says how many there were, beside an error too where they are deleted but merging parts
// failed.
func (s *BM25Set) Delete(ctx context.Context, ids ...string) (int, error) {
	l, end, err := s.begin()
	if err != nil {
		return 0, err
	}
	defer end()
	n, err := s.remove(ctx, &l, slices.Values(ids))
	switch {
	case err != nil:
		return 0, err
	case n == 0: // but a change that was killed may have left something to merge
		return 0, s.settle(ctx)
	}
	listed, err := s.commit(ctx, l)
	if !listed {
		n = 0
	}
	return n, err
}

// remove notes the deletions in l and writes the files of deleted documents.
func (s *BM25Set) remove(ctx context.Context, l *setList, ids iter.Seq[string]) (n int, err error) {
	gone, count := make([][]uint64, len(s.parts)), make([]int, len(s.parts))
	for id := range ids {
		p, doc, err := s.find(id)
		if err != nil {
			return 0, err
		}
		if p == nil {
			continue
		}
		i := slices.Index(s.parts, p)
		if gone[i] == nil {
			gone[i] = make([]uint64, (p.x.n+63)/64)
			copy(gone[i], p.gone)
		}
		if !hasBit(gone[i], doc) {
			gone[i][doc/64] |= 1 << (doc % 64)
			count[i]++
			n++
		}
	}
	var kept []setEntry
	for i, p := range s.parts {
		e := l.Parts[i]
		if count[i] == p.left() {
			continue
		}
		if gone[i] != nil {
			e.Deleted = newFile(l)
			o := s.opts
			o.NoDocuments = true
			if err := joinBM25(ctx, filepath.Join(s.dir, e.Deleted), o, []*share{{x: p.x, keep: gone[i]}}); err != nil {
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
	_, end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	if len(s.parts) == 0 || s.sole() != nil {
		return nil
	}
	all := make([]int, len(s.parts))
	for i := range all {
		all[i] = i
	}
	return s.merge(ctx, [][]int{all})
}

// merge makes one file of each group of parts.
func (s *BM25Set) merge(ctx context.Context, groups [][]int) error {
	if len(groups) == 0 {
		return nil
	}
	l := s.list
	entries := make([]setEntry, len(l.Parts))
	copy(entries, l.Parts)
	for _, group := range groups {
		var shares []*share
		for _, i := range group {
			shares = append(shares, &share{x: s.parts[i].x, keep: s.parts[i].kept()})
			entries[i] = setEntry{}
		}
		e := setEntry{File: newFile(&l)}
		if err := joinBM25(ctx, filepath.Join(s.dir, e.File), s.opts, shares); err != nil {
			return fmt.Errorf("merging: %w", err)
		}
		entries[group[0]] = e
	}
	l.Parts = slices.DeleteFunc(entries, func(e setEntry) bool { return e.File == "" })
	if err := writeSetList(s.dir, l); err != nil {
		return err
	}
	return s.goOver(l)
}

// kept is the bit set of the documents that are not deleted, nil where none is.
func (p *setPart) kept() []uint64 {
	if p.gone == nil {
		return nil
	}
	keep := make([]uint64, len(p.gone))
	for i, w := range p.gone {
		keep[i] = ^w
	}
	return keep
}

// setFactor is how many parts of one tier are merged, and the ratio of sizes between tiers; a power of two.
const setFactor = 8

// maxDeleted is the share of deleted documents above which a part is written anew: one in so many. Lucene's
// TieredMergePolicy allows 20 per cent by default, too.
const maxDeleted = 5

// partSize is how many documents of a part are left and deleted.
type partSize struct{ left, deleted int }

// tier is the logarithm of a size to the base setFactor.
func tier(n int) int {
	return (bits.Len(uint(max(n, 1))) - 1) / (bits.Len(uint(setFactor)) - 1)
}

// planMerges says which parts to merge, by their numbers: the logarithmic method (Bentley and Saxe 1980), which Lucene's
// LogMergePolicy follows too. As soon as a tier has setFactor parts they become one, which is of a higher tier. So there are
// fewer than setFactor parts per tier, and a document is written again at most once per tier: n documents that come one by one
// are written log8 n times each. A part of which a fifth is deleted is written anew without that, which costs at most four documents written
// for each deleted.
func planMerges(sizes []partSize) [][]int {
	type group struct {
		members []int
		left    int
	}
	tiers := map[int][]group{}
	var plan [][]int
	top := 0
	for i, p := range sizes {
		t := tier(p.left)
		tiers[t] = append(tiers[t], group{[]int{i}, p.left})
		top = max(top, t)
	}
	for t := 0; t <= top; t++ {
		if len(tiers[t]) < setFactor {
			for _, g := range tiers[t] {
				p := sizes[g.members[0]]
				if len(g.members) > 1 || p.deleted*maxDeleted > p.left+p.deleted {
					plan = append(plan, g.members)
				}
			}
			continue
		}
		var all group
		for _, g := range tiers[t] {
			all.members, all.left = append(all.members, g.members...), all.left+g.left
		}
		slices.Sort(all.members)
		up := tier(all.left)
		tiers[up] = append(tiers[up], all)
		top = max(top, up)
	}
	return plan
}
