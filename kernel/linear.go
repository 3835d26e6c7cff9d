package kernel

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"unsafe"
)

// Linear writes out (T, OC) = x (T, C) times the matrix (OC, C) transposed, plus the bias. out must not overlap x.
func (w *Packed) Linear(p *Pool, out, x Mat) { w.LinearFused(p, out, x, Fused{}) }

// Fused is what a product does besides, while values are in a near cache.
type Fused struct {
	// Prepare, where it is set, is called once for every row of x before that is read: it fills the row. Several threads call it.
	Prepare func(row int)
	// Add (T, OC) is added to the product; it may be out. The zero value adds nothing.
	Add Mat
	// Texts, where it is set, are the rows at which texts begin, in order, and the number of rows: FormatF32 may then combine rows of one text of
	// LeastStretch rows or more, which is faster and rounds otherwise (see strassen.go).
	Texts []int
	// Gated is for matrices whose channels come as GateChannels gates, as many values, and so on, and whose number of channels is a multiple of twice that: out
	// (T, OC/2) is SiLU of the gates, near enough for what the format rounds to, times the values. Kernels.Gates says where there is that.
	Gated bool
	// GELU is for matrices of which TakesGELU says so: x is GELU of what its rows hold, near enough for codes of 8 bits.
	GELU bool
}

// GateChannels is how many gates, and values of them, stand together in a product with Fused.Gated.
const GateChannels = 16

// Gates says whether products of the format take Fused.Gated, and are faster so.
func (k *Kernels) Gates(f Format) bool { return k.gemm(f).gated != nil }

// TakesGELU says whether products with the matrix take Fused.GELU, and are faster so.
func (w *Packed) TakesGELU() bool {
	return w.turnsToCodes && w.k.t.turnGELUF16 != nil && w.turn.hartley == nil
}

// RowsAtOnce is how many rows a product of a large matrix should have at least: from fewer on the matrix is read more often than the caches behind the first two
// deliver it.
func (k *Kernels) RowsAtOnce() int {
	if k.t.gemm.int8.tiles != nil {
		return 256
	}
	return 64
}

// LinearFused is Linear with what f says.
func (w *Packed) LinearFused(p *Pool, out, x Mat, f Fused) {
	columns := w.oc
	if f.Gated {
		if columns /= 2; w.g.gated == nil || w.oc%(2*GateChannels) != 0 || f.Add.Data != nil {
			panic(fmt.Sprintf("kernel: Linear: no gates of (%d, %d) in %v, or something to add", w.oc, w.c, w.format))
		}
	}
	if f.GELU && !w.TakesGELU() {
		panic(fmt.Sprintf("kernel: Linear: no GELU of what (%d, %d) in %v multiplies", w.oc, w.c, w.format))
	}
	out.check("Linear", "out", x.Rows, columns)
	x.check("Linear", "x", x.Rows, w.c)
	if f.Add.Data != nil {
		f.Add.check("Linear", "Add", x.Rows, w.oc)
	}
	if x.Rows == 0 || w.oc == 0 {
		return
	}
	j := &p.linear
	j.begin(p, w, out)
	j.x, j.prepare, j.add, j.gated, j.gelu = x, f.Prepare, f.Add, f.Gated, f.GELU
	if j.g.input == inputF32 && w.c%j.g.group == 0 {
		j.a, j.lda, j.inPlace = unsafe.Pointer(&x.Data[0]), 4*x.Stride, true
		if j.prepare != nil {
			j.eachRow()
		}
	} else {
		j.convert()
	}
	if j.plan(f.Texts) {
		j.multiplyCombined()
	} else {
		j.multiply()
	}
	*j = linearJob{}     // which holds nobody's memory
	runtime.KeepAlive(w) // its values may lie outside of Go's heap
}

