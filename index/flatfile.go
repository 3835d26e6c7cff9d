package index

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"

	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/internal/sections"
	"github.com/labrador-lab/labrador/kernel"
)

// A Flat's file is a container of package sections of kind "flat", version 1:
//
//	vectors     the rows in the index's format: float32, bfloat16, int8, or bits in words of 64 (bit d of a row is bit d%64
//	            of word d/64, 1 for values above 0)
//	scales      Int8: one float32 per row, value = code * scale
//	exact       where Keep is set: the rows as float32 or bfloat16
//	ids, idoffsets, idranks   the documents' ids, where each begins, and each row's place among the ids sorted descending
//	meta        the settings and the shape, as JSON
const flatVersion = 1

const flatKind = "flat"

const flatBlock = 1024 // rows that are read, converted and written at a time

// BuildFlat writes an index of the source's vectors, which ids name, to the file path. The file appears whole or not at all.
func BuildFlat(ctx context.Context, path string, ids []string, src VectorSource, opts FlatOptions) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	rows, cols := src.Shape()
	if len(ids) != rows {
		return fmt.Errorf("index: %d ids for %d vectors", len(ids), rows)
	}
	table, err := newIDTable(ids)
	if err != nil {
		return err
	}
	o := opts.withDefaults()
	meta := flatMeta{Format: o.Format, Metric: o.Metric, Keep: o.Keep, Oversample: o.Oversample, Rows: rows, Dims: cols}
	if err := meta.check(); err != nil {
		return err
	}
	return atomicfile.Write(path, func(out io.Writer) error {
		w := sections.NewWriter(out, flatKind, flatVersion, sections.Megabyte)
		b := flatBuilder{ctx: ctx, w: w, src: src, meta: &meta, k: kernel.Current()}
		w.Begin("vectors")
		if err := b.rows(o.Format); err != nil {
			return err
		}
		if o.Format == Int8 {
			w.Begin("scales")
			w.Write(bytesOf(b.scales))
		}
		if o.Keep != "" {
			w.Begin("exact")
			if err := b.rows(o.Keep); err != nil {
				return err
			}
		}
		return b.finish(table)
	})
}

// finish writes what follows the vectors.
func (b *flatBuilder) finish(table *idTable) error {
	table.write(b.w)
	b.w.Begin("meta")
	if err := json.NewEncoder(b.w).Encode(b.meta); err != nil {
		return err
	}
	return b.w.Close()
}

type flatBuilder struct {
	ctx    context.Context
	w      *sections.Writer
	src    VectorSource
	meta   *flatMeta
	k      *kernel.Kernels
	scales []float32
}

// rows writes all rows of the source in one format.
func (b *flatBuilder) rows(format Format) error {
	rows, cols := b.src.Shape()
	block := make([]float32, flatBlock*cols)
	for lo := 0; lo < rows; lo += flatBlock {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		hi := min(rows, lo+flatBlock)
		part := block[:(hi-lo)*cols]
		if err := b.src.Read(part, lo, hi); err != nil {
			return fmt.Errorf("index: vectors %d to %d: %w", lo, hi, err)
		}
		if err := checkFinite(part, lo, cols); err != nil {
			return err
		}
		for r := 0; r < len(part); r += cols {
			row := part[r : r+cols]
			if b.meta.Metric == Cosine {
				b.k.Normalize(row, row)
			}
			length := norm(row)
			if math.IsInf(float64(length), 0) {
				return fmt.Errorf("index: vector %d is longer than float32 holds: scale the vectors down, or compare them by cosine", lo+r/cols)
			}
			b.meta.MaxNorm = max(b.meta.MaxNorm, length)
		}
		if _, err := b.w.Write(b.convert(part, format)); err != nil {
			return err
		}
	}
	return nil
}

