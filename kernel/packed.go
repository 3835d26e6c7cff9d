package kernel

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/labrador-lab/labrador/internal/pages"
)

// Format is the form in which a Packed matrix keeps its values and multiplies them.
type Format uint8

const (
	// FormatF32 is float32 throughout.
	FormatF32 Format = iota
	// FormatBF16 keeps bfloat16, sums in float32. Where the processor multiplies bfloat16 faster than float32, inputs are rounded to
	// bfloat16 too; elsewhere they stay float32 and the weights are widened as they are loaded.
	FormatBF16
	// FormatF16 keeps IEEE half precision and a power of two per output channel. Inputs are rounded to half precision row by row, scaled so that no
	// sum overflows; sums are half precision over chains of halfChain pairs at most, which are added in float32. See Kernels.Has.
	FormatF16
	// FormatInt16 keeps two bytes per value and a scale per output channel. Inputs are quantised row by row, both turned as for FormatInt8. Codes are
	// as large as exact sums in 32 bits allow (see int16Norm): closer to float32 than bfloat16 is, and faster where processors have no fast products of that.
	FormatInt16
	// FormatInt8 keeps a byte per value and a scale per output channel. Inputs are quantised row by row. Both are turned by the
	// same orthogonal matrix first, which leaves the product as it is and spreads outlying channels over all (see rotation); where Packed.Balance says what inputs
	// are like, these channels are smaller in them, and as much larger in the weights.
	FormatInt8
)

// String is "f32", "bf16", "f16", "int16" or "int8".
func (f Format) String() string { return [...]string{"f32", "bf16", "f16", "int16", "int8"}[f] }

// ValueBytes is the size of one value.
func (f Format) ValueBytes() int { return [...]int{4, 2, 2, 2, 1}[f] }

// Has says whether the tier multiplies a format. All have all, but FormatF16, which Plain has, and tiers from AVX512FP16 on.
func (k *Kernels) Has(f Format) bool { return k.gemm(f).has() }

// Arithmetic names how the tier multiplies a format, where that changes more than the last bits of a product: "f32" or "f32 as
// bf16x6" (see tiles.go), "bf16" or "bf16 widened" (inputs stay float32), "f16", "int16", "int8", "int8 in pairs" (rounded a little coarser, see pairLimit) or
// "int8 turned in f16" (see table.turnF16). "+bf16" and "+int16" say what Attention.BF16 makes of attention's products, for other formats than f32.
func (k *Kernels) Arithmetic(f Format) string {
	if f != FormatF32 && k.t.gemm.attendHalf.has() {
		name := f.String()
		if f == FormatInt8 && k.t.turnF16 != nil {
			name += " turned in f16"
		}
		if k.t.gemm.attendHalf.input == inputI16 {
			return name + "+int16"
		}
		return name + "+bf16"
	}
	switch {
	case f == FormatF32 && k.t.gemm.f32.split:
		return "f32 as bf16x6"
	case f == FormatBF16 && k.t.gemm.bf16.input == inputF32:
		return "bf16 widened"
	case f == FormatInt8 && k.t.gemm.int8.pairs:
		return "int8 in pairs"
	}
	return f.String()
}

// Half is the tier's format of two bytes per value for products as near to float32's as bfloat16 allows: the fastest of FormatF16, FormatBF16 and
// FormatInt16.
func (k *Kernels) Half() Format {
	if k.t.gemm.f16Pays {
		return FormatF16
	}
	if k.t.gemm.int16Pays && k.t.gemm.bf16.input == inputF32 {
		return FormatInt16
	}
	return FormatBF16
}

// Mat is a view of rows: row i is Data[i*Stride : i*Stride+Cols].
type Mat struct {
	Data               []float32
	Rows, Cols, Stride int
}

// MatOf views data as (rows, cols) without gaps.
func MatOf(data []float32, rows, cols int) Mat {
	return Mat{Data: data[: rows*cols : rows*cols], Rows: rows, Cols: cols, Stride: cols}
}