// RowsBF16 writes out (T, OC) = x (T, C) times the matrix transposed for rows x that are kept as BF16, as an index keeps
// them. The matrix is FormatF32 or FormatBF16.
func (w *Packed) RowsBF16(p *Pool, out Mat, x []BF16) {
	out.check("RowsBF16", "out", out.Rows, w.oc)
	rowsFit("RowsBF16", out.Rows, w.c, len(x))
	if out.Rows == 0 || w.oc == 0 {
		return
	}
	j := &p.linear
	j.begin(p, w, out)
	in := j.g.input
	switch {
	case w.scale != nil:
		panic("kernel: RowsBF16: the matrix is " + w.format.String())
	case in == inputBF16 && j.g.tiles == nil && w.c%j.g.group == 0:
		j.a, j.lda = unsafe.Pointer(&x[0]), 2*w.c
	default:
		j.xBF16 = x
		j.convert()
	}
	j.multiply()
	*j = linearJob{}
	runtime.KeepAlive(w) // its values may lie outside of Go's heap
}

// RowsInt8 writes out[t][o] = scales[t] * (codes[t] . row o of the matrix) * the matrix's scale of o, the inner products
// exact, for codes (T, C) as an index keeps them. scales is (T), nil for ones. The matrix comes from PackInt8.
func (w *Packed) RowsInt8(p *Pool, out Mat, codes []int8, scales []float32) {
	out.check("RowsInt8", "out", out.Rows, w.oc)
	rowsFit("RowsInt8", out.Rows, w.c, len(codes))
	if w.format != FormatInt8 || w.turn != nil {
		panic("kernel: RowsInt8: the matrix does not come from PackInt8")
	}
	if scales != nil && len(scales) != out.Rows {
		panic(fmt.Sprintf("kernel: RowsInt8: %d scales for %d rows", len(scales), out.Rows))
	}
	if out.Rows == 0 || w.oc == 0 {
		return
	}
	j := &p.linear
	j.begin(p, w, out)
	j.codes, j.codeScales = codes, scales
	j.convert()
	j.multiply()
	*j = linearJob{}
	runtime.KeepAlive(w) // its values may lie outside of Go's heap
}

// linearJob is one product on a pool: first parts prepare the inputs, and convert them where the micro-kernel wants another form,
// then parts multiply a block of rows with a few panels.
type linearJob struct {
	p        *Pool
	w        *Packed
	g        *gemmKernels
	out, add Mat
	prepare  func(row int)
	gated    bool
	gelu     bool

	a    unsafe.Pointer // inputs as the micro-kernel reads them
	lda  int
	rowS []float32

	converting bool
	inPlace    bool // inputs are read as they are
	x          Mat  // what convert reads: one of these three
	xBF16      []BF16
	codes      []int8
	codeScales []float32

	rowBlock, panelBlock int // rows and panels of one part
	panelBlocks          int
	kGroups              int // groups that one pass over a panel covers
	interleaved          bool
	whole                bool // a block of rows stays in the second-level cache, or in scratch, with all its groups
}

func (j *linearJob) begin(p *Pool, w *Packed, out Mat) {
	*j = linearJob{p: p, w: w, g: w.g, out: out}
}

// convertRows is how many rows one part converts, whole tiles of every height.
const convertRows = 16

// convert fills the pool's shared scratch with the inputs in the micro-kernel's form, rows padded with zeros to whole
// groups: tile by tile where rows are interleaved, else spaced so that they do not fall on the same lines of the first-level cache.
func (j *linearJob) convert() {
	const aliasing = 2048
	j.lda = j.w.groups * j.g.groupA()
	if !j.g.tiled {
		if j.lda = roundUp(j.lda, 64); j.lda%aliasing == 0 {
			j.lda += 64
		}
	}
	rows := j.out.Rows
	size := rows * j.lda
	if j.g.tiles != nil {
		j.lda |= 64 // rows of a tile on lines of their own
		size = roundUp(rows, tileBlock) * j.lda
	}
	scales := 0
	if j.w.scale != nil {
		scales = 4 * rows
	}
	mem := scratch(&j.p.shared, size+scales)
	j.a = mem
	if scales > 0 {
		j.rowS = floats(unsafe.Add(mem, size), rows)
	}
	j.eachRow()
}

