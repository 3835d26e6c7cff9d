package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"unsafe"
)

// refLinear is out[t][o] in float64, and the sum of magnitudes that rounding is relative to.
func refLinear(x, w, bias []float32, c, t, o int) (sum, size float64) {
	for i := range c {
		v := float64(x[t*c+i]) * float64(w[o*c+i])
		sum += v
		size += math.Abs(v)
	}
	if bias != nil {
		sum += float64(bias[o])
	}
	return sum, size
}

type linearCase struct {
	rows, oc, c int
	bias, add   bool
	stride      int // beyond the columns, of x and out
	texts       []int
}

// check runs one product on k and compares every value with float64.
func (lc linearCase) check(t *testing.T, k *Kernels, p *Pool, f Format) {
	t.Helper()
	r := random(uint64(lc.rows*1_000_003 + lc.oc*1009 + lc.c))
	x, w := normals(r, lc.rows*lc.c), normals(r, lc.oc*lc.c)
	var bias []float32
	if lc.bias {
		bias = normals(r, lc.oc)
	}
	xs, os := lc.c+lc.stride, lc.oc+lc.stride
	xm := Mat{Data: normals(r, lc.rows*xs), Rows: lc.rows, Cols: lc.c, Stride: xs}
	out := Mat{Data: normals(r, lc.rows*os), Rows: lc.rows, Cols: lc.oc, Stride: os}
	before := append([]float32(nil), out.Data...)
	for i := range lc.rows {
		copy(xm.Row(i), x[i*lc.c:(i+1)*lc.c])
	}
	packed := k.Pack(f, lc.oc, lc.c, func(i int, dst []float32) { copy(dst, w[i*lc.c:]) })
	packed.SetBias(bias)
	var fused Fused
	if lc.add { // every other time another matrix, of other steps
		fused.Add = out
		if lc.rows%2 == 1 {
			fused.Add = MatOf(make([]float32, lc.rows*lc.oc), lc.rows, lc.oc)
			for i := range lc.rows {
				copy(fused.Add.Row(i), out.Row(i))
			}
		}
	}
	if lc.stride > 0 { // rows come into being as they are asked for
		kept := append([]float32(nil), xm.Data...)
		clear(xm.Data)
		fused.Prepare = func(i int) { copy(xm.Row(i), kept[i*xs:]) }
	}
	fused.Texts = lc.texts
	packed.LinearFused(p, out, xm, fused)
	what := fmt.Sprintf("%+v %v", lc, f)
	eps := map[Format]float64{FormatF32: 2e-6, FormatBF16: 1. / 128, FormatF16: 1. / 512}[f]
	for i := range lc.rows {
		for o := range os {
			if o >= lc.oc {
				if got := out.Data[i*os+o]; got != before[i*os+o] {
					t.Fatalf("%+v %v: wrote beyond row %d at %d", lc, f, i, o)
				}
				continue
			}
			want, size := refLinear(x, w, bias, lc.c, i, o)
			if lc.add {
				want += float64(before[i*os+o])
			}
			tol := 1e-5 + eps*size + codesTolerance(f, x[i*lc.c:][:lc.c], w[o*lc.c:][:lc.c])
			near(t, what, float64(out.Data[i*os+o]), want, tol, 1e-6, i, o)
		}
	}
}

// codesTolerance is how far rounding x and w (C) to codes may move their product. A turned row's step is at most its length over 32767 with int16, over
// 80 with int8 (in pairs), and the rounding at most half a step a value: with Cauchy and Schwarz, the bound that int16 and short rows of int8 get.
// Errors of long rows cancel: 19 times the deviation that int8's have for normal numbers.
func codesTolerance(f Format, x, w []float32) float64 {
	c := float64(len(x))
	switch {
	case f == FormatInt16:
		return norm64(x) * norm64(w) * math.Sqrt(c) / 32767
	case f == FormatInt8 && c < 16:
		return norm64(x) * norm64(w) * math.Sqrt(c) / 80
	case f == FormatInt8:
		return .18 * math.Sqrt(c)
	}
	return 0
}

func norm64(x []float32) float64 {
	var squares float64
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	return math.Sqrt(squares)
}

var formats = []Format{FormatF32, FormatBF16, FormatF16, FormatInt16, FormatInt8}