// Row is a view of row i, length Cols.
func (m Mat) Row(i int) []float32 { return m.Data[i*m.Stride : i*m.Stride+m.Cols : i*m.Stride+m.Cols] }

// from is a view of rows rows from row on, columns from col on; of a matrix without values it is one too.
func (m Mat) from(row, col, rows int) Mat {
	if m.Data == nil {
		return m
	}
	return Mat{m.Data[row*m.Stride+col:], rows, m.Cols - col, m.Stride}
}

func (m Mat) check(op, what string, rows, cols int) {
	if m.Rows != rows || m.Cols != cols || m.Stride < cols || rows > 0 && len(m.Data) < (rows-1)*m.Stride+cols {
		panic(fmt.Sprintf("kernel: %s: %s is (%d, %d) by %d over %d values, want (%d, %d)",
			op, what, m.Rows, m.Cols, m.Stride, len(m.Data), rows, cols))
	}
}

// Packed is a matrix of weights (OC, C), a row per output channel, in the order in which one tier's products read it. It
// does not change after Fill and SetBias and is safe for concurrent use, with a Pool for each user.
//
// Layout: panels of lanes*units columns (output channels), the last one as few lanes as hold the rest; within a panel
// (groups, columns, group) values, a group being the values of C that one instruction multiplies at once. What is beyond
// OC and C is zero.
type Packed struct {
	k      *Kernels
	g      *gemmKernels
	format Format
	oc, c  int
	groups int
	pass   int // groups that one pass over a panel covers
	data   []byte
	memory *pages.Block // that data lies in; nil: Go's heap
	bias   []float32    // padded to whole lanes; nil for none
	scale  []float32    // int8, int16 and f16: per output channel, padded
	comp   []int32      // int8 with inputU8: minus what makes inputs positive, times the sum of each channel, padded
	turn   *rotation    // int8 and int16 weights; nil for codes
	// turnsToCodes says that table.turnU8 turns and quantises inputs.
	turnsToCodes bool

	unlike  []bool    // f32: pairs of panels that are not combined; nil for none
	squares []float32 // while channels are packed: squares of the lengths of a panel's
}

// Pack packs weights (oc, c) that row delivers one output channel at a time: it fills dst (c) with channel i, from
// whatever the file holds. Rows are asked for in order.
func (k *Kernels) Pack(f Format, oc, c int, row func(i int, dst []float32)) *Packed {
	return k.NewShelf(k.PackedBytes(f, oc, c)).Pack(f, oc, c, row)
}

// PackInt8 packs codes (oc, c) as they are, for RowsInt8: channel i is codes times scales[i]; scales may be nil for ones.
func (k *Kernels) PackInt8(oc, c int, codes []int8, scales []float32) *Packed {
	same("PackInt8", len(codes), oc*c)
	w := k.newPacked(FormatInt8, &k.t.gemm.codes, oc, c)
	padded := make([]int8, w.groups*w.g.group)
	ones := ones(len(padded))
	for i := range oc {
		w.scale[i] = 1
		if scales != nil {
			w.scale[i] = scales[i]
		}
		copy(padded, codes[i*c:(i+1)*c])
		w.put(i, 1, unsafe.Pointer(&padded[0]))
		w.setComp(i, padded, ones)
	}
	return w
}

// newPacked is a matrix of zeros with memory of its own.
func (k *Kernels) newPacked(f Format, g *gemmKernels, oc, c int) *Packed {
	w := k.newUnplaced(f, g, oc, c)
	k.NewShelf(w.size()).take(w)
	return w
}

