package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/labrador-lab/labrador/internal/mmap"
)

// The safetensors format (github.com/huggingface/safetensors, README "Format"): 8 bytes little-endian length N of the
// header, N bytes of JSON, then the data. The JSON maps each name to {"dtype", "shape", "data_offsets": [begin, end]},
// offsets counted from the end of the header; "__metadata__" maps strings to strings. The tensors cover the data without
// overlap and without holes. The header is at most 100 MB.
const maxHeader = 100_000_000

// Safetensors is an open .safetensors file. It is a File.
type Safetensors struct {
	path     string
	m        source
	tensors  map[string]Tensor
	metadata map[string]string
}

// OpenSafetensors maps the file path and checks its header.
func OpenSafetensors(path string) (*Safetensors, error) {
	m, err := openSource(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	var s *Safetensors
	if err := mmap.Guard(func() error { s, err = parseSafetensors(m.Data); return err }); err != nil {
		m.Close()
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	s.path, s.m = path, m
	m.own(s.tensors)
	return s, nil
}

// Names are the tensors' names in ascending order.
func (s *Safetensors) Names() []string { return slices.Sorted(maps.Keys(s.tensors)) }

// Tensor returns the tensor called name.
func (s *Safetensors) Tensor(name string) (Tensor, error) {
	t, ok := s.tensors[name]
	if !ok {
		return t, fmt.Errorf("weights: %s: no tensor %s", s.path, name)
	}
	return t, nil
}

// Metadata is the file's "__metadata__".
func (s *Safetensors) Metadata() map[string]string { return s.metadata }

// Paths is the file's path.
func (s *Safetensors) Paths() []string { return []string{s.path} }

// Release lets go of the pages that were read.
func (s *Safetensors) Release() { release(s.m.Data) }

// Close unmaps the file.
func (s *Safetensors) Close() error { return s.m.Close() }

// entry is a tensor's line in the header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// maxEntry is the longest entry that is read, in bytes of JSON; real ones have about a hundred. maxTensors is the most of them: the largest
// published models have some 100,000 in all their shards.
const (
	maxEntry   = 1 << 12
	maxTensors = 1 << 18
)

// parseEntry reads an entry member by member: encoding/json would take names in any case, and the last of two.
func parseEntry(raw []byte) (e entry, err error) {
	if len(raw) > maxEntry {
		return e, fmt.Errorf("an entry of %d bytes; more than %d are not read", len(raw), maxEntry)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return e, fmt.Errorf("the entry is %s, not an object with dtype, shape and data_offsets", raw)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return e, err
		}
		var to any
		twice := false
		switch name {
		case "dtype":
			to, twice = &e.DType, e.DType != ""
		case "shape":
			to, twice = &e.Shape, e.Shape != nil
		case "data_offsets":
			to, twice = &e.Offsets, e.Offsets != nil
		default:
			to = new(any)
		}
		if twice {
			return e, fmt.Errorf("%s comes twice", name)
		}
		if err := dec.Decode(to); err != nil {
			return e, fmt.Errorf("%s: %w", name, err)
		}
	}
	switch {
	case e.DType == "":
		return e, errors.New("no dtype")
	case e.Shape == nil:
		return e, errors.New("no shape")
	case e.Offsets == nil:
		return e, errors.New("no data_offsets")
	}
	return e, nil
}

func parseSafetensors(data []byte) (*Safetensors, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes, a header needs at least 8"+cutOff, len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > uint64(len(data)-8) {
		return nil, fmt.Errorf("safetensors: header length %d, file has %d bytes"+cutOff, n, len(data))
	}
	if n > maxHeader {
		return nil, fmt.Errorf("safetensors: header length %d: the format has at most %d", n, maxHeader)
	}
	s := &Safetensors{tensors: map[string]Tensor{}}
	body := data[8+n:]
	list, err := s.readHeader(data[8:8+n], body)
	if err != nil {
		return nil, err
	}
	if err := checkCover(list, len(body)); err != nil {
		return nil, err
	}
	for _, t := range list {
		s.tensors[t.Name] = t.Tensor
	}
	return s, nil
}

// readHeader walks the header's object member by member, so that a name that comes twice is seen.
func (s *Safetensors) readHeader(header, body []byte) ([]placed, error) {
	if !utf8.Valid(header) {
		return nil, errors.New("safetensors: the header is not UTF-8")
	}
	var list []placed
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(header))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, fmt.Errorf("safetensors: the header is not a JSON object")
	}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("safetensors: header: %w", err)
		}
		name := tok.(string)
		if seen[name] {
			return nil, fmt.Errorf("safetensors: tensor %s comes twice", name)
		}
		seen[name] = true
		if name == "__metadata__" {
			if err := dec.Decode(&s.metadata); err != nil {
				return nil, fmt.Errorf("safetensors: __metadata__: %w", err)
			}
			continue
		}
		var raw json.RawMessage
		err = dec.Decode(&raw)
		var e entry
		if err == nil {
			e, err = parseEntry(raw)
		}
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %s: %w", name, err)
		}
		t, err := e.tensor(name, body)
		if err != nil {
			return nil, err
		}
		if list = append(list, t); len(list) > maxTensors {
			return nil, fmt.Errorf("safetensors: more than %d tensors", maxTensors)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	if rest := bytes.TrimSpace(header[dec.InputOffset():]); len(rest) > 0 {
		return nil, fmt.Errorf("safetensors: %d bytes that are not blank behind the header's JSON object", len(rest))
	}
	return list, nil
}

// tensor checks the entry against the data and makes the view.
func (e entry) tensor(name string, body []byte) (placed, error) {
	d, ok := safetensorsTypes[e.DType]
	if !ok {
		return placed{}, fmt.Errorf("safetensors: tensor %s: unknown dtype %q", name, e.DType)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > uint64(len(body)) {
		return placed{}, fmt.Errorf("safetensors: tensor %s: data_offsets %v, data has %d bytes"+cutOff, name, e.Offsets, len(body))
	}
	size, ok := byteSize(d, e.Shape)
	if !ok || uint64(size) != e.Offsets[1]-e.Offsets[0] {
		return placed{}, fmt.Errorf("safetensors: tensor %s: shape %v of %s does not fit %d bytes", name, e.Shape, d, e.Offsets[1]-e.Offsets[0])
	}
	if e.Offsets[0]%uint64(d.BlockBytes()) != 0 {
		return placed{}, fmt.Errorf("safetensors: tensor %s: begins at byte %d, not aligned for %s", name, e.Offsets[0], d)
	}
	data := body[e.Offsets[0]:e.Offsets[1]:e.Offsets[1]]
	return placed{Tensor{Name: name, DType: d, Shape: e.Shape, Data: data}, int(e.Offsets[0])}, nil
}

// placed is a tensor with the byte its data begins at.
type placed struct {
	Tensor
	at int
}

// byPlace orders tensors as they lie in the file.
func byPlace(a, b placed) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(len(a.Data), len(b.Data)), cmp.Compare(a.Name, b.Name))
}

// checkCover makes sure that the tensors follow one another without overlap and holes up to the end of the data.
func checkCover(list []placed, size int) error {
	slices.SortFunc(list, byPlace)
	at := 0
	for _, t := range list {
		if t.at != at {
			return fmt.Errorf("safetensors: tensor %s: begins at byte %d, where the tensors before it end at %d (overlap or hole)", t.Name, t.at, at)
		}
		at += len(t.Data)
	}
	if at != size {
		return fmt.Errorf("safetensors: %d bytes after the last tensor", size-at)
	}
	return nil
}
