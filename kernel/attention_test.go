package kernel

import (
	"math"
	"slices"
	"testing"
)

// refAttend is the definition in float64, a score at a time.
func refAttend(a Attention, d AttentionData, s Span, i, h int) []float64 {
	prefix := d.PrefixK.Rows
	g := h * a.KVHeads / a.Heads
	pos := prefix + s.Pos + i
	q := d.Q.Row(s.Q + i)[h*a.D:][:a.D]
	var scores []float64
	var values [][]float32
	for j := range prefix + s.NK {
		k, v := d.K, d.V
		row := s.K + j - prefix
		if j < prefix {
			k, v, row = d.PrefixK, d.PrefixV, j
		}
		if a.Causal && j > pos || a.Window > 0 && (pos-j >= a.Window || j-pos >= a.Window) {
			continue
		}
		var dot float64
		for c, w := range k.Row(row)[g*a.D:][:a.D] {
			dot += float64(q[c]) * float64(w)
		}
		dot *= float64(a.Scale)
		if a.Softcap > 0 {
			dot = float64(a.Softcap) * math.Tanh(dot/float64(a.Softcap))
		}
		if a.Bias != nil {
			dot += float64(a.Bias[h*(2*a.BiasReach+1)+j-pos+a.BiasReach])
		}
		scores, values = append(scores, dot), append(values, v.Row(row)[g*a.D:][:a.D])
	}
	out := make([]float64, a.D)
	m, l := math.Inf(-1), 0.
	for _, s := range scores {
		m = max(m, s)
	}
	for _, s := range scores {
		l += math.Exp(s - m)
	}
	for j, s := range scores {
		for c, v := range values[j] {
			out[c] += math.Exp(s-m) / l * float64(v)
		}
	}
	return out
}

type attendCase struct {
	name   string
	a      Attention
	spans  []Span
	prefix int
}

func attendCases() []attendCase {
	ragged := []Span{{0, 5, 0, 5, 0}, {5, 1, 5, 1, 0}, {6, 70, 6, 70, 0}}
	full := Attention{Heads: 2, KVHeads: 2, D: 32, Scale: .2}
	causal := Attention{Heads: 4, KVHeads: 2, D: 64, Scale: .125, Causal: true}
	window, local, capped, biased := causal, full, causal, full
	window.Window, local.Window, capped.Softcap = 17, 9, 2
	biased.BiasReach = 90
	biased.Bias = normals(random(9), 2*181)
	odd := full
	odd.D = 20
	last := []Span{{0, 1, 0, 40, 39}, {1, 2, 40, 500, 498}}
	return []attendCase{
		{"full", full, ragged, 0},
		{"causal grouped", causal, ragged, 0},
		{"window", window, ragged, 0},
		{"local", local, ragged, 0},
		{"softcap", capped, ragged, 0},
		{"bias", biased, ragged, 0},
		{"odd head", odd, ragged, 0},
		{"prefix", causal, ragged, 13},
		{"prefix window", window, ragged, 40},
		{"prefix odd", odd, ragged, 5},
		{"last queries", causal, last, 0},
		{"long", causal, []Span{{0, 410, 0, 410, 0}}, 0},
		{"long prefix", full, []Span{{0, 300, 0, 300, 0}}, 500},
		{"long window", window, []Span{{0, 430, 0, 430, 0}}, 0},
		{"no keys", full, []Span{{0, 2, 0, 0, 0}}, 0},
	}
}

func TestAttend(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		attendAll(t, k, false)
		if k.t.gemm.attendHalf.has() {
			attendAll(t, k, true)
		}
	})
}

// attendAll checks every case.
func attendAll(t *testing.T, k *Kernels, bf16 bool) {
	p := NewPool(2)
	defer p.Close()
	for _, c := range attendCases() {
		r := random(10)
		nq, nk := 0, 0
		for _, s := range c.spans {
			nq, nk = max(nq, s.Q+s.NQ), max(nk, s.K+s.NK)
		}
		mat := func(rows, cols int) Mat { // within wider rows, as of a joint product for q, k and v
			return Mat{Data: normals(r, rows*(cols+7)), Rows: rows, Cols: cols, Stride: cols + 7}
		}
		wide, narrow := c.a.Heads*c.a.D, c.a.KVHeads*c.a.D
		d := AttentionData{Q: mat(nq, wide), Out: mat(nq, wide), K: mat(nk, narrow), V: mat(nk, narrow),
			PrefixK: mat(c.prefix, narrow), PrefixV: mat(c.prefix, narrow), Spans: c.spans}
		for i := range nq { // sharp softmaxes too
			k.Scale(d.Q.Row(i), d.Q.Row(i), float32(1+i%5))
		}
		checkAttend(t, k, p, c, d, bf16)
	}
}