// newUnplaced is a matrix without memory for its values.
func (k *Kernels) newUnplaced(f Format, g *gemmKernels, oc, c int) *Packed {
	if oc < 0 || c < 1 {
		panic(fmt.Sprintf("kernel: Pack: shape (%d, %d)", oc, c))
	}
	if !g.has() {
		panic(fmt.Sprintf("kernel: Pack: tier %v has no products of %v", k.tier, f))
	}
	w := &Packed{k: k, g: g, format: f, oc: oc, c: c, groups: g.groups(c)}
	padded := roundUp(oc, k.t.gemm.lanes)
	w.pass = w.groups
	switch f {
	case FormatInt8: // whose sums are scaled, so that they are whole
	case FormatF16:
		w.pass = evenly(w.groups, halfChain)
	default:
		block := k.t.gemm.kBlock
		switch {
		case g.tiles != nil:
			w.pass = roundUp(evenly(w.groups, tilePass/g.groupA()), tileGroups)
			return w
		case g.packed != nil:
			block = k.t.gemm.kPacked
		}
		w.pass = evenly(w.groups, block/g.groupA())
	}
	if f == FormatF16 || f == FormatInt16 || f == FormatInt8 {
		w.scale = make([]float32, padded)
		if g.input == inputU8 {
			w.comp = make([]int32, padded)
		}
	}
	return w
}

// Kernels with pairs add four products in 16 bits. Inputs there are codes of up to pairInput instead of 127, so that four
// codes of weights, the ones of a sign, may add up to more, and weights keep more of their bits: of both roundings together
// the error is least near 95. Two of pairLimit are left for the weights' rounding.
const (
	pairInput = 95
	pairLimit = 32767/(2*pairInput) - 2
)

// inputCodes are the largest code of inputs, and what is added to make them positive where they are bytes without a sign.
func (g *gemmKernels) inputCodes() (largest, shift int) {
	if g.pairs {
		return pairInput, pairInput
	}
	return 127, 128
}

// quantize writes one channel's codes and returns their scale, which for kernels with pairs is as large as pairLimit asks.
func (w *Packed) quantize(codes []int8, x []float32) (scale float32) {
	if !w.g.pairs {
		return w.k.QuantizeInt8(codes, x)
	}
	most, group := float32(0), w.g.group
	for i := 0; i < len(x); i += 2 * group {
		for lane := i; lane < min(i+group, len(x)); lane += 2 {
			var four [4]float32
			if j := lane + group + 1; j < len(x) {
				four = [...]float32{x[lane], x[lane+1], x[j-1], x[j]}
			} else {
				copy(four[:2], x[lane:])
				copy(four[2:], x[min(lane+group, len(x)):])
			}
			sum := four[0] + four[1] + four[2] + four[3]
			size := abs(four[0]) + abs(four[1]) + abs(four[2]) + abs(four[3])
			if s := size + abs(sum); s > most { // twice what those of one sign add up to
				most = s
			}
		}
	}
	return w.k.quantizeBy(codes, x, max(w.k.t.maxAbs(x)/127, most/(2*pairLimit)), 0)
}

// int16Norm is the length that codes of one pass are scaled to at most. The sum of products of two such vectors, and of any part of them, stays within
// 32 bits (Cauchy and Schwarz): 46,000 and rounding, half the root of a pass's values, squared are less than 2^31.
const int16Norm = 46000

// length is the length of the longest part of x that one pass covers.
func (w *Packed) length(x []float32) float64 {
	pass, squares := w.pass*w.g.group, float32(0)
	for i := 0; i < len(x); i += pass {
		squares = max(squares, w.k.t.sumSquares(x[i:min(i+pass, len(x))]))
	}
	return math.Sqrt(float64(squares))
}

// halfChain is how many pairs of products are added in half precision, halfNorm the length that one pass of a channel or of a row of inputs is scaled
// to at most: no sum of a pass is larger than its square, far below the largest number, 65504.
const halfChain, halfNorm = 64, 128

// halve writes x in half precision over a power of two, zeros up to the end of dst, and returns that power: numbers of bfloat16 stay exact.
func (w *Packed) halve(dst []F16, x []float32) (scale float32) {
	_, exp := math.Frexp(w.length(x) / halfNorm)
	scale = float32(math.Ldexp(1, max(exp, -100)))
	w.k.t.scaleF16(dst[:len(x)], x, 1/scale)
	clear(dst[len(x):])
	return scale
}

