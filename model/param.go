package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/weights"
)

// Matrix is a parameter matrix of a network: rows of a tensor of its checkpoint. Interpreters keep their own form of it
// under its Slot.
type Matrix struct {
	Name       string
	Slot       int // 0, 1, ... over the network's matrices
	Rows, Cols int
	tensor     weights.Tensor
	first      int           // row of tensor that is row 0 here
	order      func(int) int // row of tensor for a row here; nil: the same
	factors    []float32     // each row is multiplied by its own; nil: none
}

// ReadRows decodes rows first, first+1, ... into dst, whose length is a multiple of Cols.
func (m *Matrix) ReadRows(dst []float32, first int) error {
	return m.read(dst, first, weights.Tensor.ReadRows)
}

// fetchRows is ReadRows by reading the file instead of its mapping (weights.Tensor.FetchRows).
func (m *Matrix) fetchRows(dst []float32, first int) error {
	return m.read(dst, first, weights.Tensor.FetchRows)
}

func (m *Matrix) read(dst []float32, first int, read func(t weights.Tensor, dst []float32, first int) error) error {
	n := len(dst) / m.Cols
	if first < 0 || first+n > m.Rows {
		return fmt.Errorf("model: %s: rows %d to %d of %d", m.Name, first, first+n, m.Rows)
	}
	if m.order == nil && m.factors == nil {
		return read(m.tensor, dst, m.first+first)
	}
	for i := range n {
		row, from := dst[i*m.Cols:(i+1)*m.Cols], first+i
		if m.order != nil {
			from = m.order(from)
		}
		if err := read(m.tensor, row, m.first+from); err != nil {
			return err
		}
		if m.factors != nil {
			for c := range row {
				row[c] *= m.factors[first+i]
			}
		}
	}
	return nil
}

// Vector is a parameter vector, decoded.
type Vector struct {
	Name string
	Slot int // 0, 1, ... over the network's vectors
	Data []float32
}

// Linear is a linear map with an optional bias and an optional low-rank addition.
type Linear struct {
	W    *Matrix // (Out, In)
	B    *Vector // nil: none
	LoRA *LoRA   // nil: none
}

// LoRA is a low-rank addition to a linear map: x -> Scale · B A x (Hu et al. 2021).
type LoRA struct {
	A, B  *Matrix // (R, In), (Out, R)
	Scale float64
}

// ReadRows decodes rows of the map's matrix with its LoRA merged in: W + Scale · B A.
func (l *Linear) ReadRows(dst []float32, first int) error {
	if err := l.W.fetchRows(dst, first); err != nil || l.LoRA == nil {
		return err
	}
	r, in := l.LoRA.A.Rows, l.W.Cols
	a, b := make([]float32, r*in), make([]float32, len(dst)/in*r)
	if err := errors.Join(l.LoRA.A.fetchRows(a, 0), l.LoRA.B.fetchRows(b, first)); err != nil {
		return err
	}
	delta := make([]float64, in)
	for i := range len(dst) / in {
		clear(delta)
		for k := range r {
			f := l.LoRA.Scale * float64(b[i*r+k])
			for j, v := range a[k*in : (k+1)*in] {
				delta[j] += f * float64(v)
			}
		}
		for j, d := range delta {
			dst[i*in+j] = float32(float64(dst[i*in+j]) + d)
		}
	}
	return nil
}

// loader hands a checkpoint's tensors to the architecture that asks for them by the names of Hugging Face's files, without
// prefix. It keeps the first error, after which everything it gives is empty.
type loader struct {
	file     weights.File
	rename   func(string) string // the checkpoint's name of a tensor
	permuted func(string) int    // GGUF: heads of a tensor whose rows are stored for interleaved pairs, else 0; nil: none are
	adapter  *adapter            // nil: none
	used     map[string]bool
	matrices []*Matrix
	vectors  []*Vector
	err      error
}

func newLoader(file weights.File, rename func(string) string) *loader {
	return &loader{file: file, rename: rename, used: map[string]bool{}}
}

func (l *loader) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// has says whether the checkpoint, or its adapter in its place, has the tensor.
func (l *loader) has(name string) bool {
	if l.adapter != nil && l.adapter.saved[name] != "" {
		return true
	}
	_, err := l.file.Tensor(l.rename(name))
	return err == nil
}

