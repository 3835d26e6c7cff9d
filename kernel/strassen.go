package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Products of float32 with long texts take seven multiplications of half as many rows, columns and inner values instead of eight: one level of Strassen's
// algorithm in Winograd's form (Strassen 1969, "Gaussian Elimination is not Optimal"; Winograd 1971, "On multiplication of 2 x 2 matrices"), whose sums of
// rows are computed where these come into a near cache, whose differences of panels beside the first products that do not need them, and whose results are added
// where tiles are stored, as in Huang, Smith, Henry and van de Geijn 2016 ("Strassen's Algorithm Reloaded"). A stretch of rows, two panels of columns and a pass
// of inner values are one such product:
//
//	S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2
//	T1 = B12 - B11   T2 = B22 - T1    T3 = B22 - B12   T4 = T2 - B21
//	U2 = A11 B11 + S2 T2              U3 = U2 + S3 T3
//	C11 = A11 B11 + A12 B21           C12 = U2 + S1 T1 + S4 B22
//	C21 = U3 - A22 T4                 C22 = U3 + S1 T1
//
// Rounding is then relative to the largest of the rows and columns that meet in a sum (Higham 2002, section 23.2.2), so only those do whose lengths are
// within strassenRatio of each other. Channels are not compared: where some of the inputs are a thousand times the others, and their weights as much smaller,
// results are within about 1e-4, not 1e-6. A stretch is rows of one text, counted from its beginning: what else is computed with a text does not decide what is combined.
const (
	strassenRatio = 32
	strassenPairs = 2 // fewest pairs of panels that are worth the sums of rows
)

// Rows of a text are combined in stretches of StretchRows; its last one is where it has LeastStretch rows. Texts may be cut at multiples of StretchRows
// without changing results.
const StretchRows, LeastStretch = 64, 48

// CombinedRows is how many rows of Fused.Texts products of the format take at a time that combine them, 0 where none do.
func (k *Kernels) CombinedRows(f Format) int {
	if f != FormatF32 || k.t.strassenRows == nil {
		return 0
	}
	return k.t.gemm.strassenBlock
}

// stretch is rows that are combined, an even number of tiles, or rows each for itself.
type stretch struct {
	from, rows int
	combined   bool
}

// strassenStep adds the product of an operand of rows and one of columns, or nothing, to up to two tiles.
type strassenStep struct {
	a, b        int8 // operands, -1 for no product
	plus, plus2 int8 // tiles, -1 for none
	out         int8 // a tile, or a quarter of the result
}

const (
	opA11, opA12, opA22, opS1, opS2, opS3, opS4 = 0, 1, 2, 3, 4, 5, 6
	opB11, opB21, opB22, opT1, opT2, opT3, opT4 = 0, 1, 2, 3, 4, 5, 6 // of T4 the negative
	tileP1, tileU2, tileU3, tileP5              = 0, 1, 2, 3
	outC11, outC12, outC21, outC22              = 4, 5, 6, 7
)

var strassenSteps = [...]strassenStep{
	{opA11, opB11, -1, -1, tileP1},
	{opA12, opB21, tileP1, -1, outC11},
	{opS1, opT1, -1, -1, tileP5},
	{opS2, opT2, tileP1, -1, tileU2},
	{opS3, opT3, tileU2, -1, tileU3},
	{opA22, opT4, tileU3, -1, outC21},
	{opS4, opB22, tileU2, tileP5, outC12},
	{-1, -1, tileU3, tileP5, outC22},
}

// strassenJob is what such a product has beside a linearJob, in the pool.
type strassenJob struct {
	on        bool
	stretches []stretch
	blocks    []int // where blocks of stretches begin, and their number
}

// strassenScratch is one thread's part of it: what it does with stretches, and its memory.
type strassenScratch struct {
	combined, apart            []stretch      // of a pass
	rows, tile, columns, tiles unsafe.Pointer // sums of rows, those of a tile before they are interleaved, differences of panels, tiles P1, U2, U3 and P5
	squares                    [2]float32
}

// alike says whether rows or columns of these squares of lengths may meet in a sum.
func alike(a, b float32) bool {
	const most = strassenRatio * strassenRatio
	return a <= most*b && b <= most*a && a+b < math.MaxFloat32
}