// checkAttend compares with the definition. Numbers of bfloat16 are off by up to 2^-9: of scores up to about 30, that is a weight off by a twentieth.
func checkAttend(t *testing.T, k *Kernels, p *Pool, c attendCase, d AttentionData, bf16 bool) {
	abs, rel := 2e-5, 1e-5
	if c.a.BF16 = bf16; bf16 && k.t.gemm.attendHalf.has() {
		abs, rel = .08, 0
	}
	k.Attend(p, c.a, d)
	var n, squares float64
	for _, s := range c.spans {
		step := 1
		if s.NQ > 20 {
			step = 7
		}
		if testing.Short() {
			step = 61
		}
		for i := 0; i < s.NQ; i += step {
			for h := range c.a.Heads {
				want := refAttend(c.a, d, s, i, h)
				for ch, got := range d.Out.Row(s.Q + i)[h*c.a.D:][:c.a.D] {
					near(t, c.name+": query, head, channel", float64(got), want[ch], abs, rel, i, h, ch)
					n, squares = n+1, squares+(float64(got)-want[ch])*(float64(got)-want[ch])
				}
			}
		}
	}
	if rms := math.Sqrt(squares / max(1, n)); rms > .008 {
		t.Errorf("%s, bfloat16 %v: off by %.3g in the mean of squares", c.name, bf16, rms)
	}
}

// TestAttendAlone: a query's output is the same to the bit whichever queries are computed with it, and whether keys before it are the text's own or those of
// a shared beginning: queries from 5 on of a text behind a beginning of 5.
func TestAttendAlone(t *testing.T) {
	const n, from = 1150, 5
	forTiers(t, func(t *testing.T, k *Kernels) {
		for _, window := range []int{0, 500, 40, 600, 1150} {
			for _, bf16 := range []bool{false, true} {
				if k.tier == Plain && window > 0 && window < n || bf16 && !k.t.gemm.attendHalf.has() || window != 0 && window != 500 && window < n && testing.Short() {
					continue
				}
				p := NewPool(1)
				a := Attention{Heads: 2, KVHeads: 1, D: 32, Scale: .3, Causal: true, Window: window, BF16: bf16}
				r := random(13)
				q, kv := MatOf(normals(r, n*64), n, 64), MatOf(normals(r, 2*n*32), 2*n, 32)
				keys, values := kv.from(0, 0, n), kv.from(n, 0, n)
				whole, end := MatOf(make([]float32, n*64), n, 64), MatOf(make([]float32, (n-from)*64), n-from, 64)
				k.Attend(p, a, AttentionData{Q: q, Out: whole, K: keys, V: values, Spans: []Span{{NQ: n, NK: n}}})
				k.Attend(p, a, AttentionData{Q: q.from(from, 0, n-from), Out: end, K: keys.from(from, 0, n-from), V: values.from(from, 0, n-from),
					PrefixK: keys.from(0, 0, from), PrefixV: values.from(0, 0, from), Spans: []Span{{NQ: n - from, NK: n - from}}})
				if !slices.Equal(end.Data, whole.Data[from*64:]) {
					t.Errorf("window %d, bfloat16 %v: other values behind a shared beginning", window, bf16)
				}
				p.Close()
			}
		}
	})
}

