package model

import (
	"context"
	"math"

	"github.com/labrador-lab/labrador/internal/mmap"
	"github.com/labrador-lab/labrador/kernel"
)

// worker is the CPU interpreter: it runs batches with the engine's weights, its own team of threads and its own memory, which
// it keeps from batch to batch. One goroutine uses it at a time.
type worker struct {
	*engine
	pool  *kernel.Pool
	ctx   context.Context // ends the batch
	over  func() bool     // says that it has, to any thread
	batch *Batch          // or, inside a layer, the piece of it at hand
	piece Batch
	err   error // the first error, of reading a table or the context's; results are then meaningless, and layers no more computed

	memory arena

	layer   int
	save    *prefix // filled with the keys and values of the batch, nil: not
	prefix  *prefix // keys and values that stand before every sequence; nil: none
	spans   []kernel.Span
	linears []rows
	rowOf   map[int32]int            // the row of a token in a batch's embeddings
	part    []int                    // where the texts of a range of rows begin
	tap     func(layers int, x rows) // sees the states behind each layer; nil: nobody does

	norm    norm // at most one of these two waits
	product product

	scaled map[scaledTurns]*turns // the tables of the batch's sequences whose frequencies are their own
}

// scaledTurns names the tables of a rotation for sequences of a length that scales it.
type scaledTurns struct {
	r *Rotary
	n int
}

// rows is a matrix of activations of the CPU interpreter: one row per token, or per kept token, or per sequence.
type rows struct {
	kernel.Mat
	kept bool
}

// prefix holds the keys and values of a token sequence that begins every text.
type prefix struct {
	ids  []int32
	k, v []kernel.Mat // per layer, (tokens, heads of keys * dim)
}

func newWorker(e *engine, threads int) *worker {
	w := &worker{engine: e, pool: kernel.NewPool(threads)}
	w.over = func() bool { return w.ctx.Err() != nil }
	return w
}

// close ends the worker's threads and gives its memory back.
func (w *worker) close() {
	w.pool.Close()
	w.memory.free()
}

// begin starts a batch: what earlier batches computed is given up.
func (w *worker) begin(ctx context.Context, b *Batch) {
	w.memory.reset()
	w.ctx, w.batch, w.layer, w.err = ctx, b, 0, nil
	w.norm, w.product = norm{}, product{}
	clear(w.scaled)
}

// ended says whether nothing needs to be computed any more.
func (w *worker) ended() bool {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	return w.err != nil
}

func (w *worker) matrix(n, cols int, kept bool) rows {
	return rows{spaced(w.memory.take(n*stride(cols)), n, cols), kept}
}

// stride is the distance of rows of cols floats: rows that would lie a multiple of 2 KiB apart, and so on the same lines of a
// first-level cache, are spaced by one line more.
func stride(cols int) int {
	if cols%512 == 0 {
		return cols + 16
	}
	return cols
}

// spaced views data as a matrix of rows a stride apart.
func spaced(data []float32, n, cols int) kernel.Mat {
	return kernel.Mat{Data: data, Rows: n, Cols: cols, Stride: stride(cols)}
}

// each calls f for every i in [0, n); work is about the number of values that all calls touch, and decides whether threads
// are worth waking.
func (w *worker) each(n, work int, f func(i int)) {
	const block, worth = 16, 1 << 14
	if w.pool.Threads() == 1 || work < worth {
		for i := range n {
			f(i)
		}
		return
	}
	w.pool.Each((n+block-1)/block, func(_, b int) {
		for i := b * block; i < min(n, (b+1)*block); i++ {
			f(i)
		}
	})
}

// largeTable is from how many values on rows of a table come from the file, not from its mapping: before layers of work reading costs
// nothing beside them, and a table's pages, often more than all layers' weights, do not gather in memory.
const largeTable = 1 << 20