// formatsOf are the formats of a tier.
func formatsOf(k *Kernels) []Format {
	return slices.DeleteFunc(slices.Clone(formats), func(f Format) bool { return !k.Has(f) })
}

func TestLinear(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(2)
		defer p.Close()
		for _, f := range formatsOf(k) {
			for rows := 1; rows <= 20; rows++ {
				linearCase{rows: rows, oc: 50, c: 24, bias: rows%2 == 0, add: rows%3 == 0}.check(t, k, p, f)
			}
			step := 1
			if testing.Short() {
				step = 5
			}
			for n := 1; n <= 70; n += step {
				linearCase{rows: 9, oc: n, c: 20, add: n%2 == 1}.check(t, k, p, f)
				linearCase{rows: 5, oc: 17, c: n, bias: true, stride: n % 5}.check(t, k, p, f)
			}
			c := 297
			if f == FormatInt16 || f == FormatInt8 { // turning an odd number of channels takes long
				c = 296
			}
			for _, rows := range []int{8, 11, 33} { // interleaved where a tier does that
				linearCase{rows: rows, oc: 203, c: c, bias: rows%2 == 0, add: rows%2 == 1, stride: rows % 4}.check(t, k, p, f)
			}
			if testing.Short() {
				linearCase{rows: 33, oc: 49, c: 1100, add: true, bias: true, stride: 3}.check(t, k, p, f)
				continue
			}
			for _, c := range []linearCase{
				{rows: 65, oc: 384, c: 384, bias: true}, {rows: 130, oc: 100, c: 1536, add: true}, {rows: 33, oc: 49, c: 2100, add: true, bias: true, stride: 3},
				{rows: 130, oc: 203, c: 1100, add: true, bias: true, stride: 3}, {rows: 70, oc: 203, c: 2100, add: true}, // blocks of rows, whole and not
				{rows: 1, oc: 576, c: 576}, {rows: 3, oc: 96, c: 896, bias: true}, {rows: 40, oc: 49, c: 1024},
			} {
				c.check(t, k, p, f)
			}
		}
	})
}

// TestLinearTexts: rows of texts, some too short to be combined, odd panels, columns beyond them, several passes and blocks.
func TestLinearTexts(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		cases := []linearCase{
			{rows: 64, oc: 192, c: 64, texts: []int{0, 64}},
			{rows: 140, oc: 250, c: 96, bias: true, add: true, stride: 5, texts: []int{0, 5, 75, 75, 140}},
			{rows: 48, oc: 96, c: 1600, bias: true, add: true, texts: []int{0, 48}},
		}
		if !testing.Short() {
			cases = append(cases, []linearCase{
				{rows: 64, oc: 192, c: 1600, bias: true, add: true, texts: []int{0, 64}},
				{rows: 600, oc: 384, c: 384, bias: true, texts: []int{0, 128, 256, 600}},
				{rows: 301, oc: 500, c: 896, add: true, texts: []int{0, 5, 200, 301}},
				{rows: 90, oc: 300, c: 2048, texts: []int{0, 90}},
			}...)
		}
		for i, c := range cases {
			p := NewPool(1 + i%2*2)
			c.check(t, k, p, FormatF32)
			p.Close()
		}
	})
}

// TestLinearTextsAlone: what is computed with a text, and by how many threads, does not change its rows, and cutting it at a multiple of StretchRows does not either.
func TestLinearTextsAlone(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		const oc, c = 300, 96
		r := random(11)
		texts := []int{0, 130, 140, 340, 404, 530, 700}
		x, w := normals(r, texts[len(texts)-1]*c), normals(r, oc*c)
		packed := k.Pack(FormatF32, oc, c, func(i int, dst []float32) { copy(dst, w[i*c:]) })
		linear := func(threads, from, to int, texts ...int) []float32 {
			p := NewPool(threads)
			defer p.Close()
			out := MatOf(make([]float32, (to-from)*oc), to-from, oc)
			packed.LinearFused(p, out, MatOf(x[from*c:to*c], to-from, c), Fused{Texts: texts})
			return out.Data
		}
		together := linear(3, 0, 700, texts...)
		for i, from := range texts[:len(texts)-1] {
			to := texts[i+1]
			if !slices.Equal(linear(1, from, to, 0, to-from), together[from*oc:to*oc]) {
				t.Errorf("text %d: other values alone", i)
			}
		}
		for i, from := range texts[:len(texts)-1] {
			if to := texts[i+1]; to-from > 128 && !slices.Equal(linear(1, from+128, to, 0, to-from-128), together[(from+128)*oc:to*oc]) {
				t.Errorf("text %d: other values of its end", i)
			}
		}
	})
}

