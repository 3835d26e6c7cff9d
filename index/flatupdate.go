package index

import (
	"context"
	"fmt"
	"io"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/sections"
)

// Changes are documents to remove from a vector index and to add to it. An added document takes the place of one with its id; an
// id to remove that is not there is passed over.
type Changes struct {
	Remove []string
	IDs    []string // of the rows of Add
	Add    labrador.Matrix
}

// Changed says what changes did.
type Changed struct {
	Added    int // documents that were not there before
	Replaced int // documents that took the place of others
	Removed  int // documents that are there no more
}

// check refuses vectors that do not fit an index.
func (c Changes) check(path string, dims int) error {
	if len(c.IDs) != c.Add.Rows || c.Add.Rows > 0 && c.Add.Cols != dims {
		return fmt.Errorf("index: %s: %d ids for %d x %d vectors to add; the index has %d dimensions", path, len(c.IDs), c.Add.Rows, c.Add.Cols, dims)
	}
	return nil
}

// apply says which of the documents of t go, replaced ones too.
func (c Changes) apply(t *idTable) (gone *Filter, done Changed) {
	done.Replaced = t.filter(c.IDs).count
	done.Added = len(c.IDs) - done.Replaced
	gone = t.filter(append(append([]string(nil), c.Remove...), c.IDs...))
	done.Removed = gone.count - done.Replaced
	return gone, done
}

// UpdateFlat applies changes to the index in the file path, which is written anew and replaced at the end, or stays as it was. What
// stays is copied as it is; only the new vectors are in memory.
func UpdateFlat(ctx context.Context, path string, c Changes) (Changed, error) {
	old, err := OpenFlat(path)
	if err != nil {
		return Changed{}, err
	}
	defer old.Close()
	if err := c.check(path, old.meta.Dims); err != nil {
		return Changed{}, err
	}
	gone, done := c.apply(old.ids)
	if done == (Changed{}) {
		return done, nil
	}
	var ids []string
	for i := range old.meta.Rows {
		if !gone.has(i) {
			ids = append(ids, old.ID(i))
		}
	}
	table, err := newIDTable(append(ids, c.IDs...))
	if err != nil {
		return Changed{}, err
	}
	meta := old.meta
	meta.Rows = table.rows()
	if err := meta.check(); err != nil {
		return Changed{}, fmt.Errorf("index: %s: %w", path, err)
	}
	return done, atomicfile.Write(path, func(out io.Writer) error {
		b := flatBuilder{ctx: ctx, w: sections.NewWriter(out, flatKind, flatVersion, sections.Megabyte), src: MatrixSource(c.Add), meta: &meta, k: old.k}
		return old.update(&b, gone, table)
	})
}

// update writes the rows that are not gone and then the builder's.
func (f *Flat) update(b *flatBuilder, gone *Filter, table *idTable) error {
	rows := func(name string, format Format) error {
		if err := f.copyRows(b, name, gone); err != nil {
			return err
		}
		return b.rows(format)
	}
	if err := rows("vectors", f.meta.Format); err != nil {
		return err
	}
	if f.meta.Format == Int8 {
		if err := f.copyRows(b, "scales", gone); err != nil {
			return err
		}
		if _, err := b.w.Write(bytesOf(b.scales)); err != nil {
			return err
		}
	}
	if f.meta.Keep != "" {
		if err := rows("exact", f.meta.Keep); err != nil {
			return err
		}
	}
	return b.finish(table)
}

// copyRows begins a section with the rows of the old one that are not gone.
func (f *Flat) copyRows(b *flatBuilder, name string, gone *Filter) error {
	b.w.Begin(name)
	data, err := f.file.Unchecked(name)
	if err != nil {
		return err
	}
	width := len(data) / max(1, f.meta.Rows)
	for lo := 0; lo < f.meta.Rows; {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		hi := lo
		for hi < f.meta.Rows && hi-lo < flatBlock && !gone.has(hi) {
			hi++
		}
		part, err := f.file.Range(name, lo*width, hi*width)
		if err != nil {
			return err
		}
		if _, err := b.w.Write(part); err != nil {
			return err
		}
		if lo = hi; lo < f.meta.Rows && gone.has(lo) {
			lo++
		}
	}
	return nil
}