// eachRow prepares and converts all rows.
func (j *linearJob) eachRow() {
	j.converting = true
	rows := j.out.Rows
	parts := (rows + convertRows - 1) / convertRows
	if rows*j.w.c < 1<<13 { // less than sharing it is worth
		for i := range parts {
			j.part(0, i)
		}
	} else {
		j.p.run(parts, j)
	}
	j.converting = false
}

// convertTo converts rows from to to.
func (j *linearJob) convertTo(thread, from, to int) {
	if j.w.turnsToCodes {
		j.turnToCodes(thread, from, to)
		return
	}
	if !j.g.tiled {
		for i := from; i < to; i++ {
			j.convertRow(thread, unsafe.Add(j.a, i*j.lda), i)
		}
		return
	}
	codes := roundUp(quantizeScratch*j.w.c, 64)
	for n := 0; from < to; from += n {
		n = j.g.fit(to - from)
		tile := unsafe.Add(scratch(&j.p.own[thread].local, codes+n*j.lda), codes)
		for r := range n {
			j.convertRow(thread, unsafe.Add(tile, r*j.lda), from+r)
		}
		dst := floats(unsafe.Add(j.a, from*j.lda), n*j.w.groups)
		j.g.interleave(dst, (*float32)(tile), j.lda, n, j.w.groups)
	}
}

// turnToCodes prepares rows from to to, as many at a time as stay in the first-level cache, and turns and quantises them.
func (j *linearJob) turnToCodes(thread, from, to int) {
	w, a := j.w, &j.p.own[thread].turns
	mem := scratch(&j.p.own[thread].local, quantizeScratch*w.c)
	*a = turnArgs{codesStep: j.lda, xStep: 4 * j.x.Stride, signs: unsafe.Pointer(&w.turn.signs[0]), c: w.c, block: w.turn.block, odd: w.turn.odd}
	for n := 0; from < to; from += n {
		n = min(to-from, max(1, (12<<10)/(4*w.c)))
		for i := from; i < from+n && j.prepare != nil; i++ {
			j.prepare(i)
		}
		a.codes, a.x, a.scales = unsafe.Add(j.a, from*j.lda), unsafe.Pointer(&j.x.Row(from)[0]), unsafe.Pointer(&j.rowS[from])
		a.tmp, a.before, a.rows = mem, unsafe.Add(mem, 4*w.c), n
		if w.turn.halfSigns != nil {
			w.k.turnHalf(a, w.turn, j.gelu)
		} else {
			w.k.t.turnU8(a)
		}
	}
}

// turnHalf turns and quantises rows, or their GELU, in half precision, and those that are out of its range in float32; of these GELU takes the place of x.
func (k *Kernels) turnHalf(a *turnArgs, r *rotation, gelu bool) {
	given, turn := *a, k.t.turnF16
	if gelu {
		turn = k.t.turnGELUF16
	}
	a.signs, a.norm = unsafe.Pointer(&r.halfSigns[0]), r.halfNorm
	turn(a)
	for i, scale := range unsafe.Slice((*float32)(given.scales), given.rows) {
		if scale < 0 {
			*a = given
			a.codes, a.x, a.scales = unsafe.Add(given.codes, i*given.codesStep), unsafe.Add(given.x, i*given.xStep), unsafe.Add(given.scales, 4*i)
			a.rows = 1
			if gelu {
				x := floats(a.x, a.c)
				k.GELURough(x, x)
			}
			k.t.turnU8(a)
		}
	}
	a.signs = given.signs
}