// TestLinearRowsAlone: in every format a row is the same to the bit whichever rows are computed with it, with a bias and an addend too. Widths of several
// passes, and of panels that are interleaved for many rows and not for few.
func TestLinearRowsAlone(t *testing.T) {
	const rows = 61
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		r := random(12)
		for _, f := range formatsOf(k) {
			for _, s := range [][2]int{{48, 40}, {100, 384}, {384, 576}, {203, 1100}} {
				oc, c := s[0], s[1]
				if c > 384 && (k.tier == Plain || testing.Short()) {
					continue
				}
				w := k.Pack(f, oc, c, func(_ int, dst []float32) { copy(dst, normals(r, c)) })
				w.SetBias(normals(r, oc))
				x, add, out := MatOf(normals(r, rows*c), rows, c), MatOf(normals(r, rows*oc), rows, oc), MatOf(make([]float32, rows*oc), rows, oc)
				w.LinearFused(p, out, x, Fused{Add: add})
				for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 13, 33} {
					for _, from := range []int{0, rows - n} {
						few := MatOf(make([]float32, n*oc), n, oc)
						w.LinearFused(p, few, x.from(from, 0, n), Fused{Add: add.from(from, 0, n)})
						if !slices.Equal(few.Data, out.Data[from*oc:(from+n)*oc]) {
							t.Errorf("%v of (%d, %d): rows %d to %d are other values alone", f, oc, c, from, from+n)
						}
					}
				}
			}
		}
	})
}

// TestLinearTextsUnlike: rows and columns that are a million times others, zero or not finite leave those that they could be combined with alone.
func TestLinearTextsUnlike(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		const rows, oc, c = 192, 300, 128 // the last stretch is of rows that are alike: columns alone keep it apart
		r := random(12)
		x, w := normals(r, rows*c), normals(r, oc*c)
		for i := range c {
			x[3*c+i] *= 1e6
			x[70*c+i] = 0
			x[90*c+i] *= 1e-20
			w[50*c+i] *= 1e6
			w[130*c+i] *= 1e-6
		}
		x[20*c+5], x[30*c+5] = float32(math.Inf(1)), float32(math.NaN())
		out := MatOf(make([]float32, rows*oc), rows, oc)
		k.Pack(FormatF32, oc, c, func(i int, dst []float32) { copy(dst, w[i*c:]) }).LinearFused(p, out, MatOf(x, rows, c), Fused{Texts: []int{0, rows}})
		for i := range rows {
			for o := range oc {
				got, bad := float64(out.Row(i)[o]), i == 20 || i == 30
				if bad {
					if !math.IsInf(got, 0) && !math.IsNaN(got) {
						t.Fatalf("[%d %d]: %v", i, o, got)
					}
					continue
				}
				want, _ := refLinear(x, w, nil, c, i, o)
				near(t, "unlike", got, want, 1e-6*norm64(x[i*c:][:c])*norm64(w[o*c:][:c]), 0, i, o)
			}
		}
	})
}

// TestLinearNotNumbers: in every format what is not a number, or is infinite, in a row of inputs or of weights shows in all that is computed of the row, and in
// nothing else. The widths are of all ways to turn codes.
func TestLinearNotNumbers(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		const rows, oc = 5, 20
		for _, f := range formatsOf(k) {
			for _, c := range []int{1, 20, 100, 192, 211, 260, 256, 384, 576, 640, 768, 896, 1152} {
				r := random(uint64(c))
				for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
					x, w, out := normals(r, rows*c), normals(r, oc*c), MatOf(make([]float32, rows*oc), rows, oc)
					x[2*c+r.IntN(c)], w[7*c+r.IntN(c)] = bad, bad
					k.Pack(f, oc, c, func(i int, dst []float32) { copy(dst, w[i*c:]) }).Linear(p, out, MatOf(x, rows, c))
					for i := range rows {
						for o := range oc {
							if v := float64(out.Row(i)[o]); (i == 2 || o == 7) != (math.IsNaN(v) || math.IsInf(v, 0)) {
								t.Fatalf("%v of (%d, %d) with %v: [%d %d] is %v", f, oc, c, bad, i, o, v)
							}
						}
					}
				}
			}
		}
	})
}

