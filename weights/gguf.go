package weights

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador/internal/mmap"
)

// The GGUF format, versions 2 and 3 (github.com/ggml-org/ggml, docs/gguf.md): "GGUF", version, number of tensors, number
// of metadata entries, the entries (name, type, value), the tensor infos (name, dimensions with the fastest first, type,
// offset), padding to general.alignment (32 unless stated), the data. Numbers are little-endian here; big-endian files
// are refused. The format has no bound for the header; here it is that of safetensors, some four times what the largest
// published vocabularies take, for what it holds is kept in memory.

// GGUF is an open .gguf file. It is a File; shapes are turned row-major, as in safetensors.
type GGUF struct {
	path     string
	m        source
	version  uint32
	metadata map[string]any
	tensors  map[string]Tensor // those of the parts too
	parts    []*GGUF           // the other files of a split model
}

// OpenGGUF maps the file path and checks its header. Of a model that is split into several files path is the first; the others lie beside it.
func OpenGGUF(path string) (*GGUF, error) {
	g, err := openGGUF(path)
	if err != nil || g.split("count") <= 1 {
		return g, err
	}
	if err := g.openParts(); err != nil {
		g.Close()
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	return g, nil
}

// split is the number split.name of the metadata (llama.cpp, tools/gguf-split), -1 where there is none.
func (g *GGUF) split(name string) int {
	n, err := strconv.Atoi(fmt.Sprint(g.metadata["split."+name]))
	if err != nil {
		return -1
	}
	return n
}

// openParts opens the files behind the first of a split model, and takes their tensors.
func (g *GGUF) openParts() error {
	n := g.split("count")
	stem, ok := strings.CutSuffix(g.path, fmt.Sprintf("-00001-of-%05d.gguf", n))
	if !ok || g.split("no") != 0 {
		return fmt.Errorf("gguf: one of %d files of a split model: give the first, under the name it was made with (…-00001-of-%05d.gguf)", n, n)
	}
	for i := 1; i < n; i++ {
		p, err := openGGUF(fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i+1, n))
		if err != nil {
			return fmt.Errorf("gguf: part %d of %d: %w", i+1, n, err)
		}
		g.parts = append(g.parts, p)
		if p.split("no") != i || p.split("count") != n {
			return fmt.Errorf("gguf: %s is not part %d of %d: its header says split.no %d, split.count %d", p.path, i+1, n, p.split("no"), p.split("count"))
		}
		for name, t := range p.tensors {
			if _, dup := g.tensors[name]; dup {
				return fmt.Errorf("gguf: tensor %s comes twice, the second time in %s", name, p.path)
			}
			g.tensors[name] = t
		}
	}
	if all := g.split("tensors.count"); all >= 0 && all != len(g.tensors) {
		return fmt.Errorf("gguf: %d tensors in %d parts, split.tensors.count is %d", len(g.tensors), n, all)
	}
	return nil
}

