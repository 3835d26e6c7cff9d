package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Attention says how queries meet keys, the same for all sequences of a batch.
type Attention struct {
	Heads   int // of queries and outputs
	KVHeads int // of keys and values; head h reads h*KVHeads/Heads
	D       int // channels of a head
	// Scale multiplies the scores.
	Scale float32
	// Causal hides the keys behind the query's position.
	Causal bool
	// Window, where above 0, hides keys whose position differs from the query's by Window or more.
	Window int
	// Softcap, where above 0, bounds the scaled scores by limit*tanh(score/limit) (Gemma 2).
	Softcap float32
	// Bias, (Heads, 2*BiasReach+1), is added to the scores: head h, query position i, key position j get
	// Bias[h][j-i+BiasReach] (T5's and MPNet's relative positions). nil for none. No two positions of a sequence may be
	// further apart than BiasReach.
	Bias      []float32
	BiasReach int
	// BF16 lets queries, keys, exponentials and values be rounded to bfloat16, or to codes of 16 bits, which are off by less, where products of these are
	// faster; sums are float32, or whole.
	BF16 bool
}

// Span is one sequence of a ragged batch. Positions count from the start of the prefix: key j of the sequence is at
// prefix rows + j.
type Span struct {
	Q, NQ int // first row in Q and Out, number of queries
	K, NK int // first row in K and V, number of keys
	Pos   int // position of the first query among the sequence's own keys; the others follow it
}

// AttentionData is what an attention reads and writes: rows are tokens, head h is the columns [h*D, (h+1)*D).
type AttentionData struct {
	Q, Out Mat // (queries, Heads*D)
	K, V   Mat // (keys, KVHeads*D)
	// PrefixK and PrefixV (P, KVHeads*D) are keys and values that stand before every sequence: a shared prompt. Zero for none.
	PrefixK, PrefixV Mat
	Spans            []Span
	// Ended, where it is set, says that nobody wants what is not computed yet. Several threads ask now and then.
	Ended func() bool
}

// Attend writes Out = softmax(scores) V for every span and head: blockwise, with the softmax kept up as blocks of keys pass
// (FlashAttention-2, Dao 2023, algorithm 1), so that scores of a few queries with a few hundred keys are all that is held.
// A query that sees no key gets zeros. Out must not overlap the inputs.
func (k *Kernels) Attend(p *Pool, a Attention, d AttentionData) {
	a.check(d)
	j := &p.attend
	*j = attendJob{p: p, k: k, a: a, d: d, cum: j.cum[:0]}
	chunks, keys := 0, 1
	for _, s := range d.Spans {
		chunks += (s.NQ + queryChunk - 1) / queryChunk
		keys = max(keys, d.PrefixK.Rows+s.NK)
	}
	j.together = min(a.Heads, max(1, headsCache/(8*keys*a.D))*a.Heads/a.KVHeads)
	for p.threads > 1 && j.together > 1 && chunks*((a.Heads+j.together-1)/j.together) < 4*p.threads {
		j.together = (j.together + 1) / 2
	}
	j.groups = (a.Heads + j.together - 1) / j.together
	parts := 0
	for _, s := range d.Spans {
		j.cum = append(j.cum, parts)
		parts += (s.NQ + queryChunk - 1) / queryChunk * j.groups
	}
	p.run(parts, j)
	j.a, j.d, j.k = Attention{}, AttentionData{}, nil
}

