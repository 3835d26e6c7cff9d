package kernel

import "unsafe"

// Tiles are the products of processors with registers of 16 rows (AMX): one call multiplies a block of rows with many columns. What a product reads is in steps of 64
// bytes of a row, 16 groups of four bytes; columns come in units of 16, each unit (groups, 16 columns, 4 bytes).
//
// float32 goes through products of bfloat16: a number is the sum of three of bfloat16, which have its 24 bits together, and of the nine products of two numbers'
// parts the three smallest are left out (Henry, Tang and Heinecke 2019, "Leveraging the bfloat16 Artificial Intelligence Datatype for Higher-Precision
// Computations", section 3). What is left out is less than 2^-22 of a product, as rounding is. Rows are taken apart once, columns whenever they come into a near cache, so that
// weights take no more memory.

// tileRows and tileGroups are the rows of a tile, and the groups of a step; tileBlock is how many rows are multiplied at once.
const tileRows, tileGroups, tileBlock = 16, 16, 32

// tileArgs is what one call reads: out (rows, cols) from rows of a and units of b. Steps of a and out are in bytes. Rows of a may be read up to a multiple of
// tileBlock. float32's rows of a have the three parts of every 32 values one behind the other, its b is float32, two values of a channel to a group.
type tileArgs struct {
	rows, cols int            // at least one each
	steps      int            // of 64 bytes of a row of a, 192 of float32; at least one
	a          unsafe.Pointer // first row of a
	lda        int            // bytes from one row of a to the next
	b          unsafe.Pointer // first unit of b
	unit       int            // bytes from one unit of b to the next
	c          unsafe.Pointer // f32, first row of out
	ldc        int            // bytes from one row of out to the next
	bias       unsafe.Pointer // f32 (columns), added to each row; nil for none
	add        unsafe.Pointer // f32, first row of what is added to the product; nil for none
	ldAdd      int            // bytes from one row of add to the next
	rowS       unsafe.Pointer // int8 only: f32 (rows), scale of each row of a
	colS       unsafe.Pointer // int8 only: f32 (columns), scale of each column of b
	comp       unsafe.Pointer // int8 only: int32 (columns), added to the sums; nil for zeros

	chunk   int            // steps that one pass over the rows covers
	perStep int            // rows whose sums are stored beside each of the last pass's steps: so many that all 32 are
	sums    unsafe.Pointer // sumsBytes
	parts   unsafe.Pointer // f32 only: twice partsBytes for each of chunk's steps, from a multiple of 1024 on

	ldb int // of wholeTiles alone, bytes from one group of b to the next; elsewhere that is 64

	// What a call keeps here meanwhile: places that may lie behind what it reads and writes. It leaves fields above changed too.
	//lint:ignore U1000 the assembly's
	aStart, aAt, bStart, b2, cAt, addAt, slotAt, partsAt, partsNext, splitTo uintptr
	//lint:ignore U1000 the assembly's
	rowsAt, stepsAt, chunkAt, left, slotStep, splitLeft, splitUnit int
}

// wholeTiles, of attention, has none of the fields from bias to sums but add: it writes tiles of 16 rows and columns at c, and where add is set it adds what is there.

// tileChunk and splitChunk are how many steps of two units stay in the first-level cache beside rows, of float32 in its parts, which take partsBytes.
const tileChunk, splitChunk, partsBytes, partsAlign = 14, 4, 2 * 3 * 1024, 1024

// sumsBytes is what the sums of so many rows take: 32 columns of each, of two tileBlocks at least.
func sumsBytes(rows int) int { return 4 * 2 * tileRows * max(2*tileBlock, roundUp(rows, tileBlock)) }

// tilePass is how many bytes of a row of a one pass over the columns covers, and tileCache what a block of rows may take of the second-level cache, which is 2 MB at
// least where there are tiles.
const tilePass, tileCache = 4096, 1 << 20

