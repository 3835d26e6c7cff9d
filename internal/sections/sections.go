// Package sections is the container of the project's index files: named runs of bytes, each aligned for mapping and
// guarded by checksums, so that a truncated or flipped file is an error that names the section and never a wrong answer.
//
// # Format
//
//	"LABRADOR"            8 bytes
//	kind                  8 bytes, padded with blanks: "flat", "hnsw"
//	version               uint32, of the kind's own format
//	chunk                 uint32, the bytes that a checksum is of: 0 for 2^20, else 4096
//	padding to 64 bytes
//	sections              each begins at a multiple of 64 bytes, where chunks are of 4096 bytes at a multiple of these
//	table                 for each section: name (16 bytes, padded with blanks), offset and length (uint64 each), then a
//	                      CRC-32C (uint32) for each chunk of it, the last of what is left
//	trailer, 32 bytes     offset and length of the table (uint64 each), number of sections (uint32), CRC-32C of header
//	                      and table (uint32), "LABRADOR"
//
// All integers are little-endian.
package sections

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"sync/atomic"
)

const (
	magic      = "LABRADOR"
	headerSize = 64
	trailSize  = 32
	nameSize   = 16
	align      = 64
)

// Sizes of chunks, of which each has its checksum: Megabyte for sections that are read in order, Page for those that are read here
// and there, where a checksum of more than is asked for would have the disk read that too.
const (
	Megabyte = 1 << 20
	Page     = 1 << 12
)

var (
	table = crc32.MakeTable(crc32.Castagnoli)
	le    = binary.LittleEndian
)

// Writer writes a file of sections, one after the other.
type Writer struct {
	w       io.Writer
	n       uint64 // bytes written
	header  []byte
	entries []byte // finished table entries
	count   uint32
	name    string // of the open section
	start   uint64
	crc     uint32 // of the open chunk
	fill    int    // bytes of the open chunk
	crcs    []byte
	chunk   int
	align   uint64
	err     error
}

// NewWriter begins a file of a kind (at most 8 bytes), the version of its format, and chunks of Megabyte or Page.
func NewWriter(w io.Writer, kind string, version uint32, chunk int) *Writer {
	if len(kind) > 8 {
		panic("sections: kind " + kind + " is too long")
	}
	h := make([]byte, headerSize)
	copy(h, magic)
	copy(h[8:], pad(kind, 8))
	le.PutUint32(h[16:], version)
	s := &Writer{w: w, header: h, chunk: chunk, align: align}
	if chunk != Megabyte {
		le.PutUint32(h[20:], uint32(chunk))
		s.align = uint64(chunk)
	}
	s.raw(h)
	return s
}

func pad(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

func (s *Writer) raw(p []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(p)
		s.n += uint64(len(p))
	}
}

// Begin ends the open section, if any, and opens the section name (at most 16 bytes).
func (s *Writer) Begin(name string) {
	s.end()
	if len(name) > nameSize || name == "" {
		panic("sections: bad name " + name)
	}
	if extra := s.n % s.align; extra != 0 {
		s.raw(make([]byte, s.align-extra))
	}
	s.name, s.start, s.crc, s.fill, s.crcs = name, s.n, 0, 0, nil
}

// Write appends to the open section.
func (s *Writer) Write(p []byte) (int, error) {
	if s.name == "" {
		panic("sections: Write outside of a section")
	}
	for rest := p; len(rest) > 0; {
		part := rest[:min(len(rest), s.chunk-s.fill)]
		s.crc = crc32.Update(s.crc, table, part)
		if s.fill += len(part); s.fill == s.chunk {
			s.crcs = le.AppendUint32(s.crcs, s.crc)
			s.crc, s.fill = 0, 0
		}
		rest = rest[len(part):]
	}
	s.raw(p)
	return len(p), s.err
}

func (s *Writer) end() {
	if s.name == "" {
		return
	}
	if s.fill > 0 {
		s.crcs = le.AppendUint32(s.crcs, s.crc)
	}
	s.entries = append(s.entries, pad(s.name, nameSize)...)
	s.entries = le.AppendUint64(s.entries, s.start)
	s.entries = le.AppendUint64(s.entries, s.n-s.start)
	s.entries = append(s.entries, s.crcs...)
	s.count++
	s.name = ""
}

// Close ends the last section and writes the table. It does not close the underlying writer.
func (s *Writer) Close() error {
	s.end()
	at := s.n
	s.raw(s.entries)
	trail := le.AppendUint64(nil, at)
	trail = le.AppendUint64(trail, uint64(len(s.entries)))
	trail = le.AppendUint32(trail, s.count)
	trail = le.AppendUint32(trail, crc32.Update(crc32.Checksum(s.header, table), table, s.entries))
	s.raw(append(trail, magic...))
	return s.err
}

// File is a mapped file of sections. It is safe for concurrent use.
type File struct {
	Version  uint32
	chunk    int
	sections map[string]*section
	names    []string
}