func FuzzLinear(f *testing.F) {
	f.Add(uint16(3), uint16(50), uint16(64), uint8(0))
	f.Add(uint16(17), uint16(1), uint16(1), uint8(7))
	pools := []*Pool{NewPool(1), NewPool(3)}
	f.Fuzz(func(t *testing.T, rows, oc, c uint16, flags uint8) {
		lc := linearCase{rows: int(rows % 200), oc: int(oc % 300), c: 1 + int(c%600), bias: flags&1 != 0, add: flags&2 != 0, stride: int(flags >> 5)}
		if lc.rows > 0 {
			lc.texts = []int{0, int(oc) % lc.rows, lc.rows}
		}
		for _, tier := range Tiers() {
			k, err := For(tier)
			if err != nil {
				t.Fatal(err)
			}
			have := formatsOf(k)
			lc.check(t, k, pools[flags>>2&1], have[int(flags>>3)%len(have)])
		}
	})
}

func TestRowsProducts(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(2)
		defer p.Close()
		r := random(5)
		for _, s := range []struct{ rows, oc, c int }{{1, 1, 1}, {5, 3, 7}, {70, 50, 33}, {64, 48, 64}, {40, 100, 384}, {31, 97, 768}} {
			x, w := codes(r, s.rows*s.c), codes(r, s.oc*s.c)
			xs, ws := normals(r, s.rows), normals(r, s.oc)
			out := MatOf(make([]float32, s.rows*s.oc), s.rows, s.oc)
			what := fmt.Sprint("RowsInt8 ", s)
			k.PackInt8(s.oc, s.c, w, ws).RowsInt8(p, out, x, xs)
			for i := range s.rows {
				for o := range s.oc {
					dot := plainDotInt8(x[i*s.c:(i+1)*s.c], w[o*s.c:(o+1)*s.c])
					near(t, what, float64(out.Row(i)[o]), float64(dot)*float64(xs[i])*float64(ws[o]), 0, 3e-7, i, o)
				}
			}
			rowsProductBF16(t, k, p, s.rows, s.oc, s.c)
		}
	})
}

func rowsProductBF16(t *testing.T, k *Kernels, p *Pool, rows, oc, c int) {
	t.Helper()
	r := random(6)
	x, w := bf16s(normals(r, rows*c)), normals(r, oc*c)
	wide := make([]float32, len(x))
	plainFromBF16(wide, x)
	for _, f := range []Format{FormatF32, FormatBF16} {
		what := fmt.Sprint("RowsBF16 ", f)
		out := MatOf(make([]float32, rows*oc), rows, oc)
		k.Pack(f, oc, c, func(i int, dst []float32) { copy(dst, w[i*c:]) }).RowsBF16(p, out, x)
		for i := range rows {
			for o := range oc {
				want, size := refLinear(wide, w, nil, c, i, o)
				tol := 2e-6
				if f == FormatBF16 {
					tol = 1. / 256
				}
				near(t, what, float64(out.Row(i)[o]), want, 1e-6+tol*size, 0, i, o)
			}
		}
	}
}

