package model

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/labrador-lab/labrador/internal/pages"
	"github.com/labrador-lab/labrador/kernel"
)

// engine holds what the CPU interpreter's workers share: the packed weights of one network, and tables that grow with the
// longest sequence seen.
type engine struct {
	k           *kernel.Kernels
	format      kernel.Format
	net         *Network
	packed      []*kernel.Packed // by slot of the first matrix of a group
	shelf       *kernel.Shelf    // that they lie on
	pieceTokens int              // of the pieces in which layers take a batch, on each thread

	mu        sync.Mutex
	ropes     map[*Rotary]*turns
	bias      map[*RelativeBias]*biasTable
	head      *kernel.Packed // of the next-token logits, packed when first asked for
	headShelf *kernel.Shelf  // that it lies on
}

// newEngine packs the network's weights, and those of the dense layers behind its pooling, in the format, on so many threads. In int8 channels are balanced
// for what a sample of tokens makes the linear maps multiply; without one they are not.
func newEngine(ctx context.Context, k *kernel.Kernels, f kernel.Format, threads int, n *Network, dense []*Linear, sample *Batch) (*engine, error) {
	e := &engine{k: k, format: f, net: n, pieceTokens: 128, packed: make([]*kernel.Packed, slots(n, dense)), ropes: map[*Rotary]*turns{}, bias: map[*RelativeBias]*biasTable{}}
	p := &packer{engine: e}
	Forward(p, n, &Batch{Offsets: []int{0}}, n.Layers)
	for _, d := range dense {
		p.add(group{maps: []*Linear{d}, format: kernel.FormatF32})
	}
	if f != kernel.FormatInt8 {
		sample = nil
	}
	return e, p.run(ctx, threads, sample)
}

// slots is one more than the highest slot.
func slots(n *Network, dense []*Linear) int {
	top := len(n.Matrices)
	for _, d := range dense {
		top = max(top, d.W.Slot+1)
	}
	return top
}

// packer is the interpreter that finds out which linear maps a network applies together, and packs each group as one matrix.
type packer struct {
	*engine
	groups []group
}

type nothing struct{}

func (p *packer) add(g group) { p.groups = append(p.groups, g) }

// addMaps is add for maps in the engine's format.
func (p *packer) addMaps(ws ...*Linear) { p.add(group{maps: ws, format: p.engine.format}) }

// run packs the groups that were added: several at a time, side by side, but for those that a sample is to balance.
func (p *packer) run(ctx context.Context, threads int, sample *Batch) error {
	total, weights := 0, int64(0)
	for _, g := range p.groups {
		weights += int64(g.outputs()) * int64(g.maps[0].W.Cols)
		total += p.k.PackedBytes(g.format, g.outputs(), g.maps[0].W.Cols)
	}
	if !pages.Room(total) { // Go would end the process
		return fmt.Errorf("model: its weights take %.1f GiB in %s, which the system does not give", float64(total)/(1<<30), dtypeOf(p.engine.format))
	}
	p.shelf = p.k.NewShelf(total)
	meter := newMeter(ctx, "packing", "weights", weights)
	for i := range p.groups {
		p.groups[i].meter = meter
	}
	err := p.fill(ctx, threads, sample)
	if err != nil {
		p.shelf.Free()
	}
	return err
}

// fill places all groups on the shelf and packs them.
func (p *packer) fill(ctx context.Context, threads int, sample *Batch) error {
	var now, balanced []group
	for _, g := range p.groups {
		p.packed[g.slot()] = g.place(p.shelf)
		if sample != nil && g.format == p.engine.format {
			balanced = append(balanced, g)
		} else {
			now = append(now, g)
		}
	}
	errs, pool := make([]error, len(now)), kernel.NewPool(threads)
	pool.Each(len(now), func(_, i int) { errs[i] = now[i].fill(ctx, p.packed[now[i].slot()], 0, now[i].outputs()) })
	pool.Close()
	if err := cmp.Or(errs...); err != nil || len(balanced) == 0 {
		return err
	}
	return p.balance(ctx, threads, balanced, sample)
}

// group is linear maps of the same input that are one matrix, one below the other.
type group struct {
	maps   []*Linear
	format kernel.Format
	gated  bool // a gate and its values, whose rows alternate as products with kernel.Fused.Gated take them
	meter  *meter
}

// slot is where the group's matrix stands.
func (g *group) slot() int { return g.maps[0].W.Slot }

// outputs are the rows of the group's maps together.
func (g *group) outputs() int {
	n := 0
	for _, w := range g.maps {
		n += w.W.Rows
	}
	return n
}

