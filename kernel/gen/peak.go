package main

// genPeak writes loops of nothing but multiplications in registers: what the processor can do at most.
func genPeak(a *asm, s *stubs) {
	type loop struct {
		name string
		ins  func(i int)
	}
	n := 12
	loops := []loop{
		{"peakF32", func(i int) { a.p("VFMADD231PS %s, %s, %s", a.v(13), a.v(14), a.v(i)) }},
		{"peakS16", func(i int) {
			a.p("VPMADDWD %s, %s, %s", a.v(13), a.v(14), a.v(15))
			a.p("VPADDD %s, %s, %s", a.v(15), a.v(i), a.v(i))
		}},
		{"peakVNNI", func(i int) { a.dpbusd(13, 14, i) }},
		{"peakVNNI16", func(i int) { a.dpwssd(13, 14, i) }},
	}
	if a.reg == "Z" {
		loops = append(loops, loop{"peakBF16", func(i int) { a.dpbf16(13, 14, i) }}, loop{"peakF16", func(i int) { a.fmaF16(13, 14, i) }})
	}
	if a.reg == "Y" {
		loops = append(loops, loop{"peakU8", func(i int) { // as stepU8Pairs
			a.p("VPMADDUBSW %s, %s, %s", a.v(13), a.v(14), a.v(15))
			a.p("VPMADDUBSW %s, %s, %s", a.v(13), a.v(14), a.v(12))
			a.p("VPADDW %s, %s, %s", a.v(12), a.v(15), a.v(15))
			a.p("VPMADDWD %s, %s, %s", a.v(13), a.v(15), a.v(15))
			a.p("VPADDD %s, %s, %s", a.v(15), a.v(i), a.v(i))
		}})
	}
	for _, l := range loops {
		name := l.name + a.suffix()
		a.declare(s, name, "(n int)", "0-8")
		a.p("MOVQ n+0(FP), CX")
		for i := range 16 {
			a.clear(i)
		}
		a.p("PCALIGN $64")
		a.label("loop")
		for i := range n {
			l.ins(i)
		}
		a.p("DECQ CX")
		a.p("JNZ loop")
		a.ret()
	}
}

// genNEONPeak writes the same for arm64; a processor has up to four pipes, of four cycles: 24 sums at once.
func genNEONPeak(a *asm, s *stubs) {
	for _, l := range []struct {
		name string
		ins  func(i int) string
	}{
		{"peakF32NEON", func(i int) string { return fmla(i, 30, 31, 0) }},
		{"peakS8DotProd", func(i int) string { return sdotOf(i, 30, 31, 0) }},
		{"peakS8I8MM", func(i int) string { return smmla(i, 30, 31) }},
		{"peakBF16I8MM", func(i int) string { return bfmmla(i, 30, 31) }},
	} {
		a.declare(s, l.name, "(n int)", "0-8")
		a.p("MOVD n+0(FP), R0")
		a.neonClear(0, 32)
		a.p("PCALIGN $64")
		a.label("loop")
		for i := range 24 {
			a.p("%s", l.ins(i))
		}
		a.p("SUBS $1, R0, R0")
		a.p("BNE loop")
		a.neonRet()
	}
}
