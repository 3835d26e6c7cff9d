package kernel

import (
	"fmt"
	"math"
	"testing"
	"unsafe"
)

// shapes are the linears of models: MiniLM-L6, BERT-base, SmolLM2-135M, Qwen2.5-0.5B.
var shapes = []struct {
	name  string
	oc, c int
}{
	{"minilm-qkv", 1152, 384}, {"minilm-o", 384, 384}, {"minilm-up", 1536, 384}, {"minilm-down", 384, 1536},
	{"bert-up", 3072, 768}, {"bert-down", 768, 3072}, {"smol-up", 3072, 576}, {"smol-down", 576, 1536},
	{"qwen-qkv", 1152, 896}, {"qwen-up", 9728, 896}, {"qwen-down", 896, 4864},
}

func BenchmarkLinear(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, rows := range []int{2048, 512, 128, 32, 1} {
			for _, f := range formatsOf(Current()) {
				for _, s := range shapes {
					b.Run(fmt.Sprintf("%v/%s/T=%d/threads=%d", f, s.name, rows, threads), func(b *testing.B) {
						k, p := Current(), NewPool(threads)
						defer p.Close()
						r := random(1)
						row := normals(r, s.c)
						w := k.Pack(f, s.oc, s.c, func(i int, dst []float32) { copy(dst, row) })
						x := MatOf(normals(r, rows*s.c), rows, s.c)
						out := MatOf(make([]float32, rows*s.oc), rows, s.oc)
						w.Linear(p, out, x)
						b.ResetTimer()
						cpu := cpuSeconds()
						for b.Loop() {
							w.Linear(p, out, x)
						}
						cpu = cpuSeconds() - cpu
						work := 2 * float64(rows) * float64(s.oc) * float64(s.c) * float64(b.N)
						b.ReportMetric(work/b.Elapsed().Seconds()/1e9, "GFLOP/s")
						b.ReportMetric(work/cpu/1e9, "GFLOP/cpu-s")
						b.ReportMetric(float64(w.Bytes())*float64(b.N)/b.Elapsed().Seconds()/1e9, "weightGB/s")
					})
				}
			}
		}
	}
}

func BenchmarkPeak(b *testing.B) {
	for _, l := range peakLoops(Current().Tier()) {
		b.Run(l.name, func(b *testing.B) {
			cpu := cpuSeconds()
			for b.Loop() {
				l.run(100000)
			}
			b.ReportMetric(l.ops*100000*float64(b.N)/(cpuSeconds()-cpu)/1e9, "GFLOP/cpu-s")
		})
	}
}

func BenchmarkAttend(b *testing.B) {
	for _, s := range []struct {
		name   string
		a      Attention
		n, len int
	}{
		{"minilm", Attention{Heads: 12, KVHeads: 12, D: 32, Scale: .17}, 16, 128},
		{"bert", Attention{Heads: 12, KVHeads: 12, D: 64, Scale: .125}, 16, 128},
		{"bert", Attention{Heads: 12, KVHeads: 12, D: 64, Scale: .125}, 4, 512},
		{"minilm", Attention{Heads: 12, KVHeads: 12, D: 32, Scale: .17}, 4, 512},
		{"smollm2", Attention{Heads: 9, KVHeads: 3, D: 64, Scale: .125, Causal: true}, 4, 512},
		{"qwen", Attention{Heads: 14, KVHeads: 2, D: 64, Scale: .125, Causal: true}, 16, 128},
		{"qwen", Attention{Heads: 14, KVHeads: 2, D: 64, Scale: .125, Causal: true}, 1, 2048},
		{"qwen", Attention{Heads: 14, KVHeads: 2, D: 64, Scale: .125, Causal: true}, 1, 32},
	} {
		b.Run(fmt.Sprintf("%s/%dx%d", s.name, s.n, s.len), func(b *testing.B) {
			k, p := Current(), NewPool(1)
			defer p.Close()
			r := random(1)
			rows := s.n * s.len
			mat := func(heads int) Mat { return MatOf(normals(r, rows*heads*s.a.D), rows, heads*s.a.D) }
			d := AttentionData{Q: mat(s.a.Heads), Out: mat(s.a.Heads), K: mat(s.a.KVHeads), V: mat(s.a.KVHeads)}
			for i := range s.n {
				d.Spans = append(d.Spans, Span{Q: i * s.len, NQ: s.len, K: i * s.len, NK: s.len})
			}
			pairs := float64(rows * s.len)
			if s.a.Causal {
				pairs = float64(rows) * float64(s.len+1) / 2
			}
			b.ResetTimer()
			cpu := cpuSeconds()
			for b.Loop() {
				k.Attend(p, s.a, d)
			}
			b.ReportMetric(4*pairs*float64(s.a.D*s.a.Heads)*float64(b.N)/(cpuSeconds()-cpu)/1e9, "GFLOP/cpu-s")
		})
	}
}