// TestInt8Outliers: with a few channels a hundred times the others, as in language models, int8 products stay close; balanced channels cost what they weigh: the
// error's square is (sum |x||w|)^2 / (sum x^2 sum w^2) of what it was, by channels' root mean squares a tenth to a thirtieth here.
func TestInt8Outliers(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		for _, c := range []int{200, 384, 576, 768, 896} {
			const rows, oc, large, larger = 16, 200, 17, 90
			r := random(uint64(c))
			x, w := normals(r, rows*c), normals(r, oc*c)
			for i := range rows {
				x[i*c+larger] *= 100
				x[i*c+large] *= 30
			}
			for o := range oc { // a model's weights are small where its activations are large
				w[o*c+larger] *= .02
				w[o*c+large] *= .05
			}
			of := func(v float32) []float32 { return slices.Repeat([]float32{v}, c) }
			inputs, weights := of(1), of(2.5)
			inputs[larger], inputs[large] = 1e4, 900
			weights[larger], weights[large] = 2.5*4e-4, 2.5*25e-4
			loss := func(what string, balance bool, inputs, weights []float32) float64 {
				shelf := k.NewShelf(k.PackedBytes(FormatInt8, oc, c))
				packed := shelf.Place(FormatInt8, oc, c)
				if balance {
					packed.Balance(inputs, weights)
				}
				packed.Fill(0, oc, func(i int, dst []float32) { copy(dst, w[i*c:]) })
				out := MatOf(make([]float32, rows*oc), rows, oc)
				packed.Linear(p, out, MatOf(x, rows, c))
				var ab, aa, bb float64
				for i := range rows {
					for o := range oc {
						want, _ := refLinear(x, w, nil, c, i, o)
						got := float64(out.Row(i)[o])
						ab, aa, bb = ab+want*got, aa+want*want, bb+got*got
					}
				}
				cos := ab / math.Sqrt(aa*bb)
				if !(cos >= .997) {
					t.Errorf("c=%d, %s: cosine of the int8 product %.5f", c, what, cos)
				}
				return 1 - cos
			}
			plain, balanced := loss("as they are", false, nil, nil), loss("balanced", true, inputs, weights)
			t.Logf("c=%d: 1 less the cosine %.1e, balanced %.1e", c, plain, balanced)
			if !(balanced < plain/7) {
				t.Errorf("c=%d: 1 less the cosine is %.1e for balanced channels, %.1e for others", c, balanced, plain)
			}
			almost := slices.Clone(inputs)
			for i := range almost {
				almost[i] *= 1 + float32(i%5)*1e-6
			}
			if l := loss("almost the same", true, almost, weights); l != balanced {
				t.Errorf("c=%d: inputs that differ in their last bits change the product", c)
			}
			// what says nothing changes nothing, and a channel that was silent may speak
			for what, bad := range map[string]float32{"zeros": 0, "infinite": float32(math.Inf(1)), "not numbers": float32(math.NaN()), "huge": math.MaxFloat32, "even": 1} {
				if l := loss(what, true, of(bad), weights); what != "even" && what != "huge" && l != plain {
					t.Errorf("c=%d, %s: inputs that say nothing change the product", c, what)
				}
			}
			silent := slices.Clone(inputs)
			silent[larger] = 0
			loss("the largest silent", true, silent, weights)
		}
	})
}

// TestLinearAllocations: a product allocates nothing once its pool has grown.
func TestLinearAllocations(t *testing.T) {
	k := Current()
	p := NewPool(1)
	defer p.Close()
	r := random(8)
	x := MatOf(normals(r, 33*100), 33, 100)
	out := MatOf(make([]float32, 33*70), 33, 70)
	for _, f := range formatsOf(k) {
		w := k.Pack(f, 70, 100, func(i int, dst []float32) { copy(dst, x.Row(i%33)) })
		w.Linear(p, out, x)
		if n := testing.AllocsPerRun(10, func() { w.Linear(p, out, x) }); n > 0 {
			t.Errorf("%v: %v allocations for each product", f, n)
		}
	}
}