func (a *Attention) check(d AttentionData) {
	if a.Heads < 1 || a.KVHeads < 1 || a.Heads%a.KVHeads != 0 || a.D < 1 {
		panic(fmt.Sprintf("kernel: Attend: %d heads over %d of %d channels", a.Heads, a.KVHeads, a.D))
	}
	d.Q.check("Attend", "Q", d.Q.Rows, a.Heads*a.D)
	d.Out.check("Attend", "Out", d.Q.Rows, a.Heads*a.D)
	d.K.check("Attend", "K", d.K.Rows, a.KVHeads*a.D)
	d.V.check("Attend", "V", d.K.Rows, a.KVHeads*a.D)
	if d.PrefixK.Rows > 0 || d.PrefixV.Rows > 0 {
		d.PrefixK.check("Attend", "PrefixK", d.PrefixK.Rows, a.KVHeads*a.D)
		d.PrefixV.check("Attend", "PrefixV", d.PrefixK.Rows, a.KVHeads*a.D)
	}
	if a.Bias != nil && len(a.Bias) != a.Heads*(2*a.BiasReach+1) {
		panic(fmt.Sprintf("kernel: Attend: bias of %d values for %d heads of reach %d", len(a.Bias), a.Heads, a.BiasReach))
	}
	for _, s := range d.Spans {
		if s.Q < 0 || s.NQ < 0 || s.Q+s.NQ > d.Q.Rows || s.K < 0 || s.NK < 0 || s.K+s.NK > d.K.Rows || s.Pos < 0 {
			panic(fmt.Sprintf("kernel: Attend: span %+v over %d queries and %d keys", s, d.Q.Rows, d.K.Rows))
		}
		if reach := max(s.Pos+s.NQ, s.NK) + d.PrefixK.Rows - 1; a.Bias != nil && reach > a.BiasReach {
			panic(fmt.Sprintf("kernel: Attend: bias reaches %d, span %+v needs %d", a.BiasReach, s, reach))
		}
	}
}

const (
	queryChunk = 512 // queries of one part: its keys are packed once for them
	queryBlock = 32  // queries whose scores are held at most, less what does not fill the tallest tile
	keyBlock   = 528 // keys whose scores are held; a multiple of every tier's panel
	// headsCache is what the packed keys and values of the heads of a part may take of the second-level cache. In a model a
	// token's heads lie side by side and tokens far apart: several heads at a time read more of each place.
	headsCache = 256 << 10
)

type attendJob struct {
	p   *Pool
	k   *Kernels
	a   Attention
	d   AttentionData
	cum []int // parts before each span

	together, groups int // heads of one part, and parts of the same queries
}

// attendPart is a few heads of some queries of one span: the state of a thread while it works on them.
type attendPart struct {
	*attendJob
	a      Attention // of the job, without a window that hides nothing of the span
	half   bool      // products are of numbers of two bytes
	codes  bool      // these are codes, whose scales products apply
	g      *gemmKernels
	span   Span
	prefix int
	heads  [2]int // the first, and behind the last
	kv     [2]int // the same of keys and values
	head   int    // the one at work
	args   *gemmArgs
	tile   *tileArgs
	exp    *softmaxArgs

	q     []float32 // (queryBlock, D): queries in half
	o     []float32 // (queryBlock, dPad): output
	s     []float32 // (queryBlock, keyBlock)
	m, l  []float32 // (queryBlock): greatest score so far, sum of exponentials
	m0, e []float32 // (queryBlock): greatest score before the keys at hand, sum of theirs
	kt    []float32 // of the head at work: panels of (D, lanes*units) keys times the scale
	v     []float32 // of the head at work: (keys, dPad) values
	kts   []float32 // kt of all heads of kv
	vs    []float32 // v of all of them
	room  int       // keys of a head in kts and vs: whole panels
	dPad  int
	keyD  int       // floats that a key takes: D, or half of it
	valD  int       // the same of values: dPad, or half of it
	none  []float32 // (D) zeros, the value beside an odd one's
	scales
	lanes int
	panel int
	first int // position of the first key in kt and v
}

// scales are those of codes, and what they are made with.
type scales struct {
	q, e             []float32 // (queryBlock): of queries, of exponentials times the scales of their keys' values
	kts, vs          []float32 // (heads, room): of keys times the scale, of keys' values
	ones             []float32 // (dPad)
	gathered, turned []float32 // (lanes, D), (D, lanes): keys on their way
	sums             []float32 // (8, lanes), for softmaxRowsI16
}