// convertRow prepares row i and converts it into row.
func (j *linearJob) convertRow(thread int, row unsafe.Pointer, i int) {
	if j.prepare != nil {
		j.prepare(i)
	}
	if j.inPlace {
		return
	}
	w := j.w
	c, padded := w.c, w.groups*j.g.group
	if j.codes != nil {
		j.rowS[i] = 1
		if j.codeScales != nil {
			j.rowS[i] = j.codeScales[i]
		}
		j.putCodes(row, j.codes[i*c:(i+1)*c])
		return
	}
	switch j.g.input {
	case inputF32:
		dst := floats(row, padded)
		if j.xBF16 != nil {
			w.k.t.fromBF16(dst[:c], j.xBF16[i*c:(i+1)*c])
		} else {
			copy(dst, j.x.Row(i))
		}
		clear(dst[c:])
	case inputBF16:
		dst := unsafe.Slice((*BF16)(row), padded)
		if j.xBF16 != nil {
			copy(dst, j.xBF16[i*c:(i+1)*c])
		} else {
			w.k.t.toBF16(dst[:c], j.x.Row(i))
		}
		clear(dst[c:])
	case inputSplit:
		if j.xBF16 != nil {
			joinRow(row, j.xBF16[i*c:(i+1)*c], w.groups)
		} else {
			w.k.splitRow(row, j.x.Row(i))
		}
	case inputF16:
		j.rowS[i] = w.halve(unsafe.Slice((*F16)(row), padded), j.x.Row(i))
	default:
		j.quantizeRow(thread, row, i)
	}
}

// quantizeScratch is the scratch that quantizeRow takes for each value, in bytes.
const quantizeScratch = 9

// quantizeRow turns and quantises row i of x.
func (j *linearJob) quantizeRow(thread int, row unsafe.Pointer, i int) {
	w, c := j.w, j.w.c
	mem := scratch(&j.p.own[thread].local, quantizeScratch*c)
	turned := w.turn.apply(w.k, floats(mem, c), floats(unsafe.Add(mem, 4*c), c), j.x.Row(i), w.turn.signs, &j.p.own[thread].args)
	if j.g.input == inputI16 {
		j.rowS[i] = w.quantize16(unsafe.Slice((*int16)(row), w.groups*j.g.group), turned)
		return
	}
	if j.g.input == inputU8 {
		padded := unsafe.Slice((*int8)(row), w.groups*j.g.group)
		largest, shift := j.g.inputCodes()
		j.rowS[i] = w.k.quantizeBy(padded[:c], turned, w.k.t.maxAbs(turned)/float32(largest), int8(shift))
		clear(padded[c:])
		return
	}
	if j.g.input == inputS8 {
		padded := unsafe.Slice((*int8)(row), w.groups*j.g.group)
		j.rowS[i] = w.k.QuantizeInt8(padded[:c], turned)
		clear(padded[c:])
		return
	}
	codes := unsafe.Slice((*int8)(unsafe.Add(mem, 8*c)), c)
	j.rowS[i] = w.k.QuantizeInt8(codes, turned)
	j.putCodes(row, codes)
}

// putCodes writes a row of codes in the form of inputU8, inputS8 or inputS16.
func (j *linearJob) putCodes(row unsafe.Pointer, codes []int8) {
	padded := j.w.groups * j.g.group
	if j.g.input == inputS8 {
		dst := unsafe.Slice((*int8)(row), padded)
		clear(dst[copy(dst, codes):])
		return
	}
	if j.g.input == inputU8 {
		dst := unsafe.Slice((*uint8)(row), padded)
		src := unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(codes))), len(codes))
		n := len(src) &^ 7
		for i := 0; i < n; i += 8 {
			binary.NativeEndian.PutUint64(dst[i:], binary.NativeEndian.Uint64(src[i:])^0x8080808080808080)
		}
		for i := n; i < len(src); i++ {
			dst[i] = src[i] ^ 0x80
		}
		clear(dst[len(codes):])
		return
	}
	dst := unsafe.Slice((*int16)(row), padded)
	for i, c := range codes {
		dst[i] = int16(c)
	}
	clear(dst[len(codes):])
}

// wholeRows is how many rows are worth a pass over all weights.
const wholeRows = 64

// linearCache is what one block of rows may take of the second-level cache.
const linearCache = 384 << 10