func BenchmarkRowOps(b *testing.B) {
	k := Current()
	r := random(1)
	x, y, z := normals(r, 1536), normals(r, 1536), make([]float32, 1536)
	var a gemmArgs
	bf, q8 := make([]BF16, 1536), make([]int8, 1536)
	var most, sums [4]float32
	rot, rot3, rot9 := newRotation(1536), newRotation(384), newRotation(576)
	for _, op := range []struct {
		name string
		f    func()
	}{
		{"Add", func() { k.Add(z, x, y) }}, {"Exp", func() { k.Exp(z, x) }}, {"SiLUMul", func() { k.SiLUMul(z, x, y) }},
		{"SiLUMulRough", func() { k.SiLUMulRough(z, x, y) }}, {"GELU", func() { k.GELU(z, x) }}, {"GELURough", func() { k.GELURough(z, x) }}, {"GELUTanh", func() { k.GELUTanh(z, x) }}, {"Softmax", func() { copy(z, x); k.Softmax(z) }},
		{"RMSNorm", func() { k.RMSNorm(z, x, y, 1e-5) }}, {"LayerNorm", func() { k.LayerNorm(z, x, y, x, 1e-5) }},
		{"LayerNorm/4x384", func() {
			for i := 0; i < 1536; i += 384 {
				k.LayerNorm(z[i:i+384], x[i:i+384], y[:384], x[:384], 1e-5)
			}
		}},
		{"Rope", func() { k.Rope(z, x[:768], y[:768]) }}, {"RopePairs", func() { k.RopePairs(z, x[:768], y[:768]) }},
		{"BF16FromF32", func() { k.BF16FromF32(bf, x) }}, {"QuantizeInt8", func() { k.QuantizeInt8(q8, x) }},
		{"rotation/1536", func() { rot.apply(k, z, y, x, rot.signs, nil) }}, {"rotation/4x384", func() {
			for i := 0; i < 1536; i += 384 {
				rot3.apply(k, z[:384], y[:384], x[i:i+384], rot3.signs, &a)
			}
		}}, {"rotation/576", func() { rot9.apply(k, z[:576], y[:576], x[:576], rot9.signs, &a) }}, {"ReLU", func() { k.ReLU(z, x) }},
		{"SoftmaxRows/4x384", func() {
			copy(z, x)
			for i := range most {
				most[i] = -math.MaxFloat32
			}
			rows := softmaxArgs{s: unsafe.Pointer(&z[0]), step: 4 * 384, rows: 4, cols: 384, visible: 384, m: unsafe.Pointer(&most[0]), sums: unsafe.Pointer(&sums[0])}
			k.t.softmaxRows(&rows)
		}},
	} {
		if op.name == "SoftmaxRows/4x384" && k.t.softmaxRows == nil {
			continue
		}
		b.Run(op.name, func(b *testing.B) {
			cpu := cpuSeconds()
			for b.Loop() {
				op.f()
			}
			b.ReportMetric(1536*float64(b.N)/(cpuSeconds()-cpu)/1e9, "Gvalues/cpu-s")
		})
	}
}

// BenchmarkCodes is what a product of codes does to its inputs: 16 rows are turned and quantised.
func BenchmarkCodes(b *testing.B) {
	for _, c := range []int{384, 576, 768, 1536, 3072} {
		b.Run(fmt.Sprint(c), func(b *testing.B) {
			k, p := Current(), NewPool(1)
			defer p.Close()
			w := k.Pack(FormatInt8, 1, c, func(_ int, dst []float32) { dst[0] = 1 })
			j := &linearJob{}
			j.begin(p, w, MatOf(make([]float32, convertRows), convertRows, 1))
			j.x = MatOf(normals(random(1), convertRows*c), convertRows, c)
			cpu := cpuSeconds()
			for b.Loop() {
				j.convert()
			}
			b.ReportMetric(float64(convertRows*c*b.N)/(cpuSeconds()-cpu)/1e9, "Gvalues/cpu-s")
		})
	}
}

// BenchmarkTile runs micro-kernels on operands in the first-level cache.
func BenchmarkTile(b *testing.B) {
	k := Current()
	const groups = 128
	x, y, z, ones := make([]float32, 8*groups*4), make([]float32, groups*64), make([]float32, 8*64), make([]float32, 64)
	for name, g := range map[string]*gemmKernels{"f32": &k.t.gemm.f32, "bf16": &k.t.gemm.bf16, "int8": &k.t.gemm.int8, "codes": &k.t.gemm.codes} {
		size := g.groupBytes(map[string]Format{"f32": FormatF32, "bf16": FormatBF16}[name])
		if g.input == inputU8 || g.input == inputS8 || g.input == inputS16 {
			size = g.group
		}
		for rows := range g.of {
			for units, f := range g.of[rows] {
				cols := k.t.gemm.lanes * (units + 1)
				b.Run(fmt.Sprintf("%s/%dx%d", name, rows+1, units+1), func(b *testing.B) {
					a := &gemmArgs{groups: groups, a: unsafe.Pointer(&x[0]), lda: groups * g.groupA(), b: unsafe.Pointer(&y[0]), ldb: size * cols,
						c: unsafe.Pointer(&z[0]), ldc: 256, rowS: unsafe.Pointer(&ones[0]), colS: unsafe.Pointer(&ones[0])}
					cpu := cpuSeconds()
					for b.Loop() {
						f(a)
					}
					b.ReportMetric(2*groups*float64(g.group*(rows+1)*cols)*float64(b.N)/(cpuSeconds()-cpu)/1e9, "GFLOP/cpu-s")
				})
			}
		}
	}
}