// TestAttendWithin: a window that hides no key is none, so that short texts of models with windows go as fast as others.
func TestAttendWithin(t *testing.T) {
	const n, beginning = 90, 20
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		r := random(15)
		q, kv := MatOf(normals(r, n*64), n, 64), MatOf(normals(r, 2*n*32), 2*n, 32)
		d := AttentionData{Q: q.from(beginning, 0, n-beginning), K: kv.from(beginning, 0, n-beginning), V: kv.from(n+beginning, 0, n-beginning),
			PrefixK: kv.from(0, 0, beginning), PrefixV: kv.from(n, 0, beginning), Spans: []Span{{NQ: n - beginning, NK: n - beginning}}}
		for _, causal := range []bool{false, true} {
			var outs [3]Mat
			for i, window := range []int{0, n, n - 1} {
				d.Out = MatOf(make([]float32, (n-beginning)*64), n-beginning, 64)
				k.Attend(p, Attention{Heads: 2, KVHeads: 1, D: 32, Scale: .3, Causal: causal, BF16: true, Window: window}, d)
				outs[i] = d.Out
			}
			if !slices.Equal(outs[0].Data, outs[1].Data) {
				t.Errorf("causal %v: a window of all keys gives other values", causal)
			}
			if slices.Equal(outs[0].Data, outs[2].Data) {
				t.Errorf("causal %v: a window that hides a key gives the same values", causal)
			}
		}
	})
}

// TestAttendEnded: what nobody wants any more is not computed.
func TestAttendEnded(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(2)
		defer p.Close()
		const n = 1200
		x, out := MatOf(normals(random(16), n*32), n, 32), MatOf(make([]float32, n*32), n, 32)
		k.Attend(p, Attention{Heads: 1, KVHeads: 1, D: 32, Scale: .2}, AttentionData{Q: x, Out: out, K: x, V: x, Spans: []Span{{NQ: n, NK: n}}, Ended: func() bool { return true }})
		if slices.ContainsFunc(out.Data, func(v float32) bool { return v != 0 }) {
			t.Error("something was computed")
		}
	})
}

// TestAttendNotANumber: what is not a number, or is not finite, in a query, a key or a value is in no output as a number, whatever the products are of: codes
// of integers have nothing to say it with but their scales. Only products that are minus infinite hide a key.
func TestAttendNotANumber(t *testing.T) {
	const n, d, at = 70, 32, 40
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		for _, causal := range []bool{false, true} {
			for _, bf16 := range []bool{false, true} {
				for where, name := range []string{"query", "key", "value"} {
					for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
						r := random(14)
						q, kv := MatOf(normals(r, n*d), n, d), MatOf(normals(r, 2*n*d), 2*n, d)
						keys, values, out := kv.from(0, 0, n), kv.from(n, 0, n), MatOf(make([]float32, n*d), n, d)
						[]Mat{q, keys, values}[where].Row(at)[5] = bad
						k.Attend(p, Attention{Heads: 1, KVHeads: 1, D: d, Scale: .2, Causal: causal, BF16: bf16}, AttentionData{Q: q, Out: out, K: keys, V: values, Spans: []Span{{NQ: n, NK: n}}})
						for i := range n {
							finite := true
							for _, v := range out.Row(i) {
								finite = finite && !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
							}
							sees := where == 0 && i == at || where > 0 && (!causal || i >= at)
							if finite && sees && (where == 2 || math.IsNaN(float64(bad))) {
								t.Fatalf("causal %v, bfloat16 %v, %v in a %s: output %d is a number", causal, bf16, bad, name, i)
							}
						}
					}
				}
			}
		}
	})
}

// TestAttendLargeScores: scores of 1e10 and more, finite in float32, choose one key's value each, also where a later block of keys has it.
func TestAttendLargeScores(t *testing.T) {
	const n, d = 600, 32
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		r := random(15)
		q, keys, values, out := MatOf(normals(r, n*d), n, d), MatOf(normals(r, n*d), n, d), MatOf(normals(r, n*d), n, d), MatOf(make([]float32, n*d), n, d)
		k.Scale(q.Data, q.Data, 1e5)
		k.Scale(keys.Data, keys.Data, 1e5)
		k.Attend(p, Attention{Heads: 1, KVHeads: 1, D: d, Scale: 1}, AttentionData{Q: q, Out: out, K: keys, V: values, Spans: []Span{{NQ: n, NK: n}}})
		for i := range n {
			best, first, second := 0, math.Inf(-1), math.Inf(-1)
			for j := range n {
				score := 0.
				for c, v := range q.Row(i) {
					score += float64(v) * float64(keys.Row(j)[c])
				}
				if score > first {
					best, first, second = j, score, first
				} else {
					second = max(second, score)
				}
			}
			if first-second < 1e6 { // rounding may choose
				continue
			}
			for c, v := range out.Row(i) {
				near(t, "large scores", float64(v), float64(values.Row(best)[c]), 0, 1e-6, i, c)
			}
		}
	})
}
