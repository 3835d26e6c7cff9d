package model

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/kernel"
)

// AutoCosine is what dtype "auto" keeps: int8 is taken where its vectors of a few texts have at least this cosine with f32's, in the
// mean, when what all the texts' vectors have in common is taken off: a ranking lives on the rest, which is little where a prompt makes all
// vectors alike. It bounds vectors, not measures: what int8 costs on a user's data labrador model loss and a study tell.
const AutoCosine = .997

// format is the packed form of a dtype other than auto: for bf16 whichever form of two bytes a value this machine multiplies fastest.
func format(dtype string) kernel.Format {
	switch dtype {
	case "bf16":
		return kernel.Current().Half()
	case "int8":
		return kernel.FormatInt8
	}
	return kernel.FormatF32
}

// dtypeOf is the dtype of a packed form.
func dtypeOf(f kernel.Format) string {
	switch f {
	case kernel.FormatF32, kernel.FormatInt8:
		return f.String()
	}
	return "bf16"
}

// autoFormats are the faster of f32 and bf16, whose vectors stay within a cosine of .999 of f32's, and the fastest of all
// three, by products that are measured once: bf16 has to be a fifth faster than f32, int8 than both.
var autoFormats = sync.OnceValues(func() (near, fastest kernel.Format) {
	k, pool := kernel.Current(), kernel.NewPool(1)
	defer pool.Close()
	const rows, c, oc = 64, 512, 1024 // turning and quantising inputs costs what it does in a model
	formats := [...]kernel.Format{kernel.FormatF32, k.Half(), kernel.FormatInt8}
	var packed [len(formats)]*kernel.Packed
	var best [len(formats)]time.Duration
	x, y := kernel.MatOf(make([]float32, rows*c), rows, c), kernel.MatOf(make([]float32, rows*oc), rows, oc)
	for i := range x.Data { // zeros would be quantised at once
		x.Data[i] = float32(i%7) - 3
	}
	for i, f := range formats {
		packed[i], best[i] = k.Pack(f, oc, c, func(_ int, row []float32) { clear(row) }), time.Hour
	}
	for range 20 { // in turns, so that a busy machine slows all
		for i, w := range packed {
			start := time.Now()
			w.Linear(pool, y, x)
			best[i] = min(best[i], time.Since(start))
		}
	}
	faster := func(i, than int) bool { return best[i]*6 <= best[than]*5 }
	if faster(1, 0) {
		near = k.Half()
	}
	than := slices.Index(formats[:], near)
	if fastest = near; faster(2, than) {
		fastest = kernel.FormatInt8
	}
	return near, fastest
})

// autoDType is what dtype "auto" is for a checkpoint on this machine: int8 where that is fastest and the model's vectors of
// autoTexts keep AutoCosine, else the faster of f32 and bf16. For that the model is packed and run twice, one after the
// other; one of more than 8 GB in f32 is compared in bf16.
func autoDType(ctx context.Context, c *checkpoint, opts Options) (string, error) {
	near, fastest := autoFormats()
	if fastest != kernel.FormatInt8 || c.net.Layers == 0 {
		return dtypeOf(near), nil
	}
	var exact labrador.Matrix
	for _, dtype := range []string{"f32", "int8"} {
		opts.DType = dtype
		v, err := encodeAutoTexts(ctx, c, opts)
		if err != nil {
			return "", err
		}
		if dtype == "f32" {
			exact = v
		} else if CentredCosine(exact, v) < AutoCosine {
			return dtypeOf(near), nil
		}
	}
	return "int8", nil
}

func encodeAutoTexts(ctx context.Context, c *checkpoint, opts Options) (labrador.Matrix, error) {
	m := &Model{checkpoint: c, opts: opts}
	if opts.DType == "f32" && m.memory(kernel.FormatF32) > 8<<30 {
		opts.DType = "bf16"
	}
	m, err := newModel(ctx, c, opts)
	if err != nil {
		return labrador.Matrix{}, err
	}
	defer m.stop()
	items, tokens := make([]labrador.Item, len(autoTexts)), make([]Tokens, len(autoTexts))
	for i, t := range autoTexts {
		items[i].Text = t
		if opts.Tokens != nil {
			tokens[i] = opts.Tokens(m.Tokenizer(), items[i])
		}
	}
	if opts.Tokens != nil {
		return m.EncodeTokens(ctx, tokens)
	}
	return m.Encode(ctx, labrador.DocumentSide, items)
}

// CentredCosine is the mean cosine of two matrices' rows, less the mean row of each.
func CentredCosine(a, b labrador.Matrix) float64 { return meanCosine(centred(a), centred(b)) }

// centred is m less the mean of its rows.
func centred(m labrador.Matrix) labrador.Matrix {
	out := labrador.NewMatrix(m.Rows, m.Cols)
	for j := range m.Cols {
		mean := 0.
		for i := range m.Rows {
			mean += float64(m.Row(i)[j]) / float64(m.Rows)
		}
		for i := range m.Rows {
			out.Row(i)[j] = float32(float64(m.Row(i)[j]) - mean)
		}
	}
	return out
}

// meanCosine is the mean cosine of two matrices' rows.
func meanCosine(a, b labrador.Matrix) float64 {
	sum := 0.
	for i := range a.Rows {
		var ab, aa, bb float64
		for j, x := range a.Row(i) {
			x, y := float64(x), float64(b.Row(i)[j])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		sum += ab / math.Sqrt(max(aa*bb, math.SmallestNonzeroFloat64))
	}
	return sum / float64(a.Rows)
}

// autoTexts are of several kinds: prose, science, a question, programs, other languages.
var autoTexts = [...]string{
	"The ferry leaves the old harbour at seven in the morning and reaches the island before noon, unless the wind turns to the north-west.",
	"Patients who received the higher dose showed a significant reduction in systolic blood pressure after twelve weeks (p < 0.01), with few adverse events.",
	"how long does it take for concrete to cure before you can drive on it",
	"func Max(values []int) (int, error) {\n\tif len(values) == 0 {\n\t\treturn 0, errors.New(\"no values\")\n\t}\n\tm := values[0]\n\tfor _, v := range values[1:] {\n\t\tm = max(m, v)\n\t}\n\treturn m, nil\n}",
	"def read_table(path):\n    \"\"\"Return the rows of a comma-separated file as dictionaries.\"\"\"\n    with open(path, newline='') as f:\n        return list(csv.DictReader(f))",
	"Let G be a finite group of order n, and p a prime that divides n; then G has an element of order p.",
	"Die Bibliothek bleibt wegen Umbauarbeiten bis Ende März geschlossen; entliehene Bücher können am Rathaus zurückgegeben werden.",
	"Shares of the chip maker fell 6.4% on Tuesday after it cut its forecast for the third quarter, citing weak demand for memory.",
}
