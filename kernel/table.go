package kernel

import "unsafe"

// table is what a tier provides. Row functions take slices of equal length, any length, already checked.
type table struct {
	gemm gemmSet

	dot         func(a, b []float32) float32
	sqL2        func(a, b []float32) float32
	dotBF16     func(a []float32, b []BF16) float32
	dotInt8     func(a, b []int8) int32
	hammingRows func(out []int32, q, rows []uint64)
	dot4        func(out *[4]float32, q, a, b, c, d []float32)
	sqL24       func(out *[4]float32, q, a, b, c, d []float32)
	dot4BF16    func(out *[4]float32, q []float32, a, b, c, d []BF16)
	dot4Int8    func(out *[4]int32, q, a, b, c, d []int8)
	above       func(dst []int32, scores, limits []float32) int
	greater     func(dst []int32, scores []float32, limit float32) int
	add         func(dst, a, b []float32)
	mul         func(dst, a, b []float32)
	scale       func(dst, a []float32, s float32)
	addScaled   func(dst, a []float32, s float32)

	max        func(x []float32) float32
	sum        func(x []float32) float32
	sumSquares func(x []float32) float32                    // of x
	variance   func(x []float32, mean float32) float32      // sum of (x-mean)^2
	normScale  func(dst, x, w []float32, mean, inv float32) // dst = (x-mean)*inv*w
	// layerNorm normalises rows of whole vectors in one call; nil where that takes several.
	layerNorm func(dst, x, w, b *float32, eps float64, n int)

	exp     func(dst, a []float32)
	expSub  func(dst, a []float32, m float32) float32 // dst = exp(a-m), m no less than any a; returns the sum
	silu    func(dst, a []float32)
	siluMul func(dst, gate, up []float32)
	// The same two near enough to be rounded to bfloat16 or codes; nil: no faster.
	siluMulRough func(dst, gate, up []float32)
	geluRough    func(dst, a []float32)

	gelu      func(dst, a []float32)
	geluTanh  func(dst, a []float32)
	softcap   func(dst, a []float32, limit float32)
	rope      func(x, y, cos, sin []float32) // x, y = x cos - y sin, y cos + x sin
	ropePairs func(x, cos, sin []float32)

	toBF16 func(dst []BF16, src []float32)
	// splitBF16 writes every 32 values of x rounded, what they leave so, and what that leaves; x has a multiple of 32. nil where no product needs that.
	splitBF16 func(dst []BF16, x []float32)
	fromBF16  func(dst []float32, src []BF16)
	toF16     func(dst []F16, src []float32)
	fromF16   func(dst []float32, src []F16)
	maxAbs    func(x []float32) float32
	quantS8   func(dst []int8, src []float32, inv float32, shift int8) // round(src*inv) + shift, in 8 bits
	quantS16  func(dst []int16, src []float32, inv float32)            // round(src*inv)
	scaleF16  func(dst []F16, src []float32, scale float32)            // src*scale
	hadamard  func(dst, x, y []float32, block int)                     // dst: every block of this power of two of x * y, unnormalised
	// hartley, by the number of rows, transforms the columns of x (rows, block), whole vectors, unnormalised, in place; nil for other numbers.
	hartley map[int]func(x *float32, block int)
	// turnU8 turns and quantises rows by rotations that are whole; nil where this goes step by step.
	turnU8 func(*turnArgs)
	// turnF16 is turnU8 in half precision, with signs of that: rows that are out of its range get a scale of -1. nil where there is none.
	turnF16 func(*turnArgs)
	// turnGELUF16 is turnF16 of GELU of the rows, for blocks of largeBlock that are not mixed.
	turnGELUF16 func(*turnArgs)
	// transpose writes lanes rows of src, cols values each, a multiple of the lanes, as columns of dst, times scale; nil
	// where there is none. Steps are bytes.
	transpose func(dst, src *float32, stepDst, stepSrc int, scale float64, cols int)
	// softmaxRows turns rows of scores into exponentials; nil where rows go one by one.
	softmaxRows func(*softmaxArgs)
	// divideRows writes rows of n values divided by a number each, zeros where that is zero; steps are bytes, and src has whole vectors. nil with softmaxRows.
	divideRows func(dst, src, by *float32, stepDst, stepSrc, rows, n int)
	// The same for products of bfloat16: softmaxRowsBF16 rounds, and writes from the beginning of each row; transposeBF16 turns pairs of neighbours, of a
	// multiple of 2*lanes columns; rowsBF16 rounds rows of n values, a multiple of 2*lanes; pairsBF16 rounds two rows of n values, a multiple of
	// the lanes, into pairs of one of each. A float32 here is room for two.
	softmaxRowsBF16 func(*softmaxArgs)
	transposeBF16   func(dst, src *float32, stepDst, stepSrc int, scale float64, cols int)
	rowsBF16        func(dst, src *float32, stepDst, stepSrc, rows, n int)
	pairsBF16       func(dst, x, y *float32, n int)
	// The same for products of 16-bit codes: softmaxRowsI16; rowsI16 writes a scale for each row; columnsI16 writes the lanes columns of src (n, lanes) as pairs
	// of neighbours, stepDst bytes apart, and scales times scale; pairsI16 writes the scales of its two rows.
	softmaxRowsI16 func(*softmaxArgs)
	rowsI16        func(dst, src, scales *float32, stepDst, stepSrc, rows, n int)
	columnsI16     func(dst, src, scales *float32, stepDst int, scale float64, n int)
	pairsI16       func(dst, x, y, scales *float32, n int)
	// strassenRows computes the sums of rows that seven products multiply (see strassen.go) of two rows of two halves, n values each, whole vectors, and squares
	// the sums of the rows' squares. nil where products take eight.
	strassenRows func(dst, x, y *float32, step int, squares *[2]float32, n int)
	// prefetch asks for the lines of rows of size bytes, step bytes apart, before they are read; nil where there is none.
	prefetch func(p unsafe.Pointer, step, size, rows int)
}