func (j *attendJob) part(thread, i int) {
	if j.d.Ended != nil && j.d.Ended() {
		return
	}
	lo, hi := 0, len(j.cum)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; j.cum[mid] <= i {
			lo = mid
		} else {
			hi = mid
		}
	}
	i -= j.cum[lo]
	t := attendPart{attendJob: j, a: j.a, g: &j.k.t.gemm.attend, span: j.d.Spans[lo], prefix: j.d.PrefixK.Rows, args: &j.p.own[thread].args, tile: &j.p.own[thread].tiles, exp: &j.p.own[thread].rows}
	t.lanes = j.k.t.gemm.lanes
	if t.a.Window >= t.prefix+t.span.NK {
		t.a.Window = 0
	}
	if half := &j.k.t.gemm.attendHalf; t.a.BF16 && t.a.Window == 0 && t.a.D%(2*t.lanes) == 0 && half.has() {
		t.half, t.g, t.codes = true, half, half.input == inputI16
	}
	t.panel = tileRows
	tile := tileBlock
	if t.g.tiles == nil {
		t.panel, tile = t.lanes*len(t.g.of[0]), len(t.g.of)
	}
	h := i % j.groups * j.together
	t.heads = [2]int{h, min(h+j.together, j.a.Heads)}
	t.kv = [2]int{t.kvHead(h), t.kvHead(t.heads[1]-1) + 1}
	first := i / j.groups * queryChunk
	last := min(first+queryChunk, t.span.NQ)
	from, to := t.visible(first, last)
	from -= from % t.panel
	t.layout(thread, from, to)
	t.pack(from, to)
	queries := queryBlock
	if to-from > keyBlock/2 { // so that scores stay in the first-level cache
		queries /= 2
	}
	for q, n := first, max(1, queries/tile)*tile; q < last; q += n {
		for t.head = h; t.head < t.heads[1]; t.head++ {
			t.aheadOfHead(q, min(n, last-q))
			kv := t.kvHead(t.head) - t.kv[0]
			t.kt = t.kts[kv*t.room*t.keyD:][:t.room*t.keyD]
			t.v = t.vs[kv*t.room*t.valD:][:t.room*t.valD]
			t.block(q, min(q+n, last))
		}
	}
}

// kvHead is the head of keys and values that a head reads.
func (j *attendJob) kvHead(head int) int { return head * j.a.KVHeads / j.a.Heads }

// aheadOfHead asks for n queries from q on: what the next head reads, and the first.
func (t *attendPart) aheadOfHead(q, n int) {
	at := t.head * t.a.D
	if t.head == t.heads[0] {
		t.askFor(&t.d.Q, q, n, at)
	}
	if t.head+1 < t.heads[1] {
		t.askFor(&t.d.Q, q, n, at+t.a.D)
	}
}

// askFor asks for a head's part, from column at on, of n queries or outputs from q on.
func (t *attendPart) askFor(m *Mat, q, n, at int) {
	if t.k.t.prefetch != nil {
		t.k.t.prefetch(unsafe.Pointer(&m.Data[(t.span.Q+q)*m.Stride+at]), 4*m.Stride, 4*t.a.D, n)
	}
}

// visible returns the range of key positions that any of the queries [first, last) may see.
func (t *attendPart) visible(first, last int) (from, to int) {
	a := &t.a
	from, to = 0, t.prefix+t.span.NK
	p0, p1 := t.prefix+t.span.Pos+first, t.prefix+t.span.Pos+last-1
	if a.Causal {
		to = min(to, p1+1)
	}
	if a.Window > 0 {
		from = max(from, p0-a.Window+1)
		to = min(to, p1+a.Window)
	}
	return from, max(from, to)
}

// layout divides the thread's scratch.
func (t *attendPart) layout(thread, from, to int) {
	t.dPad = roundUp(t.a.D, t.lanes)
	t.keyD, t.valD = t.a.D, t.dPad
	halves := 0
	if t.half {
		t.keyD, t.valD, halves = t.a.D/2, t.dPad/2, 1
	}
	t.room = roundUp(to-from, t.panel)
	if t.g.tiles != nil { // steps are of 32 keys
		t.room += tileRows
	}
	heads := t.kv[1] - t.kv[0]
	n := queryBlock*t.dPad + queryBlock*keyBlock + 4*queryBlock + halves*(queryBlock+1)*t.a.D + heads*t.room*(t.keyD+t.valD)
	if t.codes {
		n += 2*queryBlock + 2*heads*t.room + t.dPad + 2*t.lanes*t.a.D + 8*t.lanes
	}
	mem := floats(scratch(&t.p.own[thread].local, 4*n), n)
	take := func(n int) []float32 { s := mem[:n:n]; mem = mem[n:]; return s }
	t.o = take(queryBlock * t.dPad)
	t.s = take(queryBlock * keyBlock)
	t.kts, t.vs = take(heads*t.room*t.keyD), take(heads*t.room*t.valD)
	t.q, t.none = take(halves*queryBlock*t.a.D), take(halves*t.a.D)
	clear(t.none)
	t.m, t.l, t.m0, t.e = take(queryBlock), take(queryBlock), take(queryBlock), take(queryBlock)
	if t.codes {
		t.scales = scales{take(queryBlock), take(queryBlock), take(heads * t.room), take(heads * t.room), take(t.dPad), take(t.lanes * t.a.D), take(t.lanes * t.a.D), take(8 * t.lanes)}
		for i := range t.ones {
			t.ones[i] = 1
		}
	}
	t.first = from
	if t.g.tiles != nil {
		for h := range heads { // the values behind the last key
			clear(t.vs[(h*t.room+(to-from+1)&^1)*t.valD:][:(t.room-(to-from+1)&^1)*t.valD])
		}
	}
}

