package index

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/sections"
)

// A batch is the unit of work of a build, and a block of stored documents.
const (
	batchDocuments = 256
	batchBytes     = 1 << 17
)

// batch is some documents on their way through a build.
type batch struct {
	seq     int
	first   uint32 // arrival number of the first document
	docs    []labrador.Document
	impacts [][]impactTerm // by document, instead of docs
	ids     []string
	lengths [][]uint32 // by field and document
	store   storeBlock
	err     error
}

// bm25Builder is a build in progress.
type bm25Builder struct {
	opts     BM25Options
	analyzer analysis.Analyzer
	fields   []string
	scale    float64
	out      *sections.Writer

	ids        []string
	lengths    [][]uint32
	storeIndex []byte
	storeSize  uint64
	workers    []*bm25Worker
}

// bm25Worker inverts batches.
type bm25Worker struct {
	b         *bm25Builder
	tokens    analysis.Tokens
	inverters []*inverter // by field
}

// BuildBM25 indexes docs into the file path. The file appears whole or not at all; an earlier index of that name is replaced
// at the end. An id that occurs twice is an error. Memory grows with opts.Memory and by some 60 bytes a document; what does
// not fit is sorted in temporary files beside path, one or two a thread. The same documents give the same bytes, whatever the threads.
func BuildBM25(ctx context.Context, path string, docs iter.Seq2[labrador.Document, error], opts BM25Options) error {
	checked := func(yield func(labrador.Document, error) bool) {
		for d, err := range docs {
			if size := textSize(d); err == nil && size > maxStored {
				err = fmt.Errorf("index: document %q is %d MiB long, want at most %d: cut it into parts", d.ID, size>>20, maxStored>>20)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
	return build(ctx, path, opts, 0, func(ctx context.Context, out chan<- *batch) error {
		return readBatches(ctx, checked, out, func(t *batch, d labrador.Document) int {
			t.ids = append(t.ids, d.ID)
			t.docs = append(t.docs, d)
			return textSize(d)
		})
	})
}

// textSize is how many bytes of a document are kept.
func textSize(d labrador.Document) int { return len(d.Title) + len(d.Text) + len(d.Picture) }

// build makes the index file of what read hands out in batches. scale is ImpactOptions.Scale, 0 where there are no impacts.
func build(ctx context.Context, path string, opts BM25Options, scale float64, read func(context.Context, chan<- *batch) error) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	b := &bm25Builder{opts: opts.withDefaults(), scale: scale, fields: []string{"contents"}}
	if b.opts.TitleWeight > 0 {
		b.fields = append(b.fields, "title")
	}
	if b.opts.Threads == 0 {
		b.opts.Threads = runtime.GOMAXPROCS(0)
	}
	var err error
	if b.analyzer, err = analysis.New(b.opts.Analyzer); err != nil {
		return err
	}
	b.lengths = make([][]uint32, len(b.fields))
	defer b.close()
	return atomicfile.Write(path, func(w io.Writer) error {
		b.out = sections.NewWriter(w, bm25Kind, bm25Version, sections.Megabyte)
		if err := b.collect(ctx, filepath.Dir(path), read); err != nil {
			return err
		}
		if err := b.finish(ctx); err != nil {
			return err
		}
		return b.out.Close()
	})
}

func (b *bm25Builder) close() {
	for _, w := range b.workers {
		for _, v := range w.inverters {
			if v.runs != nil {
				v.runs.close()
			}
		}
	}
}

// collect reads and inverts all documents and writes the store.
func (b *bm25Builder) collect(ctx context.Context, tmp string, read func(context.Context, chan<- *batch) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo, done := make(chan *batch, b.opts.Threads), make(chan *batch, b.opts.Threads)
	go func() {
		defer close(todo)
		if err := read(ctx, todo); err != nil {
			cancel(err)
		}
	}()
	var wg sync.WaitGroup
	for range b.opts.Threads {
		w := &bm25Worker{b: b}
		for range b.fields {
			w.inverters = append(w.inverters, newInverter(tmp, b.opts.Memory/int64(b.opts.Threads*len(b.fields))))
		}
		b.workers = append(b.workers, w)
		wg.Go(func() {
			for t := range todo {
				t.err = w.invert(t)
				done <- t
			}
			for _, v := range w.inverters {
				if err := v.spill(); err != nil {
					cancel(err)
				}
				v.drop()
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	b.out.Begin("store")
	waiting, next := map[int]*batch{}, 0
	for t := range done {
		waiting[t.seq] = t
		for ; waiting[next] != nil; next++ {
			if err := b.take(waiting[next]); err != nil {
				cancel(err)
			}
			delete(waiting, next)
		}
	}
	return context.Cause(ctx)
}

// readBatches cuts items into batches until they end or ctx does. add puts an item into a batch and says how many bytes of work
// it is.
func readBatches[T any](ctx context.Context, items iter.Seq2[T, error], out chan<- *batch, add func(*batch, T) int) error {
	t, size, arrival := &batch{}, 0, uint64(0)
	send := func() error {
		select {
		case out <- t:
		case <-ctx.Done():
			return ctx.Err()
		}
		t, size = &batch{seq: t.seq + 1, first: uint32(arrival)}, 0
		return nil
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		if arrival++; arrival >= 1<<32-1 {
			return fmt.Errorf("index: more than %d documents", uint64(1)<<32-2)
		}
		if size += add(t, item); size >= batchBytes || len(t.ids) == batchDocuments {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(t.ids) > 0 {
		return send()
	}
	return ctx.Err()
}

// invert adds a batch to the worker's inverters, compresses its documents and lets go of their text.
func (w *bm25Worker) invert(t *batch) error {
	t.lengths = make([][]uint32, len(w.inverters))
	for i, terms := range t.impacts {
		t.lengths[0] = append(t.lengths[0], uint32(len(terms)))
		if len(terms) > 0 {
			if err := w.inverters[0].addImpacts(t.first+uint32(i), terms); err != nil {
				return err
			}
		}
	}
	for i, d := range t.docs {
		for f, v := range w.inverters {
			w.tokens.Reset()
			w.b.analyzer.Analyze(fieldText(d, f, len(w.inverters)), &w.tokens)
			t.lengths[f] = append(t.lengths[f], uint32(w.tokens.Len()))
			if w.tokens.Len() == 0 {
				continue
			}
			if err := v.add(t.first+uint32(i), &w.tokens); err != nil {
				return err
			}
		}
	}
	if !w.b.opts.NoDocuments {
		t.store = compressDocuments(t.docs)
	}
	t.docs, t.impacts = nil, nil
	return nil
}

// fieldText is a document's text in field f of n: all in one, or text and title.
func fieldText(d labrador.Document, f, n int) string {
	switch {
	case n == 1:
		return d.Contents()
	case f == 0:
		return d.Text
	}
	return d.Title
}

// take adds a finished batch, in order.
func (b *bm25Builder) take(t *batch) error {
	if t.err != nil {
		return t.err
	}
	b.ids = append(b.ids, t.ids...)
	for f := range b.lengths {
		b.lengths[f] = append(b.lengths[f], t.lengths[f]...)
	}
	if b.opts.Progress != nil {
		b.opts.Progress(len(t.ids))
	}
	if b.opts.NoDocuments {
		return nil
	}
	b.storeIndex = le.AppendUint32(b.storeIndex, t.first)
	b.storeIndex = le.AppendUint64(b.storeIndex, b.storeSize)
	b.storeIndex = le.AppendUint32(b.storeIndex, uint32(t.store.raw))
	b.storeSize += uint64(len(t.store.data))
	_, err := b.out.Write(t.store.data)
	return err
}

// section writes a whole section.
func (b *bm25Builder) section(name string, data []byte) error {
	b.out.Begin(name)
	_, err := b.out.Write(data)
	return err
}

// finish numbers the documents and writes everything behind the store.
func (b *bm25Builder) finish(ctx context.Context) error {
	number, err := numberDocuments(b.ids)
	if err != nil {
		return err
	}
	data, groups := encodeIDs(b.ids, number)
	b.ids = nil
	if err := b.section("ids", data); err != nil {
		return err
	}
	if err := b.section("idgroups", groups); err != nil {
		return err
	}
	if !b.opts.NoDocuments {
		arrivals := make([]byte, 4*len(number))
		for arrival, doc := range number {
			le.PutUint32(arrivals[4*doc:], uint32(arrival))
		}
		if err := b.section("arrivals", arrivals); err != nil {
			return err
		}
		if err := b.section("storeblocks", b.storeIndex); err != nil {
			return err
		}
	}
	meta := bm25Meta{Options: b.opts.String(), Documents: len(number), Scale: b.scale}
	for f := range b.fields {
		m, err := b.field(ctx, f, number)
		if err != nil {
			return err
		}
		meta.Fields = append(meta.Fields, m)
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return b.section("meta", text)
}

// field writes one field's lengths, postings and dictionary.
func (b *bm25Builder) field(ctx context.Context, f int, number []uint32) (m FieldStats, err error) {
	lengths := make([]uint32, len(number))
	for arrival, n := range b.lengths[f] {
		lengths[number[arrival]] = n
		m.Tokens += int64(n)
		if n > 0 {
			m.Documents++
		}
	}
	b.lengths[f] = nil
	var files []*runFile
	for _, w := range b.workers {
		if r := w.inverters[f].runs; r != nil {
			files = append(files, r)
		}
	}
	runs := runReaders(files, b.opts.Memory)
	return b.writeField(f, lengths, m, func(emit emitTerm) error { return mergeRuns(ctx, runs, number, emit) })
}

// emitTerm takes a term with its postings, sorted by document, and the sum of their frequencies. The list is its own until it
// returns.
type emitTerm func(name []byte, list []posting, cf int64) error

// writeField writes the field whose documents have these lengths and the counts m; terms hands out its terms in order.
func (b *bm25Builder) writeField(f int, lengths []uint32, m FieldStats, terms func(emitTerm) error) (FieldStats, error) {
	m.Name = b.fields[f]
	codes, err := newLengthCodes(lengths, b.opts.ExactLengths)
	if err != nil {
		return m, err
	}
	suffix := fmt.Sprint(".", f)
	if err := b.writeCodes(suffix, &codes); err != nil {
		return m, err
	}
	e := &listEncoder{formula: newFormula(b.opts, m.Documents, m.Tokens, codes.lengths), codes: &codes}
	dict := &termWriter{}
	b.out.Begin("postings" + suffix)
	err = terms(func(name []byte, list []posting, cf int64) error {
		m.Terms++
		if len(list) == 1 {
			dict.add(name, 1, cf, list[0].doc(), 0)
			return nil
		}
		data := e.encode(list, cf)
		dict.add(name, int64(len(list)), cf, 0, len(data))
		if len(dict.data) > 1<<32-1 {
			return fmt.Errorf("index: the terms of field %s take more than 4 GiB", m.Name)
		}
		_, err := b.out.Write(data)
		return err
	})
	if err != nil {
		return m, err
	}
	if _, err := b.out.Write(make([]byte, packPad)); err != nil {
		return m, err
	}
	if err := b.section("terms"+suffix, dict.data); err != nil {
		return m, err
	}
	return m, b.section("termgroups"+suffix, dict.groups)
}

func (b *bm25Builder) writeCodes(suffix string, codes *lengthCodes) error {
	if codes.bytes != nil {
		return b.section("lengths"+suffix, codes.bytes)
	}
	if err := b.section("lengths"+suffix, codes.exact); err != nil {
		return err
	}
	var distinct []byte
	for _, n := range codes.lengths {
		distinct = le.AppendUint32(distinct, n)
	}
	return b.section("lengthset"+suffix, distinct)
}