type section struct {
	data []byte
	crcs []byte
	good []atomic.Uint32 // a bit for each chunk that was compared with its checksum
}

// ErrDamaged says that a file is not what was written.
var ErrDamaged = errors.New("the file is damaged or was not written to its end")

// Read reads the container in data, which must be of the kind. Only header and table are read and checked.
func Read(data []byte, kind string) (*File, error) {
	if len(data) < headerSize+trailSize || string(data[:8]) != magic {
		return nil, fmt.Errorf("not a %s file of labrador (%d bytes)", kind, len(data))
	}
	if have := strings.TrimRight(string(data[8:16]), " "); have != kind {
		return nil, fmt.Errorf("a %q file, not a %q file", have, kind)
	}
	trail := data[len(data)-trailSize:]
	at, length := le.Uint64(trail), le.Uint64(trail[8:])
	end := uint64(len(data) - trailSize)
	if string(trail[24:]) != magic || at < headerSize || at > end || length != end-at {
		return nil, fmt.Errorf("section table: %w", ErrDamaged)
	}
	entries := data[at:end]
	if crc32.Update(crc32.Checksum(data[:headerSize], table), table, entries) != le.Uint32(trail[20:]) {
		return nil, fmt.Errorf("section table: %w", ErrDamaged)
	}
	f := &File{Version: le.Uint32(data[16:]), chunk: Megabyte, sections: map[string]*section{}}
	switch le.Uint32(data[20:]) {
	case 0:
	case Page:
		f.chunk = Page
	default:
		return nil, fmt.Errorf("checksums of %d bytes: written by a newer program", le.Uint32(data[20:]))
	}
	for range le.Uint32(trail[16:]) {
		var err error
		if entries, err = f.entry(data[:at], entries); err != nil {
			return nil, err
		}
	}
	if len(entries) != 0 {
		return nil, fmt.Errorf("section table: %w", ErrDamaged)
	}
	return f, nil
}

// entry reads one entry of the table and returns what follows it.
func (f *File) entry(data, entries []byte) ([]byte, error) {
	if len(entries) < nameSize+16 {
		return nil, fmt.Errorf("section table: %w", ErrDamaged)
	}
	name := strings.TrimRight(string(entries[:nameSize]), " ")
	at, length := le.Uint64(entries[nameSize:]), le.Uint64(entries[nameSize+8:])
	entries = entries[nameSize+16:]
	if at%align != 0 || at > uint64(len(data)) || length > uint64(len(data))-at {
		return nil, fmt.Errorf("section %s: %w", name, ErrDamaged)
	}
	chunks := (length + uint64(f.chunk) - 1) / uint64(f.chunk)
	if uint64(len(entries)) < 4*chunks || f.sections[name] != nil {
		return nil, fmt.Errorf("section %s: %w", name, ErrDamaged)
	}
	f.sections[name] = &section{data: data[at : at+length : at+length], crcs: entries[:4*chunks], good: make([]atomic.Uint32, (chunks+31)/32)}
	f.names = append(f.names, name)
	return entries[4*chunks:], nil
}

// Section returns the bytes of a section after comparing all of them with their checksums.
func (f *File) Section(name string) ([]byte, error) {
	s := f.sections[name]
	if s == nil {
		return nil, fmt.Errorf("section %s is missing", name)
	}
	return f.Range(name, 0, len(s.data))
}

// Unchecked returns the bytes of a section whose use is guarded by Range.
func (f *File) Unchecked(name string) ([]byte, error) {
	s := f.sections[name]
	if s == nil {
		return nil, fmt.Errorf("section %s is missing", name)
	}
	return s.data, nil
}

// Range returns the bytes [lo, hi) of a section; each chunk that it touches is compared with its checksum the first time.
func (f *File) Range(name string, lo, hi int) ([]byte, error) {
	s := f.sections[name]
	if s == nil || lo < 0 || hi < lo || hi > len(s.data) {
		return nil, fmt.Errorf("section %s: bytes %d to %d are asked for", name, lo, hi)
	}
	for c := lo / f.chunk; c*f.chunk < hi; c++ {
		if s.good[c/32].Load()>>(c%32)&1 == 1 {
			continue
		}
		if crc32.Checksum(s.data[c*f.chunk:min(len(s.data), (c+1)*f.chunk)], table) != le.Uint32(s.crcs[4*c:]) {
			return nil, fmt.Errorf("section %s, bytes from %d on: %w", name, c*f.chunk, ErrDamaged)
		}
		s.good[c/32].Or(1 << (c % 32))
	}
	return s.data[lo:hi:hi], nil
}

// Verify compares every section with its checksums.
func (f *File) Verify() error {
	for _, name := range f.names {
		if _, err := f.Section(name); err != nil {
			return err
		}
	}
	return nil
}

// Names are the sections in the order of the file.
func (f *File) Names() []string { return f.names }
