package eval

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/labrador-lab/labrador"
)

// File measures the TREC run file at path ("-": standard input, which is copied to a temporary file first), compressed or not, without holding it in memory: it needs a few
// blocks of 4 MB, the judgements and the values, however long the run is. A file that comes back to a query after others is measured too, but then
// the lines of the judged queries are held. Equal to PerQuery of labrador.ReadRun, and to trec_eval.
//
// An error names file, and line or query and document.
func File(ctx context.Context, measures []Measure, qrels labrador.Qrels, path string, opts Options) (*Result, error) {
	t, err := newTable(qrels)
	if err != nil {
		return nil, err
	}
	return fileAgainst(ctx, measures, t, path, opts)
}

func fileAgainst(ctx context.Context, measures []Measure, t *table, path string, opts Options) (*Result, error) {
	s, err := newSheet(ctx, measures, t, opts)
	if err != nil {
		return nil, err
	}
	if name, in := onceOnly(path); in != nil {
		spooled, err := spool(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defer os.Remove(spooled)
		return file(ctx, s, &fileReader{path: spooled, name: name})
	}
	return file(ctx, s, &fileReader{path: path, name: path})
}

// onceOnly opens what cannot be read a second time: standard input and pipes. The reader is nil for anything else.
func onceOnly(path string) (name string, in io.ReadCloser) {
	if path == "-" {
		return "standard input", io.NopCloser(os.Stdin)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() || info.IsDir() {
		return path, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return path, nil
	}
	return path, f
}

func file(ctx context.Context, s *sheet, f *fileReader) (*Result, error) {
	f.sheet, f.unknown = s, map[string]bool{}
	if err := f.stream(ctx); err != nil {
		return nil, err
	}
	if f.scattered.Load() {
		if err := f.gather(ctx); err != nil {
			return nil, err
		}
	}
	for id := range f.unknown {
		s.stray(id)
	}
	r, err := s.result(f.tag)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return r, nil
}

// spool copies what can be read only once to a temporary file, since a run may have to be read twice.
func spool(in io.ReadCloser) (string, error) {
	defer in.Close()
	f, err := os.CreateTemp("", "labrador-run-*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, in)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// fileReader measures one file into a sheet.
type fileReader struct {
	sheet     *sheet
	path      string
	name      string        // of the file in errors
	taken     []atomic.Bool // (query): a worker has its hits
	scattered atomic.Bool   // a query, or a document, came twice: gather finds out which

	mu      sync.Mutex
	unknown map[string]bool // queries without judgements
	errSeq  int             // block of err
	err     error           // the first in file order
	tagSeq  int
	tag     string // of the last line
}

// stream measures the file block by block on all processors.
func (f *fileReader) stream(parent context.Context) error {
	f.taken = make([]atomic.Bool, len(f.sheet.table.ids))
	return f.eachBlock(parent, runtime.GOMAXPROCS(0), func() func(block) error {
		w := &worker{f: f}
		return w.block
	})
}

// eachBlock opens the file and has every block handled, each by one of the given number of workers. The first error in file order ends it.
func (f *fileReader) eachBlock(parent context.Context, workers int, newWorker func() func(block) error) error {
	in, err := labrador.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	ctx, stop := context.WithCancel(parent)
	defer stop()
	free, blocks := make(chan []byte, workers+2), make(chan block, 1)
	for range cap(free) {
		free <- nil
	}
	var wg sync.WaitGroup
	for range workers {
		handle := newWorker()
		wg.Go(func() {
			for b := range blocks {
				if err := handle(b); err != nil {
					f.fail(b.seq, err)
					stop()
				}
				free <- b.data
			}
		})
	}
	err = cutBlocks(ctx, in, free, blocks)
	close(blocks)
	wg.Wait()
	switch {
	case parent.Err() != nil:
		return parent.Err()
	case f.err != nil:
		return f.located(f.err)
	case err != nil:
		return f.located(err)
	}
	return nil
}

// lineError is an error with its line, from 1.
type lineError struct {
	line int
	error
}

// Unwrap gives the cause.
func (e lineError) Unwrap() error { return e.error }

func (f *fileReader) located(err error) error {
	if at, ok := err.(lineError); ok {
		return fmt.Errorf("%s:%d: %w", f.name, at.line, at.error)
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

func (f *fileReader) fail(seq int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || seq < f.errSeq {
		f.err, f.errSeq = err, seq
	}
}

// worker parses blocks and measures their queries.
type worker struct {
	f    *fileReader
	g    grouper
	cur  []byte // query of the hits in g
	open bool
	idx  int // its index in the table; -1 without judgements
	tag  []byte
}

func (w *worker) block(b block) error {
	w.tag = nil
	for rest, n := b.data, b.lines+1; len(rest) > 0; n++ {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if err := w.line(line); err != nil {
			return lineError{n, err}
		}
	}
	w.end()
	if w.tag != nil {
		w.f.keepTag(b.seq, w.tag)
	}
	return nil
}

func (f *fileReader) keepTag(seq int, tag []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tag == "" || seq > f.tagSeq {
		f.tag, f.tagSeq = string(tag), seq
	}
}

func (w *worker) line(line []byte) error {
	if len(line) > maxLine {
		return fmt.Errorf("line longer than %d bytes", maxLine)
	}
	l, err := labrador.ParseRunLine(line)
	if err != nil {
		if labrador.Blank(line) {
			return nil
		}
		return err
	}
	if line[0] == '#' {
		return nil
	}
	w.tag = l.Tag
	if !w.open || !bytes.Equal(l.Query, w.cur) {
		w.end()
		w.begin(l.Query)
	}
	if w.idx >= 0 {
		w.g.add(unsafe.String(unsafe.SliceData(l.Doc), len(l.Doc)), l.Score)
	}
	return nil
}

func (w *worker) begin(query []byte) {
	w.cur, w.open, w.idx = query, true, -1
	w.g.reset()
	if i, ok := w.f.sheet.table.index[string(query)]; ok {
		w.idx = int(i)
		return
	}
	w.f.mu.Lock()
	if !w.f.unknown[string(query)] {
		w.f.unknown[string(query)] = true
	}
	w.f.mu.Unlock()
}

// end measures the query whose lines are over.
func (w *worker) end() {
	if !w.open {
		return
	}
	w.open = false
	if w.idx < 0 {
		return
	}
	if w.f.taken[w.idx].Swap(true) {
		w.f.scattered.Store(true)
		return
	}
	if w.f.scattered.Load() {
		return // all will be measured again
	}
	if err := w.f.sheet.measure(w.idx, &w.g); err != nil {
		w.f.scattered.Store(true)
	}
}

// gather measures a file whose queries are not in one piece each: it collects the lines of every judged query, then measures query by query.
// It also names what is wrong in a file with a document twice, always the same one.
func (f *fileReader) gather(ctx context.Context) error {
	kept := make([][]byte, len(f.sheet.table.ids))
	last := -1
	var query []byte
	err := f.eachBlock(ctx, 1, func() func(block) error {
		return func(b block) error {
			query = nil
			for line := range bytes.Lines(b.data) {
				q := queryOf(line)
				if len(q) == 0 {
					continue
				}
				if query == nil || !bytes.Equal(q, query) {
					query, last = q, -1
					if i, ok := f.sheet.table.index[string(q)]; ok {
						last = int(i)
					}
				}
				if last >= 0 {
					kept[last] = append(kept[last], line...)
					if line[len(line)-1] != '\n' {
						kept[last] = append(kept[last], '\n')
					}
				}
			}
			return nil
		}
	})
	if err != nil {
		return err
	}
	err = f.sheet.each(func(i int, g *grouper) error {
		for line := range bytes.Lines(kept[i]) {
			l, _ := labrador.ParseRunLine(line) // parsed before
			g.add(unsafe.String(unsafe.SliceData(l.Doc), len(l.Doc)), l.Score)
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return err
}