// multiply hands out the tiles. Blocks of rows are as tall as stay in the second-level cache beside a panel, with all their groups where that is
// wholeRows at least, else with those of one pass; where there are few blocks a part is fewer panels.
func (j *linearJob) multiply() {
	if j.g.tiles != nil {
		j.multiplyTiles()
		return
	}
	gs := &j.w.k.t.gemm
	rows, tile := j.out.Rows, len(j.g.of)
	full := gs.lanes * len(j.g.of[0])
	panels := (j.w.oc + full - 1) / full
	j.interleaved = j.g.packed != nil && rows >= 2*tile && panels >= 8
	width := j.g.groupA()
	j.kGroups = j.w.pass
	j.rowBlock = max(4*tile, linearCache/(j.kGroups*width)/tile*tile)
	if n := linearCache / (j.w.groups * width) / tile * tile; n >= min(rows, wholeRows) {
		j.rowBlock, j.whole = n, true
	}
	j.rowBlock = min(j.rowBlock, roundUp(evenly(rows, j.rowBlock), tile))
	blocks := (rows + j.rowBlock - 1) / j.rowBlock
	if j.interleaved {
		j.panelBlock = panels
		if j.p.threads > 1 { // each part interleaves its rows for itself
			parts := (4*j.p.threads + blocks - 1) / blocks
			j.panelBlock = max(8, (panels+parts-1)/parts)
		}
	} else {
		j.panelBlock = min(8, max(1, panels*blocks/(8*j.p.threads)))
	}
	j.panelBlocks = (panels + j.panelBlock - 1) / j.panelBlock
	j.p.run(blocks*j.panelBlocks, j)
}

// groupA is the size in bytes of one group of a row of inputs.
func (g *gemmKernels) groupA() int { return g.group * g.input.bytes() }

func (j *linearJob) part(thread, i int) {
	if j.converting {
		j.convertTo(thread, i*convertRows, min((i+1)*convertRows, j.out.Rows))
		return
	}
	switch {
	case j.p.strassen.on:
		j.combinedPart(thread, i)
		return
	case j.g.tiles != nil:
		j.tilesPart(thread, i)
		return
	}
	row := i / j.panelBlocks * j.rowBlock
	panel := i % j.panelBlocks * j.panelBlock
	full := j.w.k.t.gemm.lanes * len(j.g.of[0])
	end, last := min((panel+j.panelBlock)*full, j.w.oc), min(row+j.rowBlock, j.out.Rows)
	if j.whole { // one panel after the other, so that results stay in a near cache
		for g := 0; j.interleaved && g < j.w.groups; g += j.kGroups {
			j.interleave(thread, row, g)
		}
		for c := panel * full; c < end; c += full {
			for g := 0; g < j.w.groups; g += j.kGroups {
				j.panelRows(thread, row, last, c, g, j.kGroups)
			}
		}
		return
	}
	for g := 0; g < j.w.groups; g += j.kGroups {
		if j.interleaved {
			j.interleave(thread, row, g)
		}
		for c := panel * full; c < end; c += full {
			j.panelRows(thread, row, last, c, g, j.kGroups)
		}
	}
}

// edgeWidth is the number of columns of the widest panel, and edgeBytes the size of a tile of that width, which stands at
// the beginning of a thread's scratch.
const edgeWidth = 64

func (g *gemmKernels) edgeBytes() int { return 4 * edgeWidth * len(g.of) }

// interleave writes a block of rows, one block of groups, into the thread's scratch as the packed micro-kernels read it,
// tile by tile.
func (j *linearJob) interleave(thread, row, group int) {
	groups := min(j.kGroups, j.w.groups-group)
	end := min(row+j.rowBlock, j.out.Rows)
	prefetch := j.w.k.t.prefetch
	mem := scratch(&j.p.own[thread].local, j.g.edgeBytes()+linearCache)
	dst := floats(unsafe.Add(mem, j.packedAt(end-row, group)), (end-row)*groups)
	for r, n := row, 0; r < end; r += n {
		n = j.g.fit(end - r)
		if next := min(n, end-r-n); next > 0 && prefetch != nil {
			prefetch(unsafe.Add(j.a, (r+n)*j.lda+group*j.g.groupA()), j.lda, groups*j.g.groupA(), next)
		}
		j.g.interleave(dst[(r-row)*groups:][:n*groups], (*float32)(unsafe.Add(j.a, r*j.lda+group*j.g.groupA())), j.lda, n, groups)
	}
}