// compareWithPartner takes the square of channel i's length, channels in order, and notes pairs of panels that are not combined.
func (w *Packed) compareWithPartner(i int, square float32) {
	full := w.k.t.gemm.lanes * len(w.g.of[0])
	if w.squares == nil {
		w.squares, w.unlike = make([]float32, full), make([]bool, w.oc/full/2+1)
	}
	switch at := i % full; {
	case i/full%2 == 0:
		w.squares[at] = square
	case !alike(w.squares[at], square):
		w.unlike[i/full/2] = true
	}
	if i == w.oc-1 {
		w.squares = nil
	}
}

// plan cuts the rows of texts into stretches and blocks of them, and says whether any are combined.
func (j *linearJob) plan(texts []int) bool {
	w, s, lanes := j.w, &j.p.strassen, j.w.k.t.gemm.lanes
	if len(texts) < 2 || w.unlike == nil || w.k.t.strassenRows == nil || w.oc/(lanes*len(j.g.of[0]))/2 < strassenPairs || w.groups%(2*lanes) != 0 {
		return false
	}
	if last := texts[len(texts)-1]; texts[0] != 0 || last != j.out.Rows {
		panic(fmt.Sprintf("kernel: LinearFused: texts from row %d to %d of %d", texts[0], last, j.out.Rows))
	}
	s.stretches, s.blocks = s.stretches[:0], append(s.blocks[:0], 0)
	height, combined, block := 2*len(j.g.of), false, 0
	for i, from := range texts[:len(texts)-1] {
		for n := 0; from < texts[i+1]; from += n {
			st := stretch{from: from}
			if n = min(StretchRows, texts[i+1]-from); n >= LeastStretch {
				n -= n % height
				st.combined, combined = true, true
			}
			if st.rows = n; block+n > j.w.k.t.gemm.strassenBlock {
				s.blocks, block = append(s.blocks, len(s.stretches)), 0
			}
			s.stretches, block = append(s.stretches, st), block+n
		}
	}
	s.blocks = append(s.blocks, len(s.stretches))
	return combined
}

// multiplyCombined hands out blocks of rows, ranges of pairs of panels where that makes too few parts.
func (j *linearJob) multiplyCombined() {
	lanes, blocks := j.w.k.t.gemm.lanes, len(j.p.strassen.blocks)-1
	inner := j.w.k.t.gemm.strassenInner
	passes := (j.w.groups + inner - 1) / inner
	j.kGroups = roundUp((j.w.groups+passes-1)/passes, 2*lanes)
	pairs := j.w.oc / (lanes * len(j.g.of[0])) / 2
	parts := 1
	if j.p.threads > 1 {
		parts = max(1, min((4*j.p.threads+blocks-1)/blocks, pairs/8))
	}
	j.panelBlock = (pairs + parts - 1) / parts
	j.panelBlocks = (pairs + j.panelBlock - 1) / j.panelBlock
	j.p.strassen.on = true
	j.p.run(blocks*j.panelBlocks, j)
	j.p.strassen.on = false
}

// combinedPart computes a range of pairs of panels of a block of rows.
func (j *linearJob) combinedPart(thread, i int) {
	w, job, full := j.w, &j.p.strassen, j.w.k.t.gemm.lanes*len(j.g.of[0])
	s := &j.p.own[thread].strassen
	block := i / j.panelBlocks
	list := job.stretches[job.blocks[block]:job.blocks[block+1]]
	first, pairs := i%j.panelBlocks*j.panelBlock, w.oc/full/2
	end := min(first+j.panelBlock, pairs)
	from, to := list[0].from, list[len(list)-1].from+list[len(list)-1].rows
	for pair := first; pair < end; pair++ {
		if w.unlike[pair] {
			j.apart(thread, from, to, 2*pair*full, 2*(pair+1)*full, 0, w.groups)
		}
	}
	if end == pairs {
		j.apart(thread, from, to, 2*pairs*full, w.oc, 0, w.groups)
	}
	s.place(j, thread, to-from, full)
	for k := 0; k < w.groups; k += j.kGroups {
		n := min(j.kGroups, w.groups-k)
		s.combined, s.apart = s.combined[:0], s.apart[:0]
		at := s.rows
		for _, st := range list {
			if st.combined && j.sums(s, at, st, k, n/2) {
				s.combined = append(s.combined, st)
				at = unsafe.Add(at, j.operandBytes(st.rows))
			} else if st.combined || k == 0 {
				s.apart = append(s.apart, st)
			}
		}
		for pair := first; pair < end; pair++ {
			if w.unlike[pair] {
				continue
			}
			if len(s.combined) > 0 {
				j.pair(thread, s, 2*pair*full, k, n/2)
			}
			for _, st := range s.apart { // while the panels are near
				group, groups := k, k+n
				if !st.combined { // with the passes that they have where nothing is combined
					group, groups = 0, w.groups
				}
				j.apart(thread, st.from, st.from+st.rows, 2*pair*full, 2*(pair+1)*full, group, groups)
			}
		}
	}
}

