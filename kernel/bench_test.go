package kernel

import (
	"fmt"
	"testing"
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
		for _, rows := range []int{2048, 32, 1} {
			for _, f := range formats {
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