// TestPairsStayWithin16Bits: whatever the weights and however large the inputs, the products of kernels that add in 16 bits
// are exact, compared with sums of whole numbers.
func TestPairsStayWithin16Bits(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		g := &k.t.gemm.int8
		if !g.pairs {
			t.Skip("this tier adds in 32 bits")
		}
		const c, rows = 64, 4
		r := random(9)
		oc := k.t.gemm.lanes
		w := k.newPacked(FormatInt8, g, oc, c)
		weights := make([][]int8, oc)
		for o := range oc {
			x, codes := normals(r, c), make([]int8, c)
			for i := range x {
				switch o % 4 {
				case 0: // all at the limit
					x[i] = 1
				case 1: // pairs of one sign
					x[i] = float32(1 - i/8%2*2)
				case 2: // rounding always up
					x[i] = float32(int(x[i]*20)) + .5
				}
			}
			w.scale[o] = 1
			if w.quantize(codes, x) == 0 {
				t.Fatal("scale 0")
			}
			weights[o] = codes
			w.put(o, 1, unsafe.Pointer(&codes[0]))
		}
		for _, fill := range []func(int) uint8{
			func(int) uint8 { return 2 * pairInput }, func(int) uint8 { return 0 },
			func(i int) uint8 { return uint8(i / 2 % 2 * 2 * pairInput) },
			func(int) uint8 { return uint8(r.IntN(2*pairInput + 1)) },
		} {
			x, ones, out := make([]uint8, rows*c), []float32{1, 1, 1, 1}, make([]float32, rows*oc)
			for i := range x {
				x[i] = fill(i)
			}
			a := floats(unsafe.Pointer(&x[0]), rows*w.groups)
			if g.tiled {
				tile := make([]float32, len(a))
				g.interleave(tile, &a[0], c, rows, w.groups)
				a = tile
			}
			g.of[rows-1][0](&gemmArgs{groups: w.groups, a: unsafe.Pointer(&a[0]), lda: c, b: unsafe.Pointer(&w.data[0]), ldb: oc * g.group,
				c: unsafe.Pointer(&out[0]), ldc: 4 * oc, colS: unsafe.Pointer(&w.scale[0]), rowS: unsafe.Pointer(&ones[0])})
			for i, got := range out {
				var want int
				for j, v := range weights[i%oc] {
					want += int(v) * int(x[i/oc*c+j])
				}
				if int(got) != want {
					t.Fatalf("row %d, channel %d: %v, want %d", i/oc, i%oc, got, want)
				}
			}
		}
	})
}

// TestBounds multiplies vectors with themselves, whose sums are the largest that int16Norm and halfNorm allow: those of integers stay exact, those of half
// precision finite.
func TestBounds(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(1)
		defer p.Close()
		for _, c := range []int{1, 2, 97, 576, 768, 1531, 4864} {
			spike := make([]float32, c)
			spike[c/2] = -3
			ones := make([]float32, c)
			for i := range ones {
				ones[i] = 1e-3
			}
			steps := make([]float32, c) // a pass much larger than the others
			for i := range steps {
				steps[i] = float32(i*i%7) * float32(1+99*(i/500%2))
			}
			steps[0] = 1
			for _, v := range map[string][]float32{"spike": spike, "ones": ones, "steps": steps, "normal": normals(random(uint64(c)), c)} {
				for f, eps := range map[Format]float64{FormatInt16: 1e-3, FormatF16: 1e-2} {
					if k.Has(f) {
						withItself(t, k, p, f, v, eps)
					}
				}
			}
		}
	})
}

// withItself multiplies v with itself and with its negative.
func withItself(t *testing.T, k *Kernels, p *Pool, f Format, v []float32, eps float64) {
	t.Helper()
	w := k.Pack(f, 2, len(v), func(i int, dst []float32) {
		for j := range dst {
			dst[j] = v[j] * float32(1-2*i)
		}
	})
	out := MatOf(make([]float32, 2), 1, 2)
	w.Linear(p, out, MatOf(v, 1, len(v)))
	want := 0.
	for _, x := range v {
		want += float64(x) * float64(x)
	}
	for i, sign := range []float64{1, -1} {
		near(t, f.String(), float64(out.Data[i]), sign*want, 0, eps, len(v))
	}
}

// TestHalfAsPlain: products of half precision are the plain tier's to the bit, chain by chain.
func TestHalfAsPlain(t *testing.T) {
	plain, err := For(Plain)
	if err != nil {
		t.Fatal(err)
	}
	forTiers(t, func(t *testing.T, k *Kernels) {
		if !k.Has(FormatF16) || k.Tier() == Plain {
			t.Skip("no products of half precision but the plain ones")
		}
		p, r := NewPool(1), random(12)
		defer p.Close()
		for n := 1; n <= 60; n += 1 + n/20 {
			rows, oc, c := n%23+1, 3*n, 1+n*n/4
			x, w := normals(r, rows*c), normals(r, oc*c)
			for i := range x { // of many sizes, denormal ones among them
				x[i] *= float32(math.Exp2(float64(i % 30 * (i / c % 2) * -1)))
			}
			var out [2]Mat
			for i, k := range []*Kernels{k, plain} {
				m := k.Pack(FormatF16, oc, c, func(i int, dst []float32) { copy(dst, w[i*c:]) })
				m.SetBias(w[:oc])
				out[i] = MatOf(make([]float32, rows*oc), rows, oc)
				m.Linear(p, out[i], MatOf(x, rows, c))
			}
			if !slices.Equal(out[0].Data, out[1].Data) {
				t.Fatalf("(%d, %d) times (%d, %d) differs from plain", rows, c, oc, c)
			}
		}
	})
}