// splitRow writes x (c) as the three parts of 32 values after 32 others, zeros behind c.
func (k *Kernels) splitRow(dst unsafe.Pointer, x []float32) {
	whole := len(x) &^ 31
	k.t.splitBF16(unsafe.Slice((*BF16)(dst), 3*whole), x[:whole])
	if rest := x[whole:]; len(rest) > 0 {
		block := (*[3][32]BF16)(unsafe.Add(dst, 6*whole))
		*block = [3][32]BF16{}
		for i, v := range rest {
			for part := range block {
				block[part][i] = ToBF16(v)
				v -= block[part][i].Float32()
			}
		}
	}
}

// joinRow is splitRow for numbers of bfloat16, so many groups.
func joinRow(dst unsafe.Pointer, x []BF16, groups int) {
	for to := unsafe.Slice((*[3][32]BF16)(dst), groups/tileGroups); len(to) > 0; to = to[1:] {
		to[0] = [3][32]BF16{}
		x = x[copy(to[0][0][:], x):]
	}
}

// multiplyTiles hands out blocks of rows that stay in the second-level cache, and ranges of columns where these are too few parts.
func (j *linearJob) multiplyTiles() {
	rows := j.out.Rows
	if j.kGroups = j.w.pass; j.gated { // whose sums have to be whole
		j.kGroups = j.w.groups
	}
	most := max(tileBlock, tileCache/(j.kGroups*j.g.groupA())/tileBlock*tileBlock)
	blocks := (rows + most - 1) / most
	j.rowBlock = roundUp((rows+blocks-1)/blocks, tileBlock)
	blocks = (rows + j.rowBlock - 1) / j.rowBlock
	pairs := (j.w.oc + 2*tileRows - 1) / (2 * tileRows)
	parts := 1
	if j.p.threads > 1 {
		parts = min(pairs, max(1, 4*j.p.threads/blocks))
	}
	j.panelBlock = (pairs + parts - 1) / parts
	j.panelBlocks = (pairs + j.panelBlock - 1) / j.panelBlock
	j.p.run(blocks*j.panelBlocks, j)
}

// tilesPart multiplies one block of rows with one range of columns.
func (j *linearJob) tilesPart(thread, i int) {
	w, a := j.w, &j.p.own[thread].tiles
	row, col := i/j.panelBlocks*j.rowBlock, i%j.panelBlocks*j.panelBlock*2*tileRows
	rows, cols := min(j.rowBlock, j.out.Rows-row), min(j.panelBlock*2*tileRows, w.oc-col)
	mem := scratch(&j.p.own[thread].local, sumsBytes(rows)+2*splitChunk*partsBytes+partsAlign)
	parts := unsafe.Add(mem, -uintptr(mem)&(partsAlign-1))
	size := w.g.groupBytes(w.format)
	most := tileChunk
	if j.g.split {
		most = splitChunk
	}
	for g := 0; g < w.groups; g += j.kGroups {
		steps := min(j.kGroups, w.groups-g) / tileGroups
		chunks := (steps + most - 1) / most
		chunk := (steps + chunks - 1) / chunks
		last := steps - (steps-1)/chunk*chunk
		*a = tileArgs{rows: rows, cols: cols, steps: steps, lda: j.lda, unit: tileRows * w.groups * size,
			ldc: 4 * j.out.Stride, sums: unsafe.Add(parts, 2*splitChunk*partsBytes), parts: parts, chunk: chunk, perStep: (tileBlock + last - 1) / last}
		multiply, at := j.g.tiles, col
		if j.gated {
			multiply, at = j.g.gated, col/2
		}
		a.c = unsafe.Pointer(&j.out.Data[row*j.out.Stride+at])
		a.a = unsafe.Add(j.a, row*j.lda+g*j.g.groupA())
		a.b = unsafe.Pointer(&w.data[tileRows*(col/tileRows*w.groups+g)*size])
		add := j.add
		if g > 0 {
			add = j.out
		} else if w.bias != nil {
			a.bias = unsafe.Pointer(&w.bias[col])
		}
		if add.Data != nil {
			a.add, a.ldAdd = unsafe.Pointer(&add.Data[row*add.Stride+col]), 4*add.Stride
		}
		if w.scale != nil {
			a.rowS, a.colS = unsafe.Pointer(&j.rowS[row]), unsafe.Pointer(&w.scale[col])
		}
		if w.comp != nil {
			a.comp = unsafe.Pointer(&w.comp[col])
		}
		multiply(a)
	}
}