// rows returns the keys or values at a position, all columns of this part's heads.
func (t *attendPart) rows(prefix, own *Mat, pos int) []float32 {
	col, n := t.kv[0]*t.a.D, (t.kv[1]-t.kv[0])*t.a.D
	if pos < t.prefix {
		return prefix.Data[pos*prefix.Stride+col:][:n]
	}
	return own.Data[(t.span.K+pos-t.prefix)*own.Stride+col:][:n]
}

// pack writes the keys at positions [from, to) as panels of columns, as a product reads its weights, and the values as
// rows without gaps: in a model they lie a few thousand bytes apart, a page each. Of bfloat16, columns hold pairs of a key's channels, and rows
// pairs of two values.
func (t *attendPart) pack(from, to int) {
	d, w, heads := t.a.D, t.panel, t.kv[1]-t.kv[0]
	for first := from; first < to; first += w {
		t.ahead(first, to)
		for h := range heads {
			dst := t.kts[(h*t.room+first-from)*t.keyD:][:w*t.keyD]
			if to-first < w {
				clear(dst)
			}
			for pos := first; pos < min(first+w, to); {
				pos += t.packColumns(dst[pos-first:], h, pos, min(first+w, to))
			}
		}
		last := min(first+w, to)
		for pos := first; t.half && pos < last; pos += 2 { // a panel has an even number of keys
			x, y := t.rows(&t.d.PrefixV, &t.d.V, pos), []float32(nil)
			if pos+1 < last {
				y = t.rows(&t.d.PrefixV, &t.d.V, pos+1)
			}
			for h := range heads {
				other := t.none
				if y != nil {
					other = y[h*d:]
				}
				if dst := &t.vs[(h*t.room+pos-from)*t.valD]; t.codes {
					t.k.t.pairsI16(dst, &x[h*d], &other[0], &t.scales.vs[h*t.room+pos-from], d)
				} else {
					t.k.t.pairsBF16(dst, &x[h*d], &other[0], d)
				}
			}
		}
		for pos := first; !t.half && pos < last; pos++ {
			values := t.rows(&t.d.PrefixV, &t.d.V, pos)
			for h := range heads {
				row := t.vs[(h*t.room+pos-from)*t.dPad:][:t.dPad]
				copy(row, values[h*d:][:d])
				clear(row[d:])
			}
		}
	}
}

// ahead asks for the keys and values of the panel behind the one at position first.
func (t *attendPart) ahead(first, to int) {
	n := min(first+2*t.panel, to) - (first + t.panel)
	if t.k.t.prefetch == nil || first < t.prefix || n <= 0 {
		return
	}
	at, size := t.kv[0]*t.a.D, 4*(t.kv[1]-t.kv[0])*t.a.D
	row := t.span.K + first + t.panel - t.prefix
	for _, m := range [...]*Mat{&t.d.K, &t.d.V} {
		t.k.t.prefetch(unsafe.Pointer(&m.Data[row*m.Stride+at]), 4*m.Stride, size, n)
	}
}

