package model

import (
	"context"
	"fmt"
	"math"
	"math/bits"
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

// newEngine packs the network's weights, and those of the dense layers behind its pooling, in the format, on so many threads.
func newEngine(ctx context.Context, k *kernel.Kernels, f kernel.Format, threads int, n *Network, dense []*Linear) (*engine, error) {
	e := &engine{k: k, format: f, net: n, pieceTokens: 128, packed: make([]*kernel.Packed, slots(n, dense)), ropes: map[*Rotary]*turns{}, bias: map[*RelativeBias]*biasTable{}}
	p := &packer{engine: e, gated: map[*Linear]bool{}}
	Forward(p, n, &Batch{Offsets: []int{0}}, n.Layers)
	for _, d := range dense {
		p.add(kernel.FormatF32, d)
	}
	return e, p.run(ctx, threads)
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
	groups [][]*Linear
	format []kernel.Format
	gated  map[*Linear]bool // gates, whose rows alternate with their values'
}

type nothing struct{}

func (p *packer) add(f kernel.Format, ws ...*Linear) {
	p.groups, p.format = append(p.groups, ws), append(p.format, f)
}

// run packs the groups that were added, several at a time, side by side.
func (p *packer) run(ctx context.Context, threads int) error {
	errs, total := make([]error, len(p.groups)), 0
	for i, g := range p.groups {
		total += packedBytes(p.k, p.format[i], g...)
	}
	if !pages.Room(total) { // Go would end the process
		return fmt.Errorf("model: its weights take %.1f GiB in %s, which the system does not give", float64(total)/(1<<30), dtypeOf(p.engine.format))
	}
	p.shelf = p.k.NewShelf(total)
	pool := kernel.NewPool(threads)
	defer pool.Close()
	pool.Each(len(p.groups), func(_, i int) {
		g := p.groups[i]
		if p.gated[g[0]] {
			p.packed[g[0].W.Slot], errs[i] = packGated(ctx, p.shelf, p.format[i], g[0], g[1])
		} else {
			p.packed[g[0].W.Slot], errs[i] = pack(ctx, p.shelf, p.format[i], g...)
		}
	})
	for _, err := range errs {
		if err != nil {
			p.shelf.Free()
			return err
		}
	}
	return nil
}

// outputs are the rows of linear maps together.
func outputs(ws []*Linear) int {
	n := 0
	for _, w := range ws {
		n += w.W.Rows
	}
	return n
}

// packedBytes is what pack puts on a shelf.
func packedBytes(k *kernel.Kernels, f kernel.Format, ws ...*Linear) int {
	return k.PackedBytes(f, outputs(ws), ws[0].W.Cols)
}

// pack makes one matrix of linear maps of the same input, one below the other, with their biases.
func pack(ctx context.Context, s *kernel.Shelf, f kernel.Format, ws ...*Linear) (*kernel.Packed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out, biased := outputs(ws), false
	for _, w := range ws {
		biased = biased || w.B != nil
	}
	rows := rowReader{ctx: ctx, maps: ws}
	packed := s.Pack(f, out, ws[0].W.Cols, rows.next)
	if rows.err != nil {
		return nil, fmt.Errorf("model: %s: %w", ws[0].W.Name, rows.err)
	}
	if biased {
		packed.SetBias(biases(ws, out))
	}
	return packed, nil
}

// packGated is pack for gates and their values as products with kernel.Fused.Gated take them.
func packGated(ctx context.Context, s *kernel.Shelf, f kernel.Format, gate, up *Linear) (*kernel.Packed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	const n = kernel.GateChannels
	readers := [2]rowReader{{ctx: ctx, maps: []*Linear{gate}}, {ctx: ctx, maps: []*Linear{up}}}
	packed := s.Pack(f, 2*gate.W.Rows, gate.W.Cols, func(i int, dst []float32) { readers[i/n%2].next(i, dst) })
	for i, w := range []*Linear{gate, up} {
		if err := readers[i].err; err != nil {
			return nil, fmt.Errorf("model: %s: %w", w.W.Name, err)
		}
	}
	if gate.B != nil || up.B != nil {
		own := biases([]*Linear{gate, up}, 2*gate.W.Rows)
		var b []float32
		for i := 0; i < gate.W.Rows; i += n {
			b = append(append(b, own[i:i+n]...), own[gate.W.Rows+i:][:n]...)
		}
		packed.SetBias(b)
	}
	return packed, nil
}

// gates says whether a layer's gates are applied where its first product is stored.
func (e *engine) gates(m *GatedMLP) bool {
	return m.Act == SiLU && m.Gate.W.Rows == m.Up.W.Rows && m.Gate.W.Rows%kernel.GateChannels == 0 && e.k.Gates(e.format)
}

func biases(ws []*Linear, n int) []float32 {
	b := make([]float32, 0, n)
	for _, w := range ws {
		if w.B != nil {
			b = append(b, w.B.Data...)
		} else {
			b = append(b, make([]float32, w.W.Rows)...)
		}
	}
	return b
}

// rowReader delivers the rows of linear maps one by one, reading them in blocks.
type rowReader struct {
	ctx    context.Context
	maps   []*Linear
	at     int       // next row of maps[0] to read
	block  []float32 // rows read and not delivered, in buffer
	buffer []float32
	err    error
}

const packRows = 64

func (r *rowReader) next(_ int, dst []float32) {
	if len(r.block) == 0 && r.err == nil {
		for r.at == r.maps[0].W.Rows {
			r.maps, r.at = r.maps[1:], 0
		}
		n := min(packRows, r.maps[0].W.Rows-r.at)
		if r.buffer == nil {
			r.buffer = make([]float32, packRows*len(dst))
		}
		r.block = r.buffer[:n*len(dst)]
		if r.err = r.ctx.Err(); r.err == nil {
			r.err = r.maps[0].ReadRows(r.block, r.at)
		}
		r.at += n
	}
	if r.err != nil {
		return
	}
	copy(dst, r.block)
	r.block = r.block[len(dst):]
}

// Embed implements Ops: tables are read from the file, row by row, when they are used.
func (p *packer) Embed(*Matrix, []int32) nothing { return nothing{} }

// Linear implements Ops.
func (p *packer) Linear(_ nothing, w *Linear) nothing { p.add(p.engine.format, w); return nothing{} }

// Linears implements Ops.
func (p *packer) Linears(_ nothing, ws ...*Linear) []nothing {
	p.add(p.engine.format, ws...)
	return make([]nothing, len(ws))
}

// GatedMLP implements Ops.
func (p *packer) GatedMLP(_ nothing, m *GatedMLP) nothing {
	p.add(p.engine.format, m.Gate, m.Up)
	p.add(p.engine.format, m.Down)
	if p.k != nil && p.gates(m) {
		p.gated[m.Gate] = true
	}
	return nothing{}
}

// MLP implements Ops.
func (p *packer) MLP(_ nothing, m *MLP) nothing {
	p.add(p.engine.format, m.Up)
	p.add(p.engine.format, m.Down)
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
	shelf := e.k.NewShelf(packedBytes(e.k, e.format, e.net.head))
	head, err := pack(ctx, shelf, e.format, e.net.head)
	if err != nil {
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