// Embed implements Ops. A row that the batch has already is copied.
func (w *worker) Embed(table *Matrix, ids []int32) rows {
	x, read := w.matrix(len(ids), table.Cols, false), table.ReadRows
	if table.Rows*table.Cols >= largeTable {
		read = table.fetchRows
	}
	if w.rowOf == nil {
		w.rowOf = map[int32]int{}
	}
	clear(w.rowOf)
	err := mmap.Guard(func() error {
		for i, id := range ids {
			from, ok := i-1, i > 0 && ids[i-1] == id // as token types are
			if !ok {
				if from, ok = w.rowOf[id]; !ok {
					w.rowOf[id] = i
				}
			}
			if ok {
				copy(x.Row(i), x.Row(from))
			} else if err := read(x.Row(i), int(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && w.err == nil {
		w.err = err
	}
	return x
}

// Linear implements Ops.
func (w *worker) Linear(x rows, l *Linear) rows {
	p, prepare, texts := w.packed[l.W.Slot], w.input(x), w.texts(x)
	return w.later(x, l.W.Rows, func(out, add kernel.Mat) {
		p.LinearFused(w.pool, out, x.Mat, kernel.Fused{Prepare: prepare, Add: add, Texts: texts})
	})
}

// Linears implements Ops. The maps are packed as one; each result is a range of its columns.
func (w *worker) Linears(x rows, ls ...*Linear) []rows {
	p, prepare := w.packed[ls[0].W.Slot], w.input(x)
	total, _ := p.Shape()
	y := w.matrix(x.Rows, total, x.kept)
	p.LinearFused(w.pool, y.Mat, x.Mat, kernel.Fused{Prepare: prepare, Texts: w.texts(x)})
	w.linears = w.linears[:0]
	at := 0
	for _, l := range ls {
		w.linears = append(w.linears, y.columns(at, l.W.Rows))
		at += l.W.Rows
	}
	return w.linears
}

// columns is a view of columns from to from+n.
func (x rows) columns(from, n int) rows {
	y := x
	y.Cols = n
	if x.Rows > 0 {
		y.Data = x.Data[from : (x.Rows-1)*x.Stride+from+n]
	}
	return y
}

// part is a view of rows from to to; no matrix stays none.
func part(m kernel.Mat, from, to int) kernel.Mat {
	if m.Data != nil {
		m.Rows, m.Data = to-from, m.Data[from*m.Stride:]
	}
	return m
}

// texts returns where the texts of x begin, for products that combine rows of long texts; nil where there are none or x has only parts of texts.
func (w *worker) texts(x rows) []int {
	texts := w.batch.Offsets
	if w.k.CombinedRows(w.format) == 0 || x.Rows != texts[len(texts)-1] {
		return nil
	}
	for i, from := range texts[:len(texts)-1] {
		if texts[i+1]-from >= kernel.LeastStretch {
			return texts
		}
	}
	return nil
}

// mlpValues bounds the inner values of a feed-forward layer that are held at a time, so that they stay in a near cache. Products that combine rows want
// what they take at a time instead, on every thread, up to mlpRows, of wide layers fewer, for the memory.
const mlpValues, mlpRows = 1 << 18, 512

// mlpBlock is how many rows of inner layers, width wide, are held at a time, of products that want so many at least, or combine so many if any.
func mlpBlock(width, least, combined int) int {
	if combined > 0 {
		return max(128, min(mlpRows, combined, 10*mlpValues/width/64*64))
	}
	return max(least, mlpValues/width/16*16)
}

// inBlocks calls f with ranges of rows whose inner layers, width wide, are held at a time, with memory for these, and with where the range's texts begin.
func (w *worker) inBlocks(n, width int, texts []int, f func(from, to int, inner kernel.Mat, texts []int)) {
	combined := 0
	if texts != nil {
		combined = w.k.CombinedRows(w.format) * w.pool.Threads()
	}
	block := mlpBlock(width, w.k.RowsAtOnce(), combined)
	if parts := (n + block - 1) / block; parts > 0 {
		block = ((n+parts-1)/parts + 31) &^ 31
	}
	defer w.memory.release(w.memory.at)
	inner := w.memory.take(min(block, n) * stride(width))
	for from, to := 0, 0; from < n && !w.ended(); from = to {
		to = min(n, from+block)
		var part []int
		if texts != nil {
			to, part = w.cutTexts(texts, from, to)
		}
		f(from, to, spaced(inner, to-from, width), part)
	}
}

// cutTexts returns where the texts of rows from to to begin, counted from there. It takes fewer rows where the last text would not be cut at a multiple of
// kernel.StretchRows.
func (w *worker) cutTexts(texts []int, from, to int) (int, []int) {
	w.part = append(w.part[:0], 0)
	for i, first := range texts[:len(texts)-1] {
		end := min(to, texts[i+1])
		if end < texts[i+1] {
			if whole := end - (end-first)%kernel.StretchRows; whole > from && end > first {
				end, to = whole, whole
			}
		}
		if end > max(first, from) {
			w.part = append(w.part, end-from)
		}
		if end == to {
			break
		}
	}
	return to, w.part
}

// GatedMLP implements Ops.
func (w *worker) GatedMLP(x rows, m *GatedMLP) rows {
	in, down, prepare := w.packed[m.Gate.W.Slot], w.packed[m.Down.W.Slot], w.input(x)
	texts := w.texts(x)
	width, inner := m.Gate.W.Rows+m.Up.W.Rows, m.Gate.W.Rows
	if w.gates(m) {
		return w.later(x, m.Down.W.Rows, func(out, add kernel.Mat) {
			w.inBlocks(x.Rows, inner, texts, func(from, to int, h kernel.Mat, texts []int) {
				in.LinearFused(w.pool, h, part(x.Mat, from, to), kernel.Fused{Prepare: behind(prepare, from), Gated: true})
				down.LinearFused(w.pool, part(out, from, to), h, kernel.Fused{Add: part(add, from, to)})
			})
		})
	}
	return w.later(x, m.Down.W.Rows, func(out, add kernel.Mat) {
		w.inBlocks(x.Rows, width, texts, func(from, to int, h kernel.Mat, texts []int) {
			in.LinearFused(w.pool, h, part(x.Mat, from, to), kernel.Fused{Prepare: behind(prepare, from), Texts: texts})
			act := func(i int) {
				gate, up := h.Row(i)[:inner], h.Row(i)[inner:width]
				switch {
				case m.Act == SiLU && w.format == kernel.FormatF32:
					w.k.SiLUMul(gate, gate, up)
				case m.Act == SiLU:
					w.k.SiLUMulRough(gate, gate, up)
				default:
					w.activate(gate, m.Act)
					w.k.Mul(gate, gate, up)
				}
			}
			narrow := h
			narrow.Cols = inner
			down.LinearFused(w.pool, part(out, from, to), narrow, kernel.Fused{Prepare: act, Add: part(add, from, to), Texts: texts})
		})
	})
}

// MLP implements Ops.
func (w *worker) MLP(x rows, m *MLP) rows {
	up, down, prepare := w.packed[m.Up.W.Slot], w.packed[m.Down.W.Slot], w.input(x)
	texts := w.texts(x)
	return w.later(x, m.Down.W.Rows, func(out, add kernel.Mat) {
		w.inBlocks(x.Rows, m.Up.W.Rows, texts, func(from, to int, h kernel.Mat, texts []int) {
			up.LinearFused(w.pool, h, part(x.Mat, from, to), kernel.Fused{Prepare: behind(prepare, from), Texts: texts})
			f := kernel.Fused{Add: part(add, from, to), Texts: texts, GELU: m.Act == GELU && down.TakesGELU()}
			if !f.GELU {
				f.Prepare = func(i int) { w.activate(h.Row(i), m.Act) }
			}
			down.LinearFused(w.pool, part(out, from, to), h, f)
		})
	})
}

// activate applies an activation to x in place: in other formats than float32 near enough for numbers of bfloat16, which is what dtype bf16 promises
// whatever its products are.
func (w *worker) activate(x []float32, act Activation) {
	switch act {
	case Identity:
	case GELU:
		if w.format == kernel.FormatF32 {
			w.k.GELU(x, x)
		} else {
			w.k.GELURough(x, x)
		}
	case GELUTanh:
		w.k.GELUTanh(x, x)
	case SiLU:
		w.k.SiLU(x, x)
	case ReLU:
		w.k.ReLU(x, x)
	default:
		for i, v := range x {
			x[i] = float32(activate64(act, float64(v)))
		}
	}
}

// RMSNorm implements Ops.
func (w *worker) RMSNorm(x rows, v *Vector, eps float64) rows {
	n := len(v.Data)
	return w.normed(x, func(out, in []float32) {
		for at := 0; at < len(in); at += n {
			w.k.RMSNorm(out[at:at+n], in[at:at+n], v.Data, float32(eps))
		}
	})
}

// LayerNorm implements Ops.
func (w *worker) LayerNorm(x rows, v, b *Vector, eps float64) rows {
	var bias []float32
	if b != nil {
		bias = b.Data
	}
	return w.normed(x, func(out, in []float32) { w.k.LayerNorm(out, in, v.Data, bias, float32(eps)) })
}

// turns returns the tables of r for a sequence of n tokens.
func (w *worker) turns(r *Rotary, n int) *turns {
	if !r.scales(n) {
		return w.engine.turns(r, n)
	}
	name := scaledTurns{r, n}
	if w.scaled[name] == nil {
		if w.scaled == nil {
			w.scaled = map[scaledTurns]*turns{}
		}
		w.scaled[name] = newTurns(r.freqs(n), r.Scale, n)
	}
	return w.scaled[name]
}

// Rope implements Ops.
func (w *worker) Rope(x rows, r *Rotary) rows {
	w.settle()
	row := 0
	for s := range w.batch.Sequences() {
		own := w.batch.Offsets[s+1] - w.batch.Offsets[s]
		span := Span{0, own}
		if x.kept {
			span = w.batch.kept(s)
		}
		t := w.turns(r, w.batch.Start+own)
		first := row - span.From
		w.each(span.To-span.From, (span.To-span.From)*x.Cols, func(i int) {
			p := span.From + i
			cos, sin := t.at(w.batch.Start + p)
			for in := x.Row(first + p); len(in) >= r.Head; in = in[r.Head:] {
				w.k.Rope(in[:2*t.half], cos, sin)
			}
		})
		row += span.To - span.From
	}
	return x
}

// Attention implements Ops.
func (w *worker) Attention(q, k, v rows, a *Attention) rows {
	w.settle()
	y := w.matrix(q.Rows, a.Heads*a.Dim, q.kept)
	if w.save != nil {
		w.save.put(w.layer, k.Mat, v.Mat)
	}
	ka := kernel.Attention{Heads: a.Heads, KVHeads: a.KVHeads, D: a.Dim, Scale: float32(a.Scale), Causal: a.After == 0, Softcap: float32(a.Softcap), BF16: w.format != kernel.FormatF32}
	if a.Before != Unlimited {
		ka.Window = a.Before + 1
	}
	data := kernel.AttentionData{Q: q.Mat, Out: y.Mat, K: k.Mat, V: v.Mat, Spans: w.attentionSpans(q.kept), Ended: w.over}
	if w.prefix != nil {
		data.PrefixK, data.PrefixV = w.prefix.k[w.layer], w.prefix.v[w.layer]
	}
	if a.Bias != nil {
		t, err := w.biasTable(a.Bias, w.longest())
		if err != nil {
			w.err = err
			return y
		}
		ka.Bias, ka.BiasReach = t.values, t.reach
	}
	w.k.Attend(w.pool, ka, data)
	w.ended()
	return y
}

// longest is the length of the batch's longest sequence, prefix included.
func (w *worker) longest() int {
	n := 0
	for s := range w.batch.Sequences() {
		n = max(n, w.batch.Offsets[s+1]-w.batch.Offsets[s])
	}
	return w.batch.Start + n
}

func (w *worker) attentionSpans(kept bool) []kernel.Span {
	w.spans = w.spans[:0]
	at := 0
	for s := range w.batch.Sequences() {
		first, n := w.batch.Offsets[s], w.batch.Offsets[s+1]-w.batch.Offsets[s]
		span := Span{0, n}
		if kept {
			span = w.batch.kept(s)
		}
		w.spans = append(w.spans, kernel.Span{Q: at, NQ: span.To - span.From, K: first, NK: n, Pos: span.From})
		at += span.To - span.From
	}
	return w.spans
}

// Activate implements Ops.
func (w *worker) Activate(x rows, act Activation) rows {
	w.settle()
	w.each(x.Rows, x.Rows*x.Cols, func(i int) { w.activate(x.Row(i), act) })
	return x
}

// Add implements Ops.
func (w *worker) Add(x, y rows) rows {
	if w.product.run != nil && w.product.add.Data == nil && same(w.product.y.Mat, y.Mat) {
		w.product.add = x.Mat
		return y
	}
	w.settle()
	w.each(x.Rows, x.Rows*x.Cols, func(i int) { w.k.Add(y.Row(i), x.Row(i), y.Row(i)) })
	return y
}

// Scale implements Ops.
func (w *worker) Scale(x rows, s float64) rows {
	w.settle()
	w.each(x.Rows, x.Rows*x.Cols, func(i int) { w.k.Scale(x.Row(i), x.Row(i), float32(s)) })
	return x
}

// Keep implements Ops.
func (w *worker) Keep(x rows) rows {
	w.settle()
	if x.kept || w.batch.Keep == nil {
		x.kept = true
		return x
	}
	y := w.matrix(w.batch.keptRows(), x.Cols, true)
	at := 0
	for s := range w.batch.Sequences() {
		k, first := w.batch.kept(s), w.batch.Offsets[s]
		for i := first + k.From; i < first+k.To; i++ {
			copy(y.Row(at), x.Row(i))
			at++
		}
	}
	return y
}

// Pool implements Ops.
func (w *worker) Pool(x rows, how Pooling) rows {
	x = w.Keep(x)
	y := w.matrix(w.batch.Sequences(), x.Cols, true)
	at := 0
	for s := range y.Rows {
		k := w.batch.kept(s)
		x := part(x.Mat, at, at+k.To-k.From)
		w.poolRows(y.Row(s), k, how, func(i int) []float32 { return x.Row(i) })
		at += k.To - k.From
	}
	return y
}

// poolTable pools the rows of a table that the batch's tokens are, without holding more than one of them.
func (w *worker) poolTable(table *Matrix, how Pooling) rows {
	const often = 1 << 12 // tokens until the context is asked whether it has ended
	y, row := w.matrix(w.batch.Sequences(), table.Cols, true), w.memory.take(table.Cols)
	err := mmap.Guard(func() error {
		for s := range y.Rows {
			k, last := w.batch.kept(s), int32(-1)
			ids := w.batch.IDs[w.batch.Offsets[s]+k.From:]
			w.poolRows(y.Row(s), k, how, func(i int) []float32 {
				if i%often == 0 && w.ended() {
					return row
				}
				if id := ids[i]; id != last {
					if err := table.ReadRows(row, int(id)); err != nil && w.err == nil {
						w.err = err
					}
					last = id
				}
				return row
			})
		}
		return nil
	})
	if err != nil && w.err == nil {
		w.err = err
	}
	return y
}

// poolRows pools the rows of one sequence, which pooling reads from k.From to k.To of; row gives them, counted from k.From, in order.
func (w *worker) poolRows(out []float32, k Span, how Pooling, row func(i int) []float32) {
	clear(out)
	total, n := 0.0, k.To-k.From
	for i := 0; i < n && w.err == nil; i++ {
		if how == PoolMax {
			for c, v := range row(i) {
				if i == 0 {
					out[c] = v
				}
				out[c] = max(out[c], v) // which keeps what is not a number
			}
			continue
		}
		if f := poolWeight(how, i, n, w.batch.Start+k.From); f != 0 {
			total += f
			w.k.AddScaled(out, row(i), float32(f))
		}
	}
	switch {
	case how == PoolMax || total == 0:
		return
	case how == PoolMeanSqrt:
		total = math.Sqrt(total)
	}
	w.k.Scale(out, out, float32(1/total))
}

// Result implements Ops.
func (w *worker) Result(x rows) rows {
	w.settle()
	return x
}

// Normalize implements Ops.
func (w *worker) Normalize(x rows) rows {
	w.settle()
	for i := range x.Rows {
		w.k.Normalize(x.Row(i), x.Row(i))
	}
	return x
}

// Layer implements Ops. It takes the batch in pieces of whole sequences; their results take the place of their inputs, and what the layer
// took beside them is given back.
func (w *worker) Layer(i int, x rows, f func(rows) rows) rows {
	w.settle()
	if i == 0 {
		x = w.lowest(x)
	}
	w.layer = i
	before, whole, first, done := w.memory.at, w.batch, 0, 0
	kept := x.kept
	for s := 0; s < whole.Sequences(); {
		if w.ended() {
			w.batch = whole
			return x
		}
		to := w.cut(whole, s)
		n := w.batch.rows(x.kept)
		y := f(rows{part(x.Mat, first, first+n), x.kept})
		if to := part(x.Mat, done, done+y.Rows); !w.settleInto(y.Mat, to, done == first) {
			for r := range y.Rows { // at most n
				copy(to.Row(r), y.Row(r))
			}
		}
		done += y.Rows
		s, first, kept = to, first+n, y.kept
		w.memory.release(before)
	}
	w.batch = whole
	x.Rows, x.kept = done, kept
	if w.tap != nil {
		w.tap(i+1, x)
		w.memory.release(before)
	}
	return x
}

// lowest moves x to the bottom of the memory, so that what it was made of is given back: all that lives.
func (w *worker) lowest(x rows) rows {
	w.memory.release(mark{})
	y := w.matrix(x.Rows, x.Cols, x.kept)
	for i := range x.Rows { // which may lie in the same place, or above
		copy(y.Row(i), x.Row(i))
	}
	return y
}

// cut makes the sequences of b from s on, as many as are a piece, the batch at hand and returns the one behind them.
func (w *worker) cut(b *Batch, s int) (to int) {
	limit := w.pieceTokens * w.pool.Threads()
	p := &w.piece
	p.Start, p.Offsets = b.Start, append(p.Offsets[:0], 0)
	for to = s + 1; to < b.Sequences() && b.Offsets[to+1]-b.Offsets[s] <= limit; {
		to++
	}
	for _, at := range b.Offsets[s+1 : to+1] {
		p.Offsets = append(p.Offsets, at-b.Offsets[s])
	}
	p.IDs, p.Keep = b.IDs[b.Offsets[s]:b.Offsets[to]], nil
	if b.Keep != nil {
		p.Keep = b.Keep[s:to]
	}
	w.batch = p
	return to
}

// put keeps a copy of a layer's keys and values.
func (p *prefix) put(layer int, k, v kernel.Mat) {
	for len(p.k) <= layer {
		p.k, p.v = append(p.k, kernel.Mat{}), append(p.v, kernel.Mat{})
	}
	p.k[layer], p.v[layer] = compact(k), compact(v)
}

// compact is a copy without gaps.
func compact(m kernel.Mat) kernel.Mat {
	out := kernel.MatOf(make([]float32, m.Rows*m.Cols), m.Rows, m.Cols)
	for i := range m.Rows {
		copy(out.Row(i), m.Row(i))
	}
	return out
}