// packColumns writes some of the keys of a head at positions [pos, to) into columns of dst and returns how many.
func (t *attendPart) packColumns(dst []float32, head, pos, to int) int {
	if t.codes {
		return t.codeColumns(dst, head, pos, to)
	}
	key := t.rows(&t.d.PrefixK, &t.d.K, pos)[head*t.a.D:][:t.a.D]
	if n := t.lanes; t.k.t.transpose != nil && t.a.D == t.dPad && to-pos >= n && (pos >= t.prefix || pos+n <= t.prefix) {
		stride := t.d.K.Stride
		if pos < t.prefix {
			stride = t.d.PrefixK.Stride
		}
		turn := t.k.t.transpose
		if t.half {
			turn = t.k.t.transposeBF16
		}
		turn(unsafe.SliceData(dst), unsafe.SliceData(key), 4*t.panel, 4*stride, float64(t.a.Scale), t.a.D)
		return n
	}
	for c := 0; t.half && c < t.keyD; c++ {
		dst[c*t.panel] = pairBF16(key[2*c]*t.a.Scale, key[2*c+1]*t.a.Scale)
	}
	if t.half {
		return 1
	}
	for c, v := range key {
		dst[c*t.panel] = v * t.a.Scale
	}
	return 1
}

// codeColumns is packColumns of codes: lanes keys at a time, so that a key's codes are the same whichever stand beside it.
func (t *attendPart) codeColumns(dst []float32, head, pos, to int) int {
	n, d := min(t.lanes, to-pos), t.a.D
	src, stride := &t.rows(&t.d.PrefixK, &t.d.K, pos)[head*d], t.d.K.Stride
	if pos < t.prefix {
		stride = t.d.PrefixK.Stride
	}
	if n < t.lanes || pos < t.prefix && pos+n > t.prefix {
		for i := range n {
			copy(t.gathered[i*d:(i+1)*d], t.rows(&t.d.PrefixK, &t.d.K, pos+i)[head*d:])
		}
		clear(t.gathered[n*d:])
		src, stride = &t.gathered[0], d
	}
	t.k.t.transpose(&t.turned[0], src, 4*t.lanes, 4*stride, 1, d)
	t.k.t.columnsI16(unsafe.SliceData(dst), &t.turned[0], &t.scales.kts[head*t.room+pos-t.first], 4*t.panel, float64(t.a.Scale), d)
	return n
}

// pairBF16 is two numbers of bfloat16, the first in the lower half.
func pairBF16(x, y float32) float32 {
	return math.Float32frombits(uint32(ToBF16(x)) | uint32(ToBF16(y))<<16)
}

// block computes the outputs of queries [first, last), at most queryBlock.
func (t *attendPart) block(first, last int) {
	n, d := last-first, t.a.D
	for i := range n {
		t.m[i], t.l[i] = float32(math.Inf(-1)), 0
	}
	if t.codes {
		t.k.t.rowsI16(&t.q[0], &t.d.Q.Data[(t.span.Q+first)*t.d.Q.Stride+t.head*d], &t.scales.q[0], 2*d, 4*t.d.Q.Stride, n, d)
	} else if t.half {
		t.k.t.rowsBF16(&t.q[0], &t.d.Q.Data[(t.span.Q+first)*t.d.Q.Stride+t.head*d], 2*d, 4*t.d.Q.Stride, n, d)
	}
	from, end := t.visible(first, last)
	from -= from % t.panel // whole panels
	if from >= end {
		clear(t.o[:n*t.dPad])
	}
	for pos := from; pos < end; { // blocks end at the same keys whichever queries meet them, so that sums are the same
		next := min((pos/keyBlock+1)*keyBlock, end)
		t.keys(first, n, pos, next, pos == from)
		pos = next
	}
	to, stride := t.d.Out.Data[(t.span.Q+first)*t.d.Out.Stride+t.head*d:], t.d.Out.Stride
	if f := t.k.t.divideRows; f != nil {
		f(&to[0], &t.o[0], &t.l[0], 4*stride, 4*t.dPad, n, d)
		return
	}
	for i := range n {
		out := to[i*stride:][:d]
		if t.l[i] == 0 {
			clear(out)
			continue
		}
		t.k.t.scale(out, t.o[i*t.dPad:][:d], 1/t.l[i])
	}
}