// convert is the bytes of rows in a format.
func (b *flatBuilder) convert(part []float32, format Format) []byte {
	cols := b.meta.Dims
	switch format {
	case F32:
		return bytesOf(part)
	case BF16:
		out := make([]kernel.BF16, len(part))
		b.k.BF16FromF32(out, part)
		return bytesOf(out)
	case Int8:
		out := make([]int8, len(part))
		for r := 0; r < len(part); r += cols {
			b.scales = append(b.scales, b.k.QuantizeInt8(out[r:r+cols], part[r:r+cols]))
		}
		return bytesOf(out)
	}
	var out []uint64
	for r := 0; r < len(part); r += cols {
		out = appendSigns(out, part[r:r+cols])
	}
	return bytesOf(out)
}

// appendSigns appends the signs of v in words of 64: 1 for values above 0.
func appendSigns(out []uint64, v []float32) []uint64 {
	for i := 0; i < len(v); i += 64 {
		var word uint64
		for j, x := range v[i:min(len(v), i+64)] {
			if x > 0 {
				word |= 1 << j
			}
		}
		out = append(out, word)
	}
	return out
}

// OpenFlat maps the index file path. Ids and settings are checked now, vectors when a search first touches them.
func OpenFlat(path string) (*Flat, error) {
	mapped, err := mmap.Open(path)
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	f, err := readFlat(mapped.Data)
	if err != nil {
		mapped.Close()
		return nil, fmt.Errorf("index: %s: %w", path, err)
	}
	f.mapped = mapped
	return f, nil
}

func readFlat(data []byte) (*Flat, error) {
	file, err := sections.Read(data, flatKind)
	if err != nil {
		return nil, err
	}
	if file.Version != flatVersion {
		return nil, fmt.Errorf("version %d, this program reads %d: build the index again", file.Version, flatVersion)
	}
	f := &Flat{file: file, k: kernel.Current(), threads: runtime.GOMAXPROCS(0)}
	meta, err := file.Section("meta")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(meta, &f.meta); err != nil {
		return nil, fmt.Errorf("section meta: %w", err)
	}
	if err := f.meta.check(); err != nil {
		return nil, fmt.Errorf("section meta: %w", err)
	}
	if f.ids, err = readIDTable(file, f.meta.Rows); err != nil {
		return nil, err
	}
	if err := f.attach("vectors", f.meta.Format, &f.f32, &f.bf16); err != nil {
		return nil, err
	}
	if f.meta.Format == Int8 {
		if f.scales, err = sectionOf[float32](file, "scales", f.meta.Rows); err != nil {
			return nil, err
		}
	}
	if f.meta.Keep != "" {
		err = f.attach("exact", f.meta.Keep, &f.exact32, &f.exact16)
	}
	return f, err
}

// attach views a section of rows without reading it.
func (f *Flat) attach(name string, format Format, f32 *[]float32, bf16 *[]kernel.BF16) error {
	data, err := f.file.Unchecked(name)
	if err != nil {
		return err
	}
	n, ok := f.meta.Rows*f.meta.Dims, false
	switch format {
	case F32:
		*f32, ok = numbersOf[float32](data, n)
	case BF16:
		*bf16, ok = numbersOf[kernel.BF16](data, n)
	case Int8:
		f.codes, ok = numbersOf[int8](data, n)
	case Binary:
		f.bits, ok = numbersOf[uint64](data, f.meta.Rows*f.meta.words())
	}
	if !ok {
		return fmt.Errorf("section %s: %d bytes for %d rows: %w", name, len(data), f.meta.Rows, sections.ErrDamaged)
	}
	return nil
}

// touch compares the bytes of the rows [lo, hi) of a section with their checksums, the first time that they are used.
func (f *Flat) touch(name string, lo, hi int) error {
	if f.file == nil {
		return nil
	}
	data, err := f.file.Unchecked(name)
	if err != nil {
		return err
	}
	width := len(data) / max(1, f.meta.Rows)
	_, err = f.file.Range(name, lo*width, hi*width)
	return err
}

// Verify compares the whole file with its checksums.
func (f *Flat) Verify() error {
	if f.file == nil {
		return nil
	}
	return f.file.Verify()
}