// apart computes rows, columns that begin with a panel, and groups as other products do.
func (j *linearJob) apart(thread, row, end, col, last, group, groups int) {
	full := j.w.k.t.gemm.lanes * len(j.g.of[0])
	for ; col < last; col += full {
		for g := group; g < groups; g += j.w.pass {
			j.panelRows(thread, row, end, col, g, min(j.w.pass, groups-g))
		}
	}
}

// stride is the distance in bytes of the rows of an operand that does not stay in place.
func (j *linearJob) stride() int {
	n := 2 * j.kGroups
	if n%2048 == 0 { // which would lie on the same lines of a first-level cache
		n += 64
	}
	return n
}

// operandBytes is what the operands of so many rows take that do not stay in place.
func (j *linearJob) operandBytes(rows int) int {
	if j.g.packed != nil {
		return 7 * rows / 2 * j.stride()
	}
	return 4 * rows / 2 * j.stride()
}

// place hands out the thread's memory, behind the tile that panelRows uses.
func (s *strassenScratch) place(j *linearJob, thread, rows, full int) {
	half := j.kGroups / 2
	var edge unsafe.Pointer
	places := [...]*unsafe.Pointer{&edge, &s.rows, &s.tile, &s.columns, &s.tiles}
	sizes := [...]int{j.g.edgeBytes(), j.operandBytes(rows), 4 * 4 * half * len(j.g.of), 4 * 4 * half * full, 4 * 4 * StretchRows / 2 * full}
	total := 0
	for i, n := range sizes {
		sizes[i] = roundUp(n, 64)
		total += sizes[i]
	}
	at := scratch(&j.p.own[thread].local, total)
	for i, p := range places {
		*p, at = at, unsafe.Add(at, sizes[i])
	}
}

// operandInPlace returns where operand A11, A12 or A22 of st begins, in the pass from group k on.
func (j *linearJob) operandInPlace(op int, st stretch, k, half int) unsafe.Pointer {
	row := st.from
	if op == opA22 {
		row += st.rows / 2
	}
	if op != opA11 {
		k += half
	}
	return unsafe.Add(j.a, row*j.lda+4*k)
}

// sums writes to at the operands of st that do not stay in place, or returns false where rows are not alike.
func (j *linearJob) sums(s *strassenScratch, at unsafe.Pointer, st stretch, k, half int) bool {
	rows, height, stride := st.rows/2, len(j.g.of), j.stride()
	x := unsafe.Add(j.a, st.from*j.lda+4*k)
	for i := range rows {
		dst, step := unsafe.Add(at, i*stride), rows*stride
		if j.g.packed != nil {
			dst, step = unsafe.Add(s.tile, i%height*4*half), 4*half*height
		}
		j.w.k.t.strassenRows((*float32)(dst), (*float32)(x), (*float32)(unsafe.Add(x, rows*j.lda)), step, &s.squares, half)
		if !alike(s.squares[0], s.squares[1]) {
			return false
		}
		x = unsafe.Add(x, j.lda)
		if j.g.packed == nil || i%height != height-1 {
			continue
		}
		for op := range 7 {
			to := floats(unsafe.Add(at, op*rows*stride+(i-height+1)*4*half), height*half)
			if op < opS1 {
				j.g.interleave(to, (*float32)(unsafe.Add(j.operandInPlace(op, st, k, half), (i-height+1)*j.lda)), j.lda, height, half)
			} else {
				j.g.interleave(to, (*float32)(unsafe.Add(s.tile, (op-opS1)*4*half*height)), 4*half, height, half)
			}
		}
	}
	return true
}