// packedAt is where the interleaved values of a block of rows, the groups from group on, begin in the thread's scratch.
func (j *linearJob) packedAt(rows, group int) int {
	if !j.whole {
		group = 0
	}
	return j.g.edgeBytes() + 4*rows*group
}

// panelRows multiplies a block of rows with one panel over one block of groups.
func (j *linearJob) panelRows(thread, row, end, col, group, groups int) {
	w, gs := j.w, &j.w.k.t.gemm
	start, width := w.panel(col)
	size := j.g.groupBytes(w.format)
	a := &j.p.own[thread].args
	*a = gemmArgs{
		groups: min(groups, w.groups-group), lda: j.lda,
		b:   unsafe.Pointer(&w.data[(start*w.groups+group*width)*size]),
		ldb: width * size, ldc: 4 * j.out.Stride,
	}
	if tiles := (end - row) / len(j.g.of); tiles > 1 && a.groups > 4 { // the panel behind, evenly over the tiles
		a.ahead = uintptr(a.b) + uintptr(a.groups*a.ldb)
		a.aheadStep = min(gs.ahead, 1+a.groups*a.ldb/(tiles*(a.groups/4)))
	}
	add := j.add
	if group > 0 {
		add = j.out
	} else if w.bias != nil {
		a.bias = unsafe.Pointer(&w.bias[col])
	}
	if w.scale != nil {
		a.colS = unsafe.Pointer(&w.scale[col])
		if w.comp != nil {
			a.comp = unsafe.Pointer(&w.comp[col])
		}
	}
	of, at := j.g.of, j.packedAt(end-row, group)
	if j.interleaved {
		of = j.g.packed
	}
	edge := col+width > w.oc
	for r, n := row, 0; r < end; r += n {
		height := j.g.fit(end - r)
		f := of[height-1][width/gs.lanes-1]
		if n = height; !edge {
			n *= (end - r) / height // tiles one below the other
		}
		a.tiles = n / height
		if j.interleaved {
			a.a = unsafe.Pointer(&j.p.own[thread].local[at+4*(r-row)*a.groups])
		} else {
			a.a = unsafe.Add(j.a, r*j.lda+group*j.g.groupA())
		}
		if w.scale != nil {
			a.rowS = unsafe.Pointer(&j.rowS[r])
		}
		if edge {
			j.edge(thread, f, j.out.from(r, col, n), add.from(r, col, n))
			continue
		}
		a.c = unsafe.Pointer(&j.out.Data[r*j.out.Stride+col])
		if add.Data != nil {
			a.add, a.ldAdd = unsafe.Pointer(&add.Data[r*add.Stride+col]), 4*add.Stride
		}
		f(a)
	}
}

// edge runs f on a tile that reaches beyond the last column of out, through scratch; add is nil for nothing.
func (j *linearJob) edge(thread int, f gemmFunc, out, add Mat) {
	const width = edgeWidth
	a := &j.p.own[thread].args
	tmp := floats(scratch(&j.p.own[thread].local, j.g.edgeBytes()), width*len(j.g.of))
	if a.add = nil; add.Data != nil {
		for i := range add.Rows {
			copy(tmp[i*width:], add.Row(i))
		}
		a.add, a.ldAdd = unsafe.Pointer(&tmp[0]), 4*width
	}
	a.c, a.ldc = unsafe.Pointer(&tmp[0]), 4*width
	f(a)
	for i := range out.Rows {
		copy(out.Row(i), tmp[i*width:])
	}
	a.ldc = 4 * j.out.Stride
}