// softmaxArgs is what softmaxRows reads: rows of scores, of which row i has visible + i*grow values that count, no less than 0 and no more
// than cols. Each becomes e^(score - m), the others zero, up to the last vector of cols.
type softmaxArgs struct {
	s             unsafe.Pointer // f32, first row
	step          int            // bytes from one row to the next
	rows, cols    int
	visible, grow int
	m             unsafe.Pointer // f32 (rows): at first what the greatest score is at least, then the greatest
	sums          unsafe.Pointer // f32 (rows): the sum of the row
	times, scales unsafe.Pointer // codes only: f32 (cols), what exponentials are multiplied by; f32 (rows), the codes' scales. A call leaves scales changed
	lanes         unsafe.Pointer // codes only: f32 (8, lanes), scratch
}

// turnArgs is what turnU8 reads: rows of c values that become codes plus 128, and their scales. A call leaves codes, x, scales, tmp and before changed.
type turnArgs struct {
	codes         unsafe.Pointer // uint8 (rows, c), codesStep bytes apart
	codesStep     int
	x             unsafe.Pointer // f32 (rows, c), xStep bytes apart
	xStep         int
	scales        unsafe.Pointer // f32 (rows)
	signs         unsafe.Pointer // f32 (c), the rotation's; turnF16: F16 (c), its halfSigns
	tmp, before   unsafe.Pointer // f32 (c) each: scratch
	c, block, odd int
	rows          int     // at least one
	norm          float32 // turnF16 only: the rotation's halfNorm
}

// gemmArgs is what one call of a micro-kernel reads: a tile of out (rows, columns) from rows of a and one panel of b.
// Steps of a and out are in bytes.
type gemmArgs struct {
	groups int            // steps along the inner dimension, each of the format's group of values
	a      unsafe.Pointer // first row of a
	lda    int            // bytes from one row of a to the next
	b      unsafe.Pointer // (groups, columns, group) values
	ldb    int            // bytes from one group of b to the next
	c      unsafe.Pointer // f32, first row of out
	ldc    int            // bytes from one row of out to the next
	bias   unsafe.Pointer // f32 (columns), added to each row; nil for none
	add    unsafe.Pointer // f32, first row of what is added to the product; nil for none
	ldAdd  int            // bytes from one row of add to the next
	// plus and plus2 are f32 tiles without gaps, one behind the other, that some kernels add besides; nil for none.
	plus, plus2 unsafe.Pointer
	// from is a panel without gaps, of so many groups; minus bytes from it is one that such kernels subtract and to bytes from it where they write the difference,
	// in as many tiles as differences says: the vectors of a panel's group, or none.
	from                   unsafe.Pointer
	minus, to, differences int
	// ahead is where tiles ask for the weights behind b meanwhile, aheadStep bytes further every four groups; 0 and 0 for nowhere.
	ahead     uintptr
	aheadStep int
	tiles     int            // how many tiles, one below the other; 0 is one. A call leaves a, c, add, plus, plus2, rowS and tiles changed
	rowS      unsafe.Pointer // int8, int16 and f16 only: f32 (rows), scale of each row of a
	colS      unsafe.Pointer // int8, int16 and f16 only: f32 (columns), scale of each column of b
	comp      unsafe.Pointer // int8 of inputU8 only: int32 (columns), what sums begin with; nil for zeros
}