// openGGUF opens one file.
func openGGUF(path string) (*GGUF, error) {
	m, err := openSource(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	var g *GGUF
	if err := mmap.Guard(func() error { g, err = parseGGUF(m.Data); return err }); err != nil {
		m.Close()
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	g.path, g.m = path, m
	m.own(g.tensors)
	return g, nil
}

// Metadata are the entries by name. A value is a bool, string, one of Go's sized integers and floats, or a slice of one
// of these; an array of arrays is a []any.
func (g *GGUF) Metadata() map[string]any { return g.metadata }

// Names are the tensors' names in ascending order.
func (g *GGUF) Names() []string { return slices.Sorted(maps.Keys(g.tensors)) }

// Tensor returns the tensor called name.
func (g *GGUF) Tensor(name string) (Tensor, error) {
	t, ok := g.tensors[name]
	if !ok {
		return t, fmt.Errorf("weights: %s: no tensor %s", g.path, name)
	}
	return t, nil
}

// Paths is the file's path, with those of the other parts.
func (g *GGUF) Paths() []string {
	paths := []string{g.path}
	for _, p := range g.parts {
		paths = append(paths, p.path)
	}
	return paths
}

// Release lets go of the pages that were read.
func (g *GGUF) Release() {
	release(g.m.Data)
	for _, p := range g.parts {
		p.Release()
	}
}

// Close unmaps the file, and the other parts.
func (g *GGUF) Close() error {
	err := g.m.Close()
	for _, p := range g.parts {
		err = errors.Join(err, p.Close())
	}
	return err
}

func parseGGUF(data []byte) (*GGUF, error) {
	r := &ggufReader{data: data[:min(len(data), maxHeader)], cut: len(data) > maxHeader}
	magic, version := r.u32(), r.u32()
	if r.err != nil || magic != 0x46554747 {
		return nil, errors.New("gguf: does not begin with GGUF" + cutOff)
	}
	if swapped := bits.ReverseBytes32(version); swapped == 2 || swapped == 3 {
		return nil, errors.New("gguf: a big-endian file, which is not read: convert it (gguf-py's gguf_convert_endian.py)")
	}
	if version != 2 && version != 3 {
		return nil, fmt.Errorf("gguf: version %d (2 and 3 are read)", version)
	}
	tensors, entries := r.u64(), r.u64()
	// An entry takes at least 8+4+1 bytes, a tensor info 8+4+4+8.
	if r.err == nil && (entries > r.left()/13 || tensors > r.left()/24) {
		return nil, fmt.Errorf("gguf: %d metadata entries and %d tensors, %d bytes are left%s", entries, tensors, r.left(), r.why())
	}
	g := &GGUF{version: version, metadata: map[string]any{}, tensors: map[string]Tensor{}}
	for i := uint64(0); i < entries && r.err == nil; i++ {
		key := r.str()
		if _, dup := g.metadata[key]; dup && r.err == nil {
			return nil, fmt.Errorf("gguf: metadata %s comes twice", key)
		}
		g.metadata[key] = r.value(key)
	}
	infos := make([]ggufInfo, 0, min(tensors, 1<<16))
	for i := uint64(0); i < tensors && r.err == nil; i++ {
		infos = append(infos, r.info())
	}
	if r.err != nil {
		return nil, r.err
	}
	return g, g.place(infos, data, r.at)
}

// place makes the tensors' views of the data section, which begins at the next aligned byte after headerEnd.
func (g *GGUF) place(infos []ggufInfo, data []byte, headerEnd int) error {
	align := uint64(32)
	if v, ok := g.metadata["general.alignment"]; ok {
		a, ok := v.(uint32)
		if !ok || a == 0 || a > 1<<20 || a&(a-1) != 0 {
			return fmt.Errorf("gguf: general.alignment is %v, not a power of two", v)
		}
		align = uint64(a)
	}
	start := min((uint64(headerEnd)+align-1)/align*align, uint64(len(data)))
	body := data[start:]
	list := make([]placed, 0, len(infos))
	for _, info := range infos {
		t, err := info.tensor(body, align)
		if err != nil {
			return err
		}
		if _, dup := g.tensors[t.Name]; dup {
			return fmt.Errorf("gguf: tensor %s comes twice", t.Name)
		}
		g.tensors[t.Name] = t.Tensor
		list = append(list, t)
	}
	slices.SortFunc(list, byPlace)
	for i := 1; i < len(list); i++ {
		if end := list[i-1].at + len(list[i-1].Data); list[i].at < end {
			return fmt.Errorf("gguf: tensor %s: begins at byte %d, inside %s, which ends at %d", list[i].Name, list[i].at, list[i-1].Name, end)
		}
	}
	return nil
}

// ggufInfo is a tensor's line in the header.
type ggufInfo struct {
	name   string
	dims   []uint64 // fastest first
	kind   uint32
	offset uint64
}

func (i ggufInfo) tensor(body []byte, align uint64) (placed, error) {
	d, ok := ggufTypes[i.kind]
	if !ok {
		name := ggufUnread[i.kind]
		if name == "" {
			name = fmt.Sprint("number ", i.kind)
		}
		return placed{}, fmt.Errorf("gguf: tensor %s: type %s is not read", i.name, name)
	}
	shape := make([]int, len(i.dims))
	for k, n := range i.dims {
		if n > math.MaxInt32 {
			return placed{}, fmt.Errorf("gguf: tensor %s: dimensions %v", i.name, i.dims)
		}
		shape[len(shape)-1-k] = int(n)
	}
	size, ok := byteSize(d, shape)
	if !ok {
		return placed{}, fmt.Errorf("gguf: tensor %s: dimensions %v do not fit type %s", i.name, i.dims, d)
	}
	if i.offset%align != 0 {
		return placed{}, fmt.Errorf("gguf: tensor %s: offset %d is not a multiple of the alignment %d", i.name, i.offset, align)
	}
	if i.offset > uint64(len(body)) || uint64(size) > uint64(len(body))-i.offset {
		return placed{}, fmt.Errorf("gguf: tensor %s: shape %v of %s at byte %d, data has %d bytes"+cutOff, i.name, shape, d, i.offset, len(body))
	}
	at := int(i.offset)
	return placed{Tensor{Name: i.name, DType: d, Shape: shape, Data: body[at : at+size : at+size]}, at}, nil
}