// BenchmarkRows is one query over rows that no cache holds.
func BenchmarkRows(b *testing.B) {
	k := Current()
	const n = 100_000
	for _, d := range []int{384, 768} {
		r := random(1)
		q := normals(r, d)
		rows := make([]float32, n*d)
		for i := range rows {
			rows[i] = float32(i % 7)
		}
		out, ints := make([]float32, n), make([]int32, n)
		half, q8, rows8 := make([]BF16, n*d), make([]int8, d), make([]int8, n*d)
		k.BF16FromF32(half, rows)
		run := func(name string, bytes int, f func()) {
			b.Run(fmt.Sprintf("%s/%d", name, d), func(b *testing.B) {
				b.SetBytes(int64(bytes))
				cpu := cpuSeconds()
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(bytes)*float64(b.N)/(cpuSeconds()-cpu)/1e9, "GB/cpu-s")
			})
		}
		run("sum", 4*n*d, func() { k.t.sumSquares(rows) })
		run("DotRows", 4*n*d, func() { k.DotRows(out, q, rows) })
		run("four at once", 4*n*d, func() {
			for i := 0; i < n; i += 4 {
				r := rows[i*d:]
				k.t.dot4((*[4]float32)(out[i:]), q, r, r[d:], r[2*d:], r[3*d:])
			}
		})
		run("SquaredL2Rows", 4*n*d, func() { k.SquaredL2Rows(out, q, rows) })
		run("DotRowsBF16", 2*n*d, func() { k.DotRowsBF16(out, q, half) })
		run("DotRowsInt8", n*d, func() { k.DotRowsInt8(ints, q8, rows8) })
		ids := make([]uint32, n)
		for i := range ids {
			ids[i] = uint32(r.IntN(n))
		}
		run("DotAt", 4*n*d, func() { k.DotAt(out, q, rows, ids) })
		run("at one by one", 4*n*d, func() {
			for i, id := range ids {
				out[i] = k.t.dot(q, rows[int(id)*d:int(id+1)*d])
			}
		})
		run("DotAtInt8", n*d, func() { k.DotAtInt8(ints, q8, rows8, ids) })
		bits := make([]uint64, n*d/64)
		run("HammingRows", n*d/8, func() { k.HammingRows(ints, bits[:d/64], bits) })
	}
}

// BenchmarkPool is what handing out work costs.
func BenchmarkPool(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	f := func(int, int) {}
	for b.Loop() {
		p.Each(2, f)
	}
}

func BenchmarkPack(b *testing.B) {
	k := Current()
	row := normals(random(1), 896)
	for _, f := range formatsOf(Current()) {
		b.Run(f.String(), func(b *testing.B) {
			cpu := cpuSeconds()
			for b.Loop() {
				k.Pack(f, 1024, 896, func(_ int, dst []float32) { copy(dst, row) })
			}
			b.ReportMetric(1024*896*float64(b.N)/(cpuSeconds()-cpu)/1e6, "Mvalues/cpu-s")
		})
	}
}

// BenchmarkStrassen multiplies texts of 128 rows, each row for itself and combined.
func BenchmarkStrassen(b *testing.B) {
	for _, s := range shapes {
		for _, rows := range []int{2048, 512, 256, 128} {
			for _, combined := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/T=%d/combined=%v", s.name, rows, combined), func(b *testing.B) {
					k, p := Current(), NewPool(1)
					defer p.Close()
					r := random(1)
					row := normals(r, s.c)
					w := k.Pack(FormatF32, s.oc, s.c, func(i int, dst []float32) { copy(dst, row) })
					x := MatOf(normals(r, rows*s.c), rows, s.c)
					out := MatOf(make([]float32, rows*s.oc), rows, s.oc)
					var f Fused
					for i := 0; combined && i <= rows; i += 128 {
						f.Texts = append(f.Texts, i)
					}
					w.LinearFused(p, out, x, f)
					for b.Loop() {
						w.LinearFused(p, out, x, f)
					}
					b.ReportMetric(2*float64(rows)*float64(s.oc)*float64(s.c)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