// A gemmFunc computes tiles one below the other. Their number of rows and columns is fixed by where it stands in its table.
type gemmFunc func(*gemmArgs)

// gemmKernels are the micro-kernels of one format: of[rows-1][units-1] computes rows x units*lanes. Some heights are
// missing (nil); one row and the last are there.
type gemmKernels struct {
	group int // values of the inner dimension in one step
	input input
	pairs bool // the number of groups is even, and sums of one pair's products stay within 16 bits (see pairLimit)
	of    [][]gemmFunc
	// tiled says that of reads rows of a that interleave wrote, tile by tile, as packed does: inputs are converted, so that costs little.
	tiled bool
	// packed, where there is such a table, is of for rows of a that interleave writes: step by step, a value of each row of
	// the tile. That is faster where enough columns pay for it.
	packed     [][]gemmFunc
	interleave func(dst []float32, src *float32, stepSrc, rows, cols int)
	// tiles, where it is set, is used instead of all of these. split says that it multiplies pairs of bfloat16 that float32 is split into.
	tiles func(*tileArgs)
	gated func(*tileArgs) // tiles for Fused.Gated
	split bool
}

// has says whether there are any.
func (g *gemmKernels) has() bool { return g.of != nil || g.tiles != nil }

// units is how many vectors wide a panel is; tiles take theirs two by two.
func (g *gemmKernels) units() int {
	if g.tiles != nil {
		return 1
	}
	return len(g.of[0])
}

// groups is the number of groups that hold c values.
func (g *gemmKernels) groups(c int) int {
	n := (c + g.group - 1) / g.group
	if g.pairs {
		n += n & 1
	}
	if g.tiles != nil {
		n = roundUp(n, tileGroups)
	}
	return n
}

// fit returns the greatest height of a tile that has no more than n rows.
func (g *gemmKernels) fit(n int) int {
	n = min(n, len(g.of))
	for g.of[n-1] == nil {
		n--
	}
	return n
}

// gemmSet is a tier's matrix product.
type gemmSet struct {
	lanes int // columns of one vector; a panel has maxUnits of them, the last panel of a matrix fewer
	f32   gemmKernels
	// combined is f32's tallest and widest tile for products of combined rows (see strassen.go), interleaved where f32 has packed; nil where there are none.
	combined gemmFunc
	attend   gemmKernels // f32 too: attention's products, whose inner dimensions and widths are small
	// attendHalf are attention's products of numbers of two bytes, bfloat16 or codes; it has no kernels where those do not pay.
	attendHalf gemmKernels
	bf16       gemmKernels
	f16        gemmKernels // has no kernels on most tiers
	int16      gemmKernels
	int8       gemmKernels // of weights that are quantised here
	codes      gemmKernels // of any codes
	// int16Pays says that int16's products are clearly faster than float32's.
	int16Pays bool
	f16Pays   bool // f16's are clearly faster than int16's and bf16's
	kBlock    int  // bytes of one row of a that a pass over a panel covers
	ahead     int  // bytes of the weights behind that a tile asks for every four groups
	kPacked   int  // the same where rows may be interleaved
	// strassenBlock is for how many rows at most differences of panels are computed once, strassenInner how many inner values a pass of them covers at most (see
	// strassen.go).
	strassenBlock, strassenInner int
}

// input is the form in which a micro-kernel reads the rows of a.
type input uint8

const (
	inputF32   input = iota // float32
	inputBF16               // BF16
	inputU8                 // int8 plus a number that makes it positive, as a byte; comp corrects it
	inputS8                 // int8 as it is
	inputS16                // int8 as int16
	inputI16                // int16
	inputF16                // F16
	inputSplit              // float32 as three BF16 (see tiles.go)
)

// bytes is the size of one value.
func (in input) bytes() int { return [...]int{4, 2, 1, 1, 2, 2, 2, 6}[in] }
