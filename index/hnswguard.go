package index

import (
	"fmt"
	"sync/atomic"

	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/internal/sections"
)

// hnswGuard compares of a mapped file what searches touch with its checksums, a row when it is first touched, so that an index opens
// without being read. Rows that are on the disk only are asked for together.
type hnswGuard struct {
	file  *sections.File
	lists bitSet // rows whose links on layer 0 were compared, and the vectors that these lead to
	near  bitSet // rows whose vectors that the graph is walked by were compared
	exact bitSet // and those kept for exact scores
}

// bitSet is a set of rows that many may add to at once.
type bitSet []atomic.Uint32

func newBitSet(n int) bitSet       { return make(bitSet, (n+31)/32) }
func (s bitSet) has(i uint32) bool { return s[i/32].Load()>>(i%32)&1 == 1 }
func (s bitSet) add(i uint32)      { s[i/32].Or(1 << (i % 32)) }

func newHNSWGuard(file *sections.File, rows int) *hnswGuard {
	return &hnswGuard{file: file, lists: newBitSet(rows), near: newBitSet(rows), exact: newBitSet(rows)}
}

// trustLinks reports what is wrong with the links of row i on layer 0, or with the vectors of the rows they lead to.
func (g *graph) trustLinks(i uint32) error {
	if g.guard == nil || g.guard.lists.has(i) {
		return nil
	}
	width := 2 * g.m * 4
	if _, err := g.guard.file.Range("links0", int(i)*width, (int(i)+1)*width); err != nil {
		return err
	}
	if err := g.checkLinks(i, 0); err != nil {
		return err
	}
	if err := g.trustRows("vectors", g.neighbours(i, 0)); err != nil {
		return err
	}
	g.guard.lists.add(i)
	return nil
}

// trustRows reports what is wrong with the bytes of rows in a section of vectors.
func (g *graph) trustRows(section string, rows []uint32) error {
	if g.guard == nil {
		return nil
	}
	seen := g.guard.near
	if section == "exact" {
		seen = g.guard.exact
	}
	data, err := g.guard.file.Unchecked(section)
	if err != nil {
		return err
	}
	width := len(data) / len(g.levels)
	fresh := 0
	for _, row := range rows {
		if !seen.has(row) {
			fresh++
		}
	}
	if fresh == 0 {
		return nil
	}
	for _, row := range rows {
		if fresh > 1 && !seen.has(row) {
			mmap.WillNeed(data[int(row)*width : (int(row)+1)*width])
		}
	}
	for _, row := range rows {
		if seen.has(row) {
			continue
		}
		if _, err := g.guard.file.Range(section, int(row)*width, (int(row)+1)*width); err != nil {
			return err
		}
		seen.add(row)
	}
	return nil
}

// checkLinks refuses links of row i that lead nowhere: checksums guard against accidents, not against a file made to harm.
func (g *graph) checkLinks(i uint32, layer int) error {
	for _, to := range g.neighbours(i, layer) {
		if int(to) >= len(g.levels) || int(g.levels[to]) < layer {
			return fmt.Errorf("links of row %d: %w", i, sections.ErrDamaged)
		}
	}
	return nil
}

// checkUpper refuses counts that are too large, and links of the layers above 0 that lead nowhere.
func (g *graph) checkUpper() error {
	for i, level := range g.levels {
		if int(g.count0[i]) > 2*g.m {
			return fmt.Errorf("section count0, row %d: %w", i, sections.ErrDamaged)
		}
		for layer := 1; layer <= int(level); layer++ {
			if int(g.countU[int(g.base[i])+layer-1]) > g.m {
				return fmt.Errorf("section countu, row %d: %w", i, sections.ErrDamaged)
			}
			if err := g.checkLinks(uint32(i), layer); err != nil {
				return err
			}
		}
	}
	return nil
}

// Verify compares the whole file with its checksums, and follows every link.
func (h *HNSW) Verify() error {
	if h.file == nil {
		return nil
	}
	if h.mapped != nil { // read in order for once
		mmap.Normal(h.mapped.Data)
		defer h.adviseRandom()
	}
	if err := h.file.Verify(); err != nil {
		return err
	}
	for i := range h.g.levels {
		if err := h.g.checkLinks(uint32(i), 0); err != nil {
			return err
		}
	}
	return nil
}

// adviseRandom tells the system that the largest rows are read here and there: those kept for exact scores, else those that the graph
// is walked by. Links and small codes are best read ahead: nearly all of them are soon needed.
func (h *HNSW) adviseRandom() {
	name := "vectors"
	if h.meta.Keep != "" {
		name = "exact"
	}
	if data, err := h.file.Unchecked(name); err == nil {
		mmap.Random(data)
	}
}
