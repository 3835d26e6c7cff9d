package index

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/labrador-lab/labrador"
)

// Documents are kept for display in blocks of zstd, in the order in which they came; a block holds one batch of the build.
// Inside, a document is its title, text and picture, each a varint length and the bytes. Section "storeblocks" has for each
// block its first document's arrival number (uint32), its offset in "store" (uint64) and its length decompressed (uint32);
// section "arrivals" the arrival number (uint32) of each document.
const storeEntry = 16

// maxBlock is how long a block may be decompressed, and maxStored how long a document: a block has up to batchBytes of others before its
// last, and their lengths.
const (
	maxBlock  = 1 << 28
	maxStored = maxBlock - 1<<20
)

var (
	storeEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault)) // as many at once as there are processors
		if err != nil {
			panic("index: " + err.Error())
		}
		return e
	})
	storeDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlock))
		if err != nil {
			panic("index: " + err.Error())
		}
		return d
	})
)

// storeBlock is a compressed batch.
type storeBlock struct {
	data []byte
	raw  int
}

func compressDocuments(docs []labrador.Document) storeBlock {
	var raw []byte
	for _, d := range docs {
		for _, s := range [...]string{d.Title, d.Text, d.Picture} {
			raw = binary.AppendUvarint(raw, uint64(len(s)))
			raw = append(raw, s...)
		}
	}
	return storeBlock{storeEncoder().EncodeAll(raw, nil), len(raw)}
}

// Document returns the stored document of that id; false where there is none, or where the index was built with NoDocuments.
func (x *BM25) Document(id string) (labrador.Document, bool, error) {
	doc, ok, err := x.ids.find(id)
	if !ok || err != nil || x.arrivals == nil {
		return labrador.Document{}, false, err
	}
	d, err := x.stored(doc)
	d.ID = id
	if err != nil {
		return labrador.Document{}, false, fmt.Errorf("index: %s: %w", x.path, err)
	}
	return d, true, nil
}

// stored reads a document, without its id.
func (x *BM25) stored(doc uint32) (d labrador.Document, err error) {
	arrival := le.Uint32(x.arrivals[4*doc:])
	b := sort.Search(len(x.storeBlocks)/storeEntry, func(i int) bool { return le.Uint32(x.storeBlocks[storeEntry*i:]) > arrival }) - 1
	if b < 0 {
		return d, errDamagedStore
	}
	r, first, err := x.storeBlock(b)
	if err != nil {
		return d, err
	}
	for skip := 3 * (arrival - first); skip > 0 && !r.bad; skip-- {
		r.bytes(r.uvarint())
	}
	return r.document()
}

// storeBlock decompresses block b; first is the arrival number of its first document.
func (x *BM25) storeBlock(b int) (r reader, first uint32, err error) {
	data, size, first, err := x.rawBlock(b)
	if err != nil {
		return r, 0, err
	}
	raw, err := decodeBlock(data, size)
	return reader{b: raw}, first, err
}

// rawBlock is block b as it is stored; size is its length decompressed.
func (x *BM25) rawBlock(b int) (data []byte, size int, first uint32, err error) {
	e := x.storeBlocks[storeEntry*b:]
	lo, hi := le.Uint64(e[4:]), x.storeSize
	if len(e) >= 2*storeEntry {
		hi = le.Uint64(e[storeEntry+4:])
	}
	if lo > hi || hi > x.storeSize {
		return nil, 0, 0, errDamagedStore
	}
	data, err = x.file.Range("store", int(lo), int(hi))
	return data, int(le.Uint32(e[12:])), le.Uint32(e), err
}

// decodeBlock decompresses a block.
func decodeBlock(data []byte, size int) ([]byte, error) {
	raw, err := storeDecoder().DecodeAll(data, make([]byte, 0, min(size, 255*len(data)+1024)))
	if err != nil {
		return nil, fmt.Errorf("section store: %w", err)
	}
	return raw, nil
}

// document reads the next document of a block.
func (r *reader) document() (d labrador.Document, err error) {
	d.Title, d.Text, d.Picture = string(r.bytes(r.uvarint())), string(r.bytes(r.uvarint())), string(r.bytes(r.uvarint()))
	if r.bad {
		return d, errDamagedStore
	}
	return d, nil
}

// byArrival is the number of each document in the order in which they came.
func (x *BM25) byArrival() ([]uint32, error) {
	docs := make([]uint32, x.n)
	for doc := range x.n {
		a := le.Uint32(x.arrivals[4*doc:])
		if int64(a) >= int64(x.n) {
			return nil, fmt.Errorf("section arrivals: document %d came as number %d of %d", doc, a, x.n)
		}
		docs[a] = uint32(doc)
	}
	return docs, nil
}

var errDamagedStore = fmt.Errorf("section store: the documents are damaged")

// The ids are kept in the order of the document numbers, which is ascending, in groups of idGroup: an id is how many bytes
// it shares with the one before (a varint, 0 for the first of a group), length of the rest and the rest. Section "idgroups" has
// the offset of each group, a uint64.
const idGroup = 16

type idList struct {
	data, groups []byte
	n            int
}

func encodeIDs(ids []string, number []uint32) (data, groups []byte) {
	byDoc := make([]uint32, len(ids))
	for arrival, doc := range number {
		byDoc[doc] = uint32(arrival)
	}
	var w idWriter
	for _, arrival := range byDoc {
		w.add([]byte(ids[arrival]))
	}
	return w.data, w.groups
}

// append appends the id of a document to dst.
func (l *idList) append(dst []byte, doc uint32) ([]byte, error) {
	g := int(doc) / idGroup
	if 8*g+8 > len(l.groups) {
		return dst, errDamagedIDs
	}
	at := le.Uint64(l.groups[8*g:])
	if at > uint64(len(l.data)) {
		return dst, errDamagedIDs
	}
	r, base := reader{b: l.data[at:]}, len(dst)
	for range int(doc)%idGroup + 1 {
		shared := r.uvarint()
		rest := r.bytes(r.uvarint())
		if r.bad || shared > uint64(len(dst)-base) {
			return dst, errDamagedIDs
		}
		dst = append(dst[:base+int(shared)], rest...)
	}
	return dst, nil
}

var errDamagedIDs = fmt.Errorf("section ids: the ids are damaged")

// find is the number of the document of that id.
func (l *idList) find(id string) (doc uint32, ok bool, err error) {
	var buf []byte
	at, found := sort.Find(l.n, func(i int) int {
		if err == nil {
			buf, err = l.append(buf[:0], uint32(i))
		}
		return strings.Compare(id, string(buf))
	})
	return uint32(at), found && err == nil, err
}

// numberDocuments gives each document the place of its id in ascending order of bytes. It returns an error where an id comes
// twice.
func numberDocuments(ids []string) ([]uint32, error) {
	type key struct {
		prefix uint64
		at     uint32
	}
	keys := make([]key, len(ids))
	for i, id := range ids {
		keys[i] = key{prefix8(id), uint32(i)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return strings.Compare(ids[a.at], ids[b.at])
	})
	number := make([]uint32, len(ids))
	for i, k := range keys {
		if i > 0 && ids[keys[i-1].at] == ids[k.at] {
			return nil, fmt.Errorf("index: two documents have the id %q", ids[k.at])
		}
		number[k.at] = uint32(i)
	}
	return number, nil
}
