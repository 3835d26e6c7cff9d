package model

import (
	"cmp"
	"context"
	"fmt"

	"github.com/labrador-lab/labrador/kernel"
)

// balancer is the interpreter that packs a network in int8: it runs a sample of tokens on the CPU, and packs linear maps when it comes to them, as it then has
// what they multiply (see kernel.Packed.Balance). What the maps of one layer lose is in the sample of the next.
type balancer struct {
	*worker
	groups map[int]group // by slot, those that are not packed yet
}

// balance packs groups in the order in which the sample comes to them.
func (p *packer) balance(ctx context.Context, threads int, groups []group, sample *Batch) error {
	b := &balancer{newWorker(p.engine, threads), map[int]group{}}
	defer b.worker.close()
	for _, g := range groups {
		b.groups[g.slot()] = g
	}
	p.pieceTokens = len(sample.IDs) // so that each layer sees all of them at once
	b.begin(ctx, sample)
	Forward(b, p.net, sample, p.net.Layers)
	return cmp.Or(b.err, ctx.Err())
}

// pack packs the maps of x that begin with w, once.
func (b *balancer) pack(x rows, w *Linear) {
	b.settle()
	g, ok := b.groups[w.W.Slot]
	if !ok || b.ended() {
		return
	}
	delete(b.groups, w.W.Slot)
	weights, err := g.squares(b.k)
	if err != nil {
		b.err = err
		return
	}
	packed, n := b.packed[w.W.Slot], g.outputs()
	packed.Balance(b.squares(x), weights)
	const each = kernel.FillAtOnce
	some := (n/b.pool.Threads() + each - 1) / each * each // channels of a part, one on each thread: it has buffers of its own
	errs := make([]error, (n+some-1)/some)
	b.pool.Each(len(errs), func(_, i int) { errs[i] = g.fill(b.ctx, packed, i*some, min(n, (i+1)*some)) })
	b.err = cmp.Or(errs...)
}

// squares are sums of squares of the columns of x, whose rows count alike: of each its share of the row's.
func (b *balancer) squares(x rows) []float32 {
	c := newColumns(b.k, x.Cols)
	for i := range x.Rows {
		if total := b.k.Dot(x.Row(i), x.Row(i)); total > 0 {
			c.add(x.Row(i), 1/total)
		}
	}
	return c.sums
}

// squares are sums of squares of the columns of the group's matrices, of about sampleRows rows that are spread over them.
func (g *group) squares(k *kernel.Kernels) ([]float32, error) {
	const sampleRows = 128
	c, row, step := newColumns(k, g.maps[0].W.Cols), make([]float32, g.maps[0].W.Cols), max(1, g.outputs()/sampleRows)
	for _, l := range g.maps {
		for at := 0; at < l.W.Rows; at += step {
			if err := l.ReadRows(row, at); err != nil {
				return nil, fmt.Errorf("model: %s: %w", l.W.Name, err)
			}
			c.add(row, 1)
		}
	}
	return c.sums, nil
}

// columns sums up squares of the columns of rows.
type columns struct {
	k         *kernel.Kernels
	sums, row []float32
}

func newColumns(k *kernel.Kernels, n int) *columns {
	return &columns{k, make([]float32, n), make([]float32, n)}
}

// add adds a row's squares times f.
func (c *columns) add(row []float32, f float32) {
	c.k.Mul(c.row, row, row)
	c.k.AddScaled(c.sums, c.row, f)
}

// Linear implements Ops.
func (b *balancer) Linear(x rows, l *Linear) rows {
	b.pack(x, l)
	return b.worker.Linear(x, l)
}

// Linears implements Ops.
func (b *balancer) Linears(x rows, ls ...*Linear) []rows {
	b.pack(x, ls[0])
	return b.worker.Linears(x, ls...)
}

// GatedMLP implements Ops.
func (b *balancer) GatedMLP(x rows, m *GatedMLP) rows {
	b.pack(x, m.Gate)
	h := b.matrix(x.Rows, m.Gate.W.Rows, x.kept)
	if b.gates(m) {
		b.packed[m.Gate.W.Slot].LinearFused(b.pool, h.Mat, x.Mat, kernel.Fused{Gated: true})
	} else {
		both := b.worker.Linears(x, m.Gate, m.Up)
		for i := range h.Rows {
			copy(h.Row(i), both[0].Row(i))
			b.activate(h.Row(i), m.Act)
			b.k.Mul(h.Row(i), h.Row(i), both[1].Row(i))
		}
	}
	return b.Linear(h, m.Down)
}

// MLP implements Ops.
func (b *balancer) MLP(x rows, m *MLP) rows {
	return b.Linear(b.Activate(b.Linear(x, m.Up), m.Act), m.Down)
}

// sampleTexts are what models that are packed in int8 are balanced with: several kinds, none of autoTexts, which then tell what int8 loses.
var sampleTexts = [...]string{
	"Before the bridge was built, carts had to wait for low water; the toll house still shows the marks of the floods of 1824.",
	"Yields were 41% and 63% at 25 °C, with a standard error below 2% in either case (n = 12).",
	"which vitamins are lost when vegetables are boiled",
	"for (String p : parts) {\n    if (out.length() > 0) out.append(by);\n    out.append(p);\n}",
	"def words(text):\n    # lower case, no digits\n    return re.findall(r\"[a-z]+\", text.lower())",
	"Le tribunal a jugé que le contrat était nul. 図書館は休みです。 Поезд опаздывает.",
}

// sample is a batch of sampleTexts, and of tokens from all over the vocabulary, as some tokenizers know few words of them; nil where a model has no layers.
func (m *Model) sample() *Batch {
	if m.net.Layers == 0 {
		return nil
	}
	b := &Batch{Offsets: []int{0}}
	add := func(ids []int32) {
		for i, id := range ids {
			if id >= 0 && int(id) < m.net.Vocab && (m.net.Context == 0 || i < m.net.Context) {
				b.IDs = append(b.IDs, id)
			}
		}
		if n := len(b.IDs); n > b.Offsets[len(b.Offsets)-1] {
			b.Offsets = append(b.Offsets, n)
		}
	}
	for _, text := range sampleTexts {
		add(m.tokenizer.Encode(nil, text, m.recipe.special))
	}
	const spread = 16
	var ids []int32
	for i := range spread {
		ids = append(ids, int32(i*m.net.Vocab/spread))
	}
	add(ids)
	return b
}