// keys lets the n queries from first meet the keys at positions [from, to); fresh says that they are the first that these queries meet.
func (t *attendPart) keys(first, n, from, to int, fresh bool) {
	if t.g.tiles != nil {
		t.tileScores(n, from, to)
	} else {
		t.scores(first, n, from, to)
	}
	pos := t.prefix + t.span.Pos + first
	if t.k.t.softmaxRows != nil && t.a.Window == 0 {
		t.softmaxRows(n, pos, from, to)
	} else {
		for i := range n {
			t.softmax(i, pos+i, from, to)
		}
	}
	t.askFor(&t.d.Out, first, n, t.head*t.a.D)
	if t.g.tiles != nil {
		t.tileValues(n, from, to, fresh)
	} else {
		t.values(n, from, to, fresh)
	}
}

// softmaxRows is softmax for n rows, of queries from position pos on.
func (t *attendPart) softmaxRows(n, pos, from, to int) {
	a, x := &t.a, t.exp
	*x = softmaxArgs{s: unsafe.Pointer(&t.s[0]), step: 4 * keyBlock, rows: n, cols: to - from, visible: to - from, m: unsafe.Pointer(&t.m[0]), sums: unsafe.Pointer(&t.e[0])}
	if a.Causal {
		x.visible, x.grow = pos+1-from, 1
	}
	for i := 0; i < n && (a.Softcap > 0 || a.Bias != nil); i++ {
		t.adjust(t.s[i*keyBlock:][:max(0, min(to-from, x.visible+i*x.grow))], pos+i, from)
	}
	copy(t.m0, t.m[:n])
	switch {
	case t.codes:
		x.times = unsafe.Pointer(&t.scales.vs[(t.kvHead(t.head)-t.kv[0])*t.room+from-t.first])
		x.scales, x.lanes = unsafe.Pointer(&t.scales.e[0]), unsafe.Pointer(&t.sums[0])
		t.k.t.softmaxRowsI16(x)
	case t.half:
		t.k.t.softmaxRowsBF16(x)
	default:
		t.k.t.softmaxRows(x)
	}
	for i := range n {
		if t.l[i] > 0 {
			t.shrink(i, t.m0[i])
		}
		t.l[i] += t.e[i]
	}
}

// adjust bounds and biases the scores of the query at position pos with the keys from position lo on.
func (t *attendPart) adjust(row []float32, pos, lo int) {
	a, f := &t.a, &t.k.t
	if a.Softcap > 0 {
		f.softcap(row, row, a.Softcap)
	}
	if a.Bias != nil {
		at := t.head*(2*a.BiasReach+1) + a.BiasReach + lo - pos
		f.add(row, row, a.Bias[at:at+len(row)])
	}
}

// shrink brings what has been summed up for query i, when its greatest score was before, to the maximum of now; something has been.
func (t *attendPart) shrink(i int, before float32) {
	if t.m[i] > before {
		shrink := exp32(before - t.m[i])
		t.l[i] *= shrink
		o := t.o[i*t.dPad:][:t.dPad]
		t.k.t.scale(o, o, shrink)
	}
}

// scores computes s (n, to-from), rounded up to panels.
func (t *attendPart) scores(first, n, from, to int) {
	g := t.g
	d, a := t.a.D, t.args
	*a = gemmArgs{groups: t.keyD, lda: 4 * t.d.Q.Stride, ldb: 4 * t.panel, ldc: 4 * keyBlock}
	q := unsafe.Pointer(&t.d.Q.Data[(t.span.Q+first)*t.d.Q.Stride+t.head*d])
	if t.half {
		q, a.lda = unsafe.Pointer(&t.q[0]), 2*d
	}
	for key := from; key < to; key += t.panel {
		units := min(len(g.of[0]), (to-key+t.lanes-1)/t.lanes)
		a.b = unsafe.Pointer(&t.kt[(key-t.first)*t.keyD])
		if t.codes {
			a.colS = unsafe.Pointer(&t.scales.kts[(t.kvHead(t.head)-t.kv[0])*t.room+key-t.first])
		}
		for r, rows := 0, 0; r < n; r += rows {
			rows = g.fit(n - r)
			a.a = unsafe.Add(q, r*a.lda)
			a.c = unsafe.Pointer(&t.s[r*keyBlock+key-from])
			if t.codes {
				a.rowS = unsafe.Pointer(&t.scales.q[r])
			}
			f := g.of[rows-1][units-1]
			a.tiles = (n - r) / rows
			rows *= a.tiles
			f(a)
		}
	}
}