// quantize16 writes the codes of x, zeros up to the end of codes, and returns their scale.
func (w *Packed) quantize16(codes []int16, x []float32) (scale float32) {
	t := &w.k.t
	scale = max(float32(w.length(x))/int16Norm, t.maxAbs(x)/math.MaxInt16)
	if scale < 1e-37 { // whose inverse may be infinite
		clear(codes)
		return 0
	}
	t.quantS16(codes[:len(x)], x, 1/scale)
	clear(codes[len(x):])
	return scale
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// evenly is how many of n groups one pass takes, of passes of about the same length and at most most groups.
func evenly(n, most int) int {
	passes := (n + most - 1) / most
	return min(n, roundUp((n+passes-1)/passes, 4))
}

// groupBytes is the size of one group of one column in a panel.
func (g *gemmKernels) groupBytes(f Format) int { return g.group * f.ValueBytes() }

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// panel returns where the panel of column starts, in columns, and how many columns it has.
func (w *Packed) panel(column int) (start, width int) {
	lanes := w.k.t.gemm.lanes
	full := lanes * w.g.units()
	start = column / full * full
	return start, min(full, roundUp(w.oc-start, lanes))
}

// put writes n channels from first on, which share a panel, into it; they stand one behind the other at src, whole groups each.
func (w *Packed) put(first, n int, src unsafe.Pointer) {
	start, width := w.panel(first)
	size := w.g.groupBytes(w.format)
	dst := unsafe.Pointer(&w.data[(start*w.groups+first-start)*size])
	switch size {
	case 8:
		putWords[uint64](dst, src, w.groups, width, n)
	case 4:
		putWords[uint32](dst, src, w.groups, width, n)
	case 2:
		putWords[uint16](dst, src, w.groups, width, n)
	default:
		putWords[uint8](dst, src, w.groups, width, n)
	}
}

// putWords writes the g-th words of n channels of so many words side by side, at g times step from dst on: a range of words at a time, whose places in dst
// stay in a near cache, of four channels, then one by one.
func putWords[W uint8 | uint16 | uint32 | uint64](dst, src unsafe.Pointer, words, step, n int) {
	const atOnce = 64
	from, to := unsafe.Slice((*W)(src), n*words), unsafe.Slice((*W)(dst), (words-1)*step+n)
	for first := 0; first < words; first += atOnce {
		end := min(first+atOnce, words)
		i := 0
		for ; i+4 <= n; i += 4 {
			r := from[i*words : (i+4)*words]
			r0 := r[first:end]
			r1, r2, r3 := r[words+first:][:len(r0)], r[2*words+first:][:len(r0)], r[3*words+first:][:len(r0)]
			at := to[first*step+i:]
			for g, v := range r0 {
				four := (*[4]W)(at[g*step:])
				four[0], four[1], four[2], four[3] = v, r1[g], r2[g], r3[g]
			}
		}
		for ; i < n; i++ {
			for g := first; g < end; g++ {
				to[g*step+i] = from[i*words+g]
			}
		}
	}
}

// setComp sets comp for channel i with these codes; ones are as many.
func (w *Packed) setComp(i int, codes, ones []int8) {
	if w.comp != nil {
		_, shift := w.g.inputCodes()
		w.comp[i] = -int32(shift) * w.k.t.dotInt8(codes, ones)
	}
}

// ones are what sums of n codes are products with.
func ones(n int) []int8 {
	s := make([]int8, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// SetBias makes every product add b (OC); it is called before the matrix is used. nil takes the bias away.
func (w *Packed) SetBias(b []float32) {
	if b == nil {
		w.bias = nil
		return
	}
	same("SetBias", len(b), w.oc)
	w.bias = make([]float32, roundUp(w.oc, w.k.t.gemm.lanes))
	copy(w.bias, b)
}

// Shape is (OC, C).
func (w *Packed) Shape() (oc, c int) { return w.oc, w.c }

// Format is what the matrix was packed as.
func (w *Packed) Format() Format { return w.format }

// Bytes is the memory that the packed values take.
func (w *Packed) Bytes() int { return len(w.data) + 4*(len(w.bias)+len(w.scale)+len(w.comp)) }