// pair computes two panels, from column col on, for the combined stretches.
func (j *linearJob) pair(thread int, s *strassenScratch, col, k, half int) {
	w, height, full := j.w, len(j.g.of), j.w.k.t.gemm.lanes*len(j.g.of[0])
	size := 4 * half * full
	left := unsafe.Pointer(&w.data[4*(col*w.groups+k*full)])
	right := unsafe.Add(left, 4*full*w.groups)
	columns := [...]unsafe.Pointer{opB11: left, opB21: unsafe.Add(left, size), opB22: unsafe.Add(right, size), opT1: s.columns,
		opT2: unsafe.Add(s.columns, size), opT3: unsafe.Add(s.columns, 2*size), opT4: unsafe.Add(s.columns, 3*size)}
	// the differences that the first stretch's steps compute besides, before those that read them
	differences := [...]struct{ from, minus, to unsafe.Pointer }{
		{right, left, columns[opT1]}, {columns[opB22], columns[opT1], columns[opT2]}, {columns[opB22], right, columns[opT3]}, {columns[opB21], columns[opT2], columns[opT4]},
	}
	add := j.add
	if k > 0 {
		add = j.out
	}
	a, stride, at := &j.p.own[thread].args, j.stride(), s.rows
	ahead := j.aheadOf(s, col, k, half)
	for n, st := range s.combined {
		rows := st.rows / 2
		tileBytes := 4 * rows * full
		for i := range strassenSteps {
			step := &strassenSteps[i]
			*a = gemmArgs{a: at, b: left, tiles: rows / height}
			if op := int(step.a); op >= 0 {
				a.groups, a.b, a.lda = half, columns[step.b], stride
				if n == 0 && i < len(differences) {
					d := &differences[i]
					a.from, a.minus, a.to, a.differences = d.from, int(uintptr(d.minus)-uintptr(d.from)), int(uintptr(d.to)-uintptr(d.from)), len(j.g.of[0])
				}
				switch {
				case j.g.packed != nil:
					a.a = unsafe.Add(at, op*rows*stride)
				case op < opS1:
					a.a, a.lda = j.operandInPlace(op, st, k, half), j.lda
				default:
					a.a = unsafe.Add(at, (op-opS1)*rows*stride)
				}
				a.ahead, a.aheadStep = ahead.next(half/4*a.tiles), ahead.step
			}
			if step.plus >= 0 {
				a.plus = unsafe.Add(s.tiles, int(step.plus)*tileBytes)
			}
			if step.plus2 >= 0 {
				a.plus2 = unsafe.Add(s.tiles, int(step.plus2)*tileBytes)
			}
			if step.out < outC11 {
				a.c, a.ldc = unsafe.Add(s.tiles, int(step.out)*tileBytes), 4*full
			} else {
				row, col := st.from+(int(step.out)-outC11)/2*rows, col+(int(step.out)-outC11)%2*full
				a.c, a.ldc = unsafe.Pointer(&j.out.Data[row*j.out.Stride+col]), 4*j.out.Stride
				if add.Data != nil {
					a.add, a.ldAdd = unsafe.Pointer(&add.Data[row*add.Stride+col]), 4*add.Stride
				}
				if w.bias != nil && k == 0 {
					a.bias = unsafe.Pointer(&w.bias[col])
				}
			}
			w.k.t.gemm.combined(a)
		}
		at = unsafe.Add(at, j.operandBytes(st.rows))
	}
}

// ahead is the weights of the next pair of panels, which tiles ask for meanwhile.
type ahead struct {
	panels [2]uintptr
	size   int // bytes of each
	asked  int
	step   int // bytes every four groups; 0: there are no next ones
}

// aheadOf spreads the two panels behind the pair at col over the calls that compute that.
func (j *linearJob) aheadOf(s *strassenScratch, col, k, half int) (a ahead) {
	w, full, rows := j.w, j.w.k.t.gemm.lanes*len(j.g.of[0]), 0
	if col+4*full > w.oc {
		return a
	}
	for i := range a.panels {
		a.panels[i] = uintptr(unsafe.Pointer(&w.data[4*((col+(2+i)*full)*w.groups+k*full)]))
	}
	for _, st := range s.combined {
		rows += st.rows
	}
	a.size = 2 * 4 * half * full
	a.step = min(w.k.t.gemm.ahead, 1+2*a.size/(7*rows/2/len(j.g.of)*(half/4)))
	return a
}

// next is where a call asks that takes so many times four groups; 0 for nowhere.
func (a *ahead) next(times int) uintptr {
	if a.step == 0 {
		return 0
	}
	at := a.asked
	a.asked += times * a.step
	if at < a.size {
		return a.panels[0] + uintptr(at)
	}
	return a.panels[1] + uintptr(at-a.size)
}