// softmax turns row i of s, the scores of the query at position pos, into exponentials, zero where the query does not see
// the key, and brings what has been summed up so far to the same maximum.
func (t *attendPart) softmax(i, pos, from, to int) {
	a, f := &t.a, &t.k.t
	row := t.s[i*keyBlock:][:to-from]
	lo, hi := from, to
	if a.Causal {
		hi = min(hi, pos+1)
	}
	if a.Window > 0 {
		lo, hi = max(lo, pos-a.Window+1), min(hi, pos+a.Window)
	}
	if lo >= hi {
		clear(row)
		return
	}
	clear(row[:lo-from])
	clear(row[hi-from:])
	row = row[lo-from : hi-from]
	if a.Softcap > 0 || a.Bias != nil {
		t.adjust(row, pos, lo)
	}
	before := t.m[i]
	if t.m[i] = max(before, f.max(row)); t.l[i] > 0 {
		t.shrink(i, before)
	}
	t.l[i] += f.expSub(row, row, t.m[i])
}

// values adds s (n, to-from) times the values at [from, to) to o, or to nothing.
func (t *attendPart) values(n, from, to int, fresh bool) {
	g, a := t.g, t.args
	*a = gemmArgs{groups: to - from, lda: 4 * keyBlock, ldb: 4 * t.dPad, ldc: 4 * t.dPad, ldAdd: 4 * t.dPad}
	if t.half {
		a.groups = (a.groups + 1) / 2
	}
	v := t.v[(from-t.first)*t.valD:]
	left := t.dPad / t.lanes
	most := len(g.of[0])
	for col := 0; left > 0; {
		tiles := (left + most - 1) / most
		units := (left + tiles - 1) / tiles
		a.b = unsafe.Pointer(&v[col])
		if t.codes {
			a.colS = unsafe.Pointer(&t.ones[col])
		}
		for r, rows := 0, 0; r < n; r += rows {
			rows = g.fit(n - r)
			a.a = unsafe.Pointer(&t.s[r*keyBlock])
			a.c = unsafe.Pointer(&t.o[r*t.dPad+col])
			if t.codes {
				a.rowS = unsafe.Pointer(&t.scales.e[r])
			}
			if a.add = a.c; fresh {
				a.add = nil
			}
			f := g.of[rows-1][units-1]
			a.tiles = (n - r) / rows
			rows *= a.tiles
			f(a)
		}
		col += units * t.lanes
		left -= units
	}
}

// tileScores computes s (n, to-from), rounded up to tiles.
func (t *attendPart) tileScores(n, from, to int) {
	*t.tile = tileArgs{rows: n, cols: to - from, steps: t.keyD / tileGroups, a: unsafe.Pointer(&t.q[0]), lda: 4 * t.keyD,
		b: unsafe.Pointer(&t.kt[(from-t.first)*t.keyD]), ldb: 4 * tileRows, unit: 4 * tileRows * t.keyD, c: unsafe.Pointer(&t.s[0]), ldc: 4 * keyBlock}
	t.g.tiles(t.tile)
}

// tileValues adds s (n, to-from) times the values at [from, to) to o, or to nothing. Steps are of 32 keys: exponentials of those beyond the last are zeros.
func (t *attendPart) tileValues(n, from, to int, fresh bool) {
	const step = 2 * tileGroups
	steps := (to - from + step - 1) / step
	if written := roundUp(to-from, t.lanes); written < steps*step {
		for i := range n {
			clear(t.s[i*keyBlock+written/2:][:(steps*step-written)/2])
		}
	}
	*t.tile = tileArgs{rows: n, cols: t.a.D, steps: steps, a: unsafe.Pointer(&t.s[0]), lda: 4 * keyBlock, b: unsafe.Pointer(&t.v[(from-t.first)*t.valD]),
		ldb: 4 * t.dPad, unit: 64, c: unsafe.Pointer(&t.o[0]), ldc: 4 * t.dPad}
	if !fresh {
		t.tile.add = t.tile.c
	}
	t.g.tiles(t.tile)
}