// tensor looks up a tensor and checks its shape.
func (l *loader) tensor(name string, shape ...int) (weights.Tensor, bool) {
	full, file := l.rename(name), l.file
	if l.adapter != nil && l.adapter.saved[name] != "" {
		l.used[full], l.adapter.used[name] = true, true
		full, file = l.adapter.saved[name], l.adapter.file
	}
	t, err := file.Tensor(full)
	if err != nil && olderName(full) != full {
		if old, e := l.file.Tensor(olderName(full)); e == nil {
			full, t, err = old.Name, old, nil
		}
	}
	switch {
	case err != nil:
		l.fail(err)
	case !t.DType.Float():
		l.fail(fmt.Errorf("model: tensor %s is %s, not floats", full, t.DType))
	case !slices.Equal(t.Shape, shape):
		l.fail(fmt.Errorf("model: tensor %s has shape %v, the configuration asks for %v", full, t.Shape, shape))
	default:
		l.used[full] = true
		return t, l.err == nil
	}
	return t, false
}

// olderName is a name of a tensor in checkpoints that were converted from TensorFlow, such as bert-base-uncased (transformers 5.23,
// conversion_mapping.py, "legacy").
func olderName(name string) string {
	if stem, ok := strings.CutSuffix(name, "LayerNorm.weight"); ok {
		return stem + "LayerNorm.gamma"
	}
	if stem, ok := strings.CutSuffix(name, "LayerNorm.bias"); ok {
		return stem + "LayerNorm.beta"
	}
	return name
}

// matrix is the tensor name, (rows, cols).
func (l *loader) matrix(name string, rows, cols int) *Matrix {
	return l.part(name, rows, cols, 0, rows)
}

// part is rows from to from+n of the tensor name, (rows, cols): one of several matrices that are stored as one.
func (l *loader) part(name string, rows, cols, from, n int) *Matrix {
	m := &Matrix{Name: name, Slot: len(l.matrices), Rows: n, Cols: cols, first: from}
	t, ok := l.tensor(name, rows, cols)
	if !ok {
		return m
	}
	m.tensor = t
	if l.permuted != nil && l.permuted(name) > 0 {
		m.order = unpermute(rows / l.permuted(name))
	}
	l.matrices = append(l.matrices, m)
	return m
}

// unpermute maps a row of q or k, whose heads of the dimension turn in pairs (i, i+dim/2), to its row in llama.cpp's files,
// where they turn in pairs (2i, 2i+1) (convert_hf_to_gguf.py, LlamaModel.permute).
func unpermute(dim int) func(int) int {
	half := dim / 2
	return func(r int) int {
		head, i := r/dim, r%dim
		return head*dim + 2*(i%half) + i/half
	}
}

// vector is the tensor name, (n), plus add.
func (l *loader) vector(name string, n int, add float32) *Vector {
	v := &Vector{Name: name, Slot: len(l.vectors)}
	t, ok := l.tensor(name, n)
	if !ok {
		return v
	}
	data, err := t.Float32s()
	if err != nil {
		l.fail(err)
		return v
	}
	if l.permuted != nil && l.permuted(name) > 0 {
		order, stored := unpermute(n/l.permuted(name)), slices.Clone(data)
		for i := range data {
			data[i] = stored[order(i)]
		}
	}
	for i := range data {
		data[i] += add
	}
	v.Data = data
	l.vectors = append(l.vectors, v)
	return v
}

// linear is the map name (its tensors are name.weight and, with bias, name.bias), with the adapter's addition to it.
func (l *loader) linear(name string, in, out int, bias bool) *Linear {
	lin := &Linear{W: l.matrix(name+".weight", out, in)}
	if bias {
		lin.B = l.vector(name+".bias", out, 0)
	}
	if l.adapter != nil {
		lin.LoRA = l.adapter.lora(l, name, in, out)
	}
	return lin
}

// linearPart is rows from to from+n of the map name of out rows: one of several maps that are stored as one.
func (l *loader) linearPart(name string, in, out int, part Span, bias bool) *Linear {
	n := part.To - part.From
	lin := &Linear{W: l.part(name+".weight", out, in, part.From, n)}
	if bias {
		if v := l.vector(name+".bias", out, 0); v.Data != nil {
			v.Data = v.Data[part.From:part.To]
			lin.B = v
		}
	}
	if l.adapter != nil && l.adapter.has(name) {
		l.fail(fmt.Errorf("model: adapter: %s is several matrices in one, which is not supported", name))
	}
	return lin
}

// refuseUnused refuses a checkpoint with tensors in its layers (pattern, with %d for the number, names one) that the
// architecture did not ask for: it is a variant, and would be computed wrongly.
func (l *loader) refuseUnused(pattern string) {
	if l.err != nil {
		return
	}
	before, _, _ := strings.Cut(pattern, "%d")
	before = l.rename(before)
	for _, name := range l.file.Names() {
		if strings.HasPrefix(name, before) && !l.used[name] && !strings.HasSuffix(name, "rotary_emb.inv_freq") {
			l.fail(fmt.Errorf("model: tensor %s is not part of this architecture as Labrador knows it: an unsupported variant", name))
			return
		}
	}
}