// place makes the group's matrix, with its biases and without weights.
func (g *group) place(s *kernel.Shelf) *kernel.Packed {
	w := s.Place(g.format, g.outputs(), g.maps[0].W.Cols)
	if slices.ContainsFunc(g.maps, func(l *Linear) bool { return l.B != nil }) {
		w.SetBias(g.biases())
	}
	return w
}

// fill packs channels from to to.
func (g *group) fill(ctx context.Context, w *kernel.Packed, from, to int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !g.gated {
		r := rowReader{ctx: ctx, meter: g.meter, maps: g.maps, at: from}
		w.Fill(from, to, r.next)
		r.count()
		return r.err
	}
	readers := [2]rowReader{{ctx: ctx, meter: g.meter, maps: g.maps[:1], at: from / 2}, {ctx: ctx, meter: g.meter, maps: g.maps[1:], at: from / 2}}
	w.Fill(from, to, func(i int, dst []float32) { readers[i/kernel.GateChannels%2].next(i, dst) })
	readers[0].count()
	readers[1].count()
	return cmp.Or(readers[0].err, readers[1].err)
}

// gates says whether a layer's gates are applied where its first product is stored.
func (e *engine) gates(m *GatedMLP) bool {
	return m.Act == SiLU && m.Gate.W.Rows == m.Up.W.Rows && m.Gate.W.Rows%kernel.GateChannels == 0 && e.k.Gates(e.format)
}

// biases are those of the group's channels, in their order.
func (g *group) biases() []float32 {
	b := make([]float32, 0, g.outputs())
	for _, w := range g.maps {
		if w.B != nil {
			b = append(b, w.B.Data...)
		} else {
			b = append(b, make([]float32, w.W.Rows)...)
		}
	}
	if !g.gated {
		return b
	}
	const n = kernel.GateChannels
	var mixed []float32
	for i, half := 0, len(b)/2; i < half; i += n {
		mixed = append(append(mixed, b[i:i+n]...), b[half+i:][:n]...)
	}
	return mixed
}

// rowReader delivers the rows of linear maps one by one, reading them in blocks.
type rowReader struct {
	ctx    context.Context
	meter  *meter
	maps   []*Linear
	at     int       // next row to read, counted from the first of maps
	block  []float32 // rows read and not delivered, in buffer
	buffer []float32
	given  int64 // values delivered and not counted yet
	err    error
}

const packRows = 64

func (r *rowReader) next(_ int, dst []float32) {
	if len(r.block) == 0 && r.err == nil {
		for r.at >= r.maps[0].W.Rows {
			r.maps, r.at = r.maps[1:], r.at-r.maps[0].W.Rows
		}
		n := min(packRows, r.maps[0].W.Rows-r.at)
		if r.buffer == nil {
			r.buffer = make([]float32, packRows*len(dst))
		}
		r.block = r.buffer[:n*len(dst)]
		if r.err = r.ctx.Err(); r.err == nil {
			if r.err = r.maps[0].ReadRows(r.block, r.at); r.err != nil {
				r.err = fmt.Errorf("model: %s: %w", r.maps[0].W.Name, r.err)
			}
		}
		r.at += n
		r.count()
	}
	if r.err != nil {
		return
	}
	copy(dst, r.block)
	r.block = r.block[len(dst):]
	r.given += int64(len(dst))
}

// count tells the meter what was delivered since the last time.
func (r *rowReader) count() {
	r.meter.add(r.given)
	r.given = 0
}

// Embed implements Ops: tables are read from the file, row by row, when they are used.
func (p *packer) Embed(*Matrix, []int32) nothing { return nothing{} }

// Linear implements Ops.
func (p *packer) Linear(_ nothing, w *Linear) nothing { p.addMaps(w); return nothing{} }

// Linears implements Ops.
func (p *packer) Linears(_ nothing, ws ...*Linear) []nothing {
	p.addMaps(ws...)
	return make([]nothing, len(ws))
}

// GatedMLP implements Ops.
func (p *packer) GatedMLP(_ nothing, m *GatedMLP) nothing {
	p.add(group{maps: []*Linear{m.Gate, m.Up}, format: p.engine.format, gated: p.k != nil && p.gates(m)})
	p.addMaps(m.Down)
	return nothing{}
}

// MLP implements Ops.
func (p *packer) MLP(_ nothing, m *MLP) nothing {
	p.addMaps(m.Up)
	p.addMaps(m.Down)
	return nothing{}
}

