package kernel

import "unsafe"

// The plain tier's micro-kernels: 4 rows by 4 columns.

const plainLanes, plainRows = 4, 4

func plainGEMM() gemmSet {
	s := gemmSet{lanes: plainLanes, kBlock: 4096}
	s.f32 = gemmKernels{group: 1, input: inputF32}
	s.bf16 = gemmKernels{group: 2, input: inputF32}
	s.f16 = gemmKernels{group: 2, input: inputF16}
	s.int16 = gemmKernels{group: 2, input: inputI16}
	s.int8 = gemmKernels{group: 2, input: inputS16}
	for rows := 1; rows <= plainRows; rows++ {
		s.f32.of = append(s.f32.of, plainTiles(rows, plainTileF32))
		s.bf16.of = append(s.bf16.of, plainTiles(rows, plainTileBF16))
		s.f16.of = append(s.f16.of, plainTiles(rows, plainTileF16))
		s.int8.of = append(s.int8.of, plainTiles(rows, plainTileInt[int8]))
		s.int16.of = append(s.int16.of, plainTiles(rows, plainTileInt[int16]))
	}
	s.attend, s.codes = s.f32, s.int8
	return s
}

// plainTiles is a column of a table: tiles one below the other.
func plainTiles(rows int, tile func(a *gemmArgs, rows int)) []gemmFunc {
	return []gemmFunc{func(a *gemmArgs) {
		for {
			tile(a, rows)
			if a.tiles--; a.tiles <= 0 {
				return
			}
			a.a, a.c = unsafe.Add(a.a, rows*a.lda), unsafe.Add(a.c, rows*a.ldc)
			if a.add != nil {
				a.add = unsafe.Add(a.add, rows*a.ldAdd)
			}
			if a.rowS != nil {
				a.rowS = unsafe.Add(a.rowS, 4*rows)
			}
		}
	}}
}

func plainTileF32(a *gemmArgs, rows int) {
	for r := range rows {
		x := floats(unsafe.Add(a.a, r*a.lda), a.groups)
		var s0, s1, s2, s3 float32
		for i, v := range x {
			w := (*[4]float32)(unsafe.Add(a.b, i*a.ldb))
			s0 += v * w[0]
			s1 += v * w[1]
			s2 += v * w[2]
			s3 += v * w[3]
		}
		a.store(r, [4]float32{s0, s1, s2, s3})
	}
}

func plainTileBF16(a *gemmArgs, rows int) {
	for r := range rows {
		x := floats(unsafe.Add(a.a, r*a.lda), 2*a.groups)
		var s [4]float32
		for i := 0; i < len(x); i += 2 {
			w := (*[8]BF16)(unsafe.Add(a.b, i/2*a.ldb))
			u, v := x[i], x[i+1]
			for c := range s {
				s[c] += u*w[2*c].Float32() + v*w[2*c+1].Float32()
			}
		}
		a.store(r, s)
	}
}

func plainTileInt[W int8 | int16](a *gemmArgs, rows int) {
	for r := range rows {
		x := unsafe.Slice((*int16)(unsafe.Add(a.a, r*a.lda)), 2*a.groups)
		var s [4]int32
		for i := 0; i < len(x); i += 2 {
			w := (*[8]W)(unsafe.Add(a.b, i/2*a.ldb))
			u, v := int32(x[i]), int32(x[i+1])
			for c := range s {
				s[c] += u*int32(w[2*c]) + v*int32(w[2*c+1])
			}
		}
		col := (*[4]float32)(a.colS)
		scale := floats(a.rowS, rows)[r]
		var f [4]float32
		for c := range s {
			f[c] = float32(s[c]) * col[c] * scale
		}
		a.store(r, f)
	}
}

// plainTileF16 adds the products of even values and of odd ones in half precision, then the two sums.
func plainTileF16(a *gemmArgs, rows int) {
	for r := range rows {
		x := unsafe.Slice((*F16)(unsafe.Add(a.a, r*a.lda)), 2*a.groups)
		var s [8]float64
		for i := 0; i < len(x); i += 2 {
			w := (*[8]F16)(unsafe.Add(a.b, i/2*a.ldb))
			u, v := float64(x[i].Float32()), float64(x[i+1].Float32())
			for c := 0; c < len(s); c += 2 {
				s[c] = roundF16(s[c] + u*float64(w[c].Float32()))
				s[c+1] = roundF16(s[c+1] + v*float64(w[c+1].Float32()))
			}
		}
		col := (*[4]float32)(a.colS)
		scale := floats(a.rowS, rows)[r]
		var f [4]float32
		for c := range f {
			f[c] = float32(roundF16(s[2*c]+s[2*c+1])) * col[c] * scale
		}
		a.store(r, f)
	}
}

func (a *gemmArgs) store(r int, s [4]float32) {
	out := (*[4]float32)(unsafe.Add(a.c, r*a.ldc))
	if a.bias != nil {
		for c, b := range (*[4]float32)(a.bias) {
			s[c] += b
		}
	}
	if a.add != nil {
		for c, v := range (*[4]float32)(unsafe.Add(a.add, r*a.ldAdd)) {
			s[c] += v
		}
	}
	*out = s
}