// TestLinearGated: gates in a product are what the product and SiLUMul give one after the other, near enough for the format; rows alone are the same to the bit.
func TestLinearGated(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(2)
		defer p.Close()
		for _, f := range formatsOf(k) {
			if !k.Gates(f) {
				continue
			}
			for _, s := range []struct{ rows, inner, c int }{{1, 16, 8}, {5, 48, 96}, {33, 80, 384}, {70, 160, 900}, {17, 32, 2600}} {
				r := random(uint64(s.rows))
				x, w := MatOf(normals(r, s.rows*s.c), s.rows, s.c), normals(r, 2*s.inner*s.c)
				k.Scale(w, w, 2/float32(math.Sqrt(float64(s.c))))
				packed := k.Pack(f, 2*s.inner, s.c, func(i int, dst []float32) { copy(dst, w[i*s.c:]) })
				bias := normals(r, 2*s.inner)
				bias[0] = -3e38 // a gate that is shut
				packed.SetBias(bias)
				both, out := MatOf(make([]float32, s.rows*2*s.inner), s.rows, 2*s.inner), MatOf(make([]float32, s.rows*s.inner), s.rows, s.inner)
				packed.Linear(p, both, x)
				packed.LinearFused(p, out, x, Fused{Gated: true})
				tol := 2e-5
				if f != FormatF32 {
					tol = 3e-4
				}
				for i := range s.rows {
					for o := range s.inner {
						at := o/GateChannels*2*GateChannels + o%GateChannels
						gate, up := float64(both.Row(i)[at]), float64(both.Row(i)[at+GateChannels])
						near(t, fmt.Sprintf("%v %+v", f, s), float64(out.Row(i)[o]), gate/(1+math.Exp(-gate))*up, 1e-5, tol, i, o)
					}
				}
				last := MatOf(make([]float32, s.inner), 1, s.inner)
				packed.LinearFused(p, last, x.from(s.rows-1, 0, 1), Fused{Gated: true})
				if !slices.Equal(last.Data, out.Row(s.rows-1)) {
					t.Errorf("%v %+v: the last row is another alone", f, s)
				}
			}
		}
	})
}

// TestLinearGELU: products of GELU of inputs (Hendrycks and Gimpel 2016, by erfc in float64) are off by what rounding to codes allows, not more.
func TestLinearGELU(t *testing.T) {
	forTiers(t, func(t *testing.T, k *Kernels) {
		p := NewPool(2)
		defer p.Close()
		const rows, oc = 37, 40
		for _, c := range []int{64, 256, 384, 1536, 2304} {
			r := random(uint64(c))
			x, w := normals(r, rows*c), normals(r, oc*c)
			for i := range c { // out of half precision's range
				x[3*c+i] *= 1e6
			}
			packed := k.Pack(FormatInt8, oc, c, func(i int, dst []float32) { copy(dst, w[i*c:]) })
			if !packed.TakesGELU() {
				continue
			}
			acted := make([]float32, rows*c)
			for i, v := range x {
				acted[i] = float32(float64(v) / 2 * math.Erfc(-float64(v)/math.Sqrt2))
			}
			out := MatOf(make([]float32, rows*oc), rows, oc)
			packed.LinearFused(p, out, MatOf(x, rows, c), Fused{GELU: true})
			for i := range rows {
				for o := range oc {
					want, _ := refLinear(acted, w, nil, c, i, o)
					tol := 1.1 * norm64(acted[i*c:][:c]) * norm64(w[o*c:][:c]) / 80
					near(t, fmt.Sprint("C = ", c), float64(out.Row(i)[o]), want, tol, 0, i, o)
				}
			}
		}
		narrow := k.Pack(FormatInt8, 16, 64, func(int, []float32) {})
		defer func() {
			if recover() == nil {
				t.Error("GELU of what no turn takes did not panic")
			}
		}()
		narrow.LinearFused(p, MatOf(make([]float32, 16), 1, 16), MatOf(make([]float32, 64), 1, 64), Fused{GELU: true})
	})
}