// Rope implements Ops.
func (p *packer) Rope(_ nothing, r *Rotary) nothing {
	p.ropes[r] = &turns{}
	return nothing{}
}

// Attention implements Ops.
func (p *packer) Attention(_, _, _ nothing, a *Attention) nothing {
	if a.Bias != nil {
		p.bias[a.Bias] = &biasTable{}
	}
	return nothing{}
}

// The rest of Ops has no weights to pack.

func (p *packer) RMSNorm(nothing, *Vector, float64) nothing            { return nothing{} }
func (p *packer) LayerNorm(nothing, *Vector, *Vector, float64) nothing { return nothing{} }
func (p *packer) Activate(nothing, Activation) nothing                 { return nothing{} }
func (p *packer) Add(nothing, nothing) nothing                         { return nothing{} }
func (p *packer) Scale(nothing, float64) nothing                       { return nothing{} }
func (p *packer) Keep(nothing) nothing                                 { return nothing{} }
func (p *packer) Pool(nothing, Pooling) nothing                        { return nothing{} }
func (p *packer) Result(nothing) nothing                               { return nothing{} }
func (p *packer) Normalize(nothing) nothing                            { return nothing{} }

// Layer implements Ops.
func (p *packer) Layer(_ int, _ nothing, f func(nothing) nothing) nothing { return f(nothing{}) }

// turns are the cosines and sines of a rotation for positions 0, 1, ...
type turns struct {
	half     int
	cos, sin []float32 // (positions, half)
}

// newTurns makes the tables for n positions with the frequencies; scale multiplies both.
func newTurns(freqs []float64, scale float64, n int) *turns {
	t := &turns{half: len(freqs), cos: make([]float32, n*len(freqs)), sin: make([]float32, n*len(freqs))}
	for p := range n {
		for i, f := range freqs {
			sin, cos := math.Sincos(float64(p) * f)
			t.cos[p*t.half+i], t.sin[p*t.half+i] = float32(cos*scale), float32(sin*scale)
		}
	}
	return t
}

func (t *turns) at(p int) (cos, sin []float32) {
	return t.cos[p*t.half : (p+1)*t.half], t.sin[p*t.half : (p+1)*t.half]
}

// turns returns the tables of r for sequences of up to n tokens, for which its frequencies are the same.
func (e *engine) turns(r *Rotary, n int) *turns {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.ropes[r]; t != nil && len(t.cos) >= n*len(r.Freqs) {
		return t
	}
	e.ropes[r] = newTurns(r.Freqs, r.Scale, roundUpPower(n))
	return e.ropes[r]
}

// biasTable is a relative bias by head and distance.
type biasTable struct {
	reach  int
	values []float32 // (heads, 2*reach+1)
}

// biasTable returns b's table for sequences of up to n tokens.
func (e *engine) biasTable(b *RelativeBias, n int) (*biasTable, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.bias[b]; t != nil && t.reach >= n {
		return t, nil
	}
	buckets, heads := b.Table.Rows, b.Table.Cols
	table := make([]float32, buckets*heads)
	if err := b.Table.fetchRows(table, 0); err != nil {
		return nil, err
	}
	t := &biasTable{reach: roundUpPower(n)}
	t.values = make([]float32, heads*(2*t.reach+1))
	for d := -t.reach; d <= t.reach; d++ {
		bucket := b.Bucket(d)
		for h := range heads {
			t.values[h*(2*t.reach+1)+d+t.reach] = table[bucket*heads+h]
		}
	}
	e.bias[b] = t
	return t, nil
}

// roundUpPower is the next power of two, at least 64.
func roundUpPower(n int) int { return 1 << max(6, bits.Len(uint(max(n-1, 1)))) }

// logitsHead packs the map from states to logits when it is first asked for.
func (e *engine) logitsHead(ctx context.Context) (*kernel.Packed, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.head != nil {
		return e.head, nil
	}
	g := group{maps: []*Linear{e.net.head}, format: e.format}
	shelf := e.k.NewShelf(e.k.PackedBytes(g.format, g.outputs(), e.net.head.W.Cols))
	head := g.place(shelf)
	if err := g.fill(ctx, head, 0, g.outputs()); err != nil {
		shelf.Free()
		return nil, err
	}
	e.head, e.headShelf = head, shelf
	return head, nil
}

// free gives the packed weights' memory back.
func (e *engine) free() {
	e.shelf.Free()
	if e.headShelf != nil {
		e.headShelf.Free()
	}
}
