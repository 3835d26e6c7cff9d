package index

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/sections"
)

// patch says what a section gets at some place instead of as many bytes, of the number there, or of all that follows.
type patch struct {
	section, at int
	bytes       []byte
	how         uint8
}

const (
	patchBytes = iota
	patchNumber
	patchRest
	patches
)

// of is b, patched.
func (p patch) of(b []byte) []byte {
	at := p.at % (len(b) + 1)
	end := len(b)
	switch p.how % patches {
	case patchBytes:
		end = min(at+len(p.bytes), end)
	case patchNumber:
		end = at
		for end < len(b) && (b[end] == '-' || b[end] == '.' || b[end] >= '0' && b[end] <= '9') {
			end++
		}
	}
	return slices.Concat(b[:at], p.bytes, b[end:])
}

// patched is an index file with a section patched, with the right checksums.
func patched(t testing.TB, whole []byte, kind string, p patch) []byte {
	t.Helper()
	file, err := sections.Read(whole, kind)
	if err != nil {
		t.Fatal(err)
	}
	chunk := sections.Megabyte
	if le.Uint32(whole[20:]) != 0 {
		chunk = int(le.Uint32(whole[20:]))
	}
	var out bytes.Buffer
	w := sections.NewWriter(&out, kind, file.Version, chunk)
	for i, name := range file.Names() {
		b, err := file.Section(name)
		if err != nil {
			t.Fatal(err)
		}
		if i == p.section%len(file.Names()) {
			b = p.of(b)
		}
		w.Begin(name)
		w.Write(b)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// hostile are index files and what is done with them.
type hostile struct {
	format
	whole  []byte
	change func(path string) error
}

func hostiles(t testing.TB) (all []hostile) {
	ctx := context.Background()
	_, m, _ := clustered(40, 16, 3)
	changes := Changes{Remove: []string{"d3"}, IDs: []string{"new", "d5"}, Add: rowsOf(m, 0, 2)}
	for _, f := range formats() {
		path := filepath.Join(t.TempDir(), "x")
		if err := f.build(path); err != nil {
			t.Fatal(err)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h := hostile{format: f, whole: whole}
		switch f.kind {
		case flatKind:
			h.change = func(path string) error { _, err := UpdateFlat(ctx, path, changes); return err }
		case hnswKind:
			h.change = func(path string) error { _, err := UpdateHNSW(ctx, path, changes, HNSWOptions{Threads: 1}); return err }
		default:
			h.change = func(path string) error { return changeHostileSet(filepath.Dir(path)) }
		}
		all = append(all, h)
	}
	return all
}

// changeHostileSet makes every change of a set there is.
func changeHostileSet(dir string) error {
	ctx := context.Background()
	set, err := OpenBM25Set(dir)
	if err != nil {
		return err
	}
	defer set.Close()
	useTerms(set)
	if _, _, err := set.Add(ctx, sequence([]labrador.Document{{ID: "d5", Title: "w1", Text: "w0 w3"}, {ID: "new", Text: "w1"}}), BM25Options{Threads: 1}); err != nil {
		return err
	}
	if _, err := set.Delete(ctx, "d7", "d8", "new"); err != nil {
		return err
	}
	set.Stats()
	useTerms(set)
	if r, err := set.RM3(RM3Options{}); err == nil {
		r.Search(ctx, labrador.Query{Text: "w0 w3"}, 5)
	}
	if err := set.Verify(); err != nil {
		return err
	}
	return set.Merge(ctx)
}

// hostileMetas are the JSON object with each key left out, each number another, and other settings.
func hostileMetas(object []byte) (all [][]byte) {
	var meta map[string]json.RawMessage
	if json.Unmarshal(object, &meta) != nil {
		panic("not an object")
	}
	with := func(key, value string) {
		m := maps.Clone(meta)
		if m[key] = json.RawMessage(value); value == "" {
			delete(m, key)
		}
		text, _ := json.Marshal(m)
		all = append(all, text)
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		with(key, "")
		if key == "Options" {
			for _, o := range []string{"title=1", "title=1,analyzer=whitespace,lengths=exact", "variant=ql", "lengths=exact,analyzer=whitespace"} {
				with(key, strconv.Quote(o))
			}
		}
		if c := meta[key][0]; c == '-' || c >= '0' && c <= '9' {
			for _, n := range []string{"-1", "0", "3", "65535", "4611686018427387905", "9223372036854775807", "1e-300"} {
				with(key, n)
			}
		}
	}
	return all
}

// FuzzHostileFiles puts arbitrary bytes into one section of an index of each kind, with the right checksums: opening, searching, verifying
// and changing it end in an error, which leaves the file as it was, or in an answer.
func FuzzHostileFiles(f *testing.F) {
	all := hostiles(f)
	dir := f.TempDir()
	for i, h := range all {
		file, _ := sections.Read(h.whole, h.kind)
		for s, name := range file.Names() {
			f.Add(uint8(i), uint8(s), uint16(0), []byte{255, 255, 255, 255, 255, 255, 255, 127}, uint8(patchBytes))
			f.Add(uint8(i), uint8(s), uint16(3), []byte{}, uint8(patchRest))
			if name == "meta" {
				b, _ := file.Section(name)
				for _, text := range hostileMetas(b) {
					f.Add(uint8(i), uint8(s), uint16(0), text, uint8(patchRest))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, which, section uint8, at uint16, bytes []byte, how uint8) {
		h := all[int(which)%len(all)]
		data := patched(t, h.whole, h.kind, patch{int(section), int(at), bytes, how})
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			os.Remove(filepath.Join(dir, e.Name()))
		}
		path := filepath.Join(dir, setSingle)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		h.use(path, false)
		h.use(path, true)
		if err := h.change(path); err != nil && h.kind != bm25Kind {
			if now, _ := os.ReadFile(path); string(now) != string(data) {
				t.Fatalf("%v, and the file is another", err)
			}
		}
	})
}

// filesOfSet makes a set of two parts in dir, one with deleted documents, and returns its files but for the lock.
func filesOfSet(t testing.TB, dir string) (files []string, whole map[string][]byte) {
	t.Helper()
	docs := randomDocuments(rand.New(rand.NewPCG(93, 94)), 300, 60)
	err := BuildBM25Set(t.Context(), dir, sequence(docs[:200]), BM25Options{Analyzer: "whitespace"})
	if err == nil {
		err = changeSet(func(set *BM25Set) error {
			_, _, err := set.Add(t.Context(), sequence(docs[190:]), BM25Options{})
			return err
		})(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	whole = map[string][]byte{}
	for _, name := range names(t, dir) {
		if name != atomicfile.LockName {
			files = append(files, name)
			if whole[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files, whole
}

// FuzzHostileSets patches the list of a set or a section of one of its files, with the right checksums: changes end in an error or are made,
// and no document that could be read before is gone afterwards.
func FuzzHostileSets(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "set")
	files, whole := filesOfSet(f, dir)
	for which, name := range files {
		if name == setFile {
			for _, text := range append(hostileMetas(whole[name]), hostileLists...) {
				f.Add(uint8(which), uint8(0), uint16(0), text, uint8(patchRest))
			}
			continue
		}
		file, _ := sections.Read(whole[name], bm25Kind)
		for s, section := range file.Names() {
			b, _ := file.Section(section)
			f.Add(uint8(which), uint8(s), uint16(0), []byte{255, 255, 255, 255}, uint8(patchBytes))
			f.Add(uint8(which), uint8(s), uint16(len(b)/2), []byte{}, uint8(patchRest))
			if section == "meta" {
				for _, text := range hostileMetas(b) {
					f.Add(uint8(which), uint8(s), uint16(0), text, uint8(patchRest))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, which, section uint8, at uint16, text []byte, how uint8) {
		for _, name := range names(t, dir) {
			os.Remove(filepath.Join(dir, name))
		}
		for name, data := range whole {
			if p := (patch{int(section), int(at), text, how}); name == files[int(which)%len(files)] {
				if name != setFile {
					data = patched(t, data, bm25Kind, p)
				} else if data = signed(p.of(data)); data == nil {
					return
				}
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		before, damage := lenOfSet(dir)
		err := changeHostileSet(dir)
		if after, left := lenOfSet(dir); damage == nil && (left != nil || after < before-2) { // d7 and d8 may be gone
			t.Fatalf("%s %d %d %q: %d documents, before %d, %v, after a change that ended with: %v", files[int(which)%len(files)], section, at, text, after, before, left, err)
		}
	})
}

// lenOfSet is how many documents a set has that can be searched and is as it was written.
func lenOfSet(dir string) (int, error) {
	if _, err := useSet(dir); err != nil {
		return 0, err
	}
	set, err := OpenBM25Set(dir)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	return set.Len(), nil
}

// hostileLists are lists that name files oddly.
var hostileLists = [][]byte{
	[]byte(`{"Version":2,"Options":"analyzer=whitespace","Next":1,"Parts":[{"File":"000001.bm25","Deleted":"000003.bm25"}]}`),
	[]byte(`{"Version":2,"Options":"analyzer=whitespace","Next":4,"Parts":[{"File":"000001.bm25"},{"File":"000001.bm25"}]}`),
	[]byte(`{"Version":2,"Options":"analyzer=whitespace","Next":4,"Parts":[{"File":"000001.bm25","Deleted":"000001.bm25"}]}`),
	[]byte(`{"Version":2,"Options":"analyzer=whitespace","Next":4,"Parts":[{"File":"000003.bm25","Deleted":"000001.bm25"}]}`),
	[]byte(`{"Version":2,"Options":"analyzer=whitespace","Next":4,"Parts":[{"File":"","Deleted":".."}]}`),
	[]byte(`{"Version":2,"Options":"analyzer=whitespace","Next":4,"Parts":[]}`),
}

// signed is a list with its right checksum, nil where it is none.
func signed(list []byte) []byte {
	var l setList
	if json.Unmarshal(list, &l) != nil {
		return nil
	}
	l.CRC32C = l.checksum()
	if l.Version == 1 {
		l.CRC32C = 0
	}
	text, _ := json.Marshal(l)
	return text
}
