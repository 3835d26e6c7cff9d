package model

import "github.com/labrador-lab/labrador/kernel"

// The CPU interpreter puts two operations off until it knows who reads them. A norm that the next operation multiplies is computed row by row
// while that converts its inputs; a product that the next operation adds to something takes the sum along. Each other operation settles first what
// waits, so operations compute what they would have.

// norm is rows y, those of x normalised, that nobody has computed yet.
type norm struct {
	x, y kernel.Mat
	f    func(out, in []float32) // computes one; nil: nothing waits
}

// row computes row i.
func (n *norm) row(i int) { n.f(n.y.Row(i), n.x.Row(i)) }

// product is a product y that nobody has computed yet.
type product struct {
	y   rows
	in  kernel.Mat
	add kernel.Mat                // to be added; no values: nothing
	run func(out, add kernel.Mat) // computes it; nil: nothing waits
}

// same says whether two matrices lie at the same place.
func same(a, b kernel.Mat) bool {
	return len(a.Data) > 0 && len(b.Data) > 0 && &a.Data[0] == &b.Data[0] && a.Cols == b.Cols
}

// normed puts f off, which normalises one row of x.
func (w *worker) normed(x rows, f func(out, in []float32)) rows {
	w.settle()
	y := w.matrix(x.Rows, x.Cols, x.kept)
	w.norm = norm{x.Mat, y.Mat, f}
	return y
}

// input settles what waits, but for x if it is a norm: then it returns the function that computes a row of it, which the caller calls for each.
func (w *worker) input(x rows) (prepare func(row int)) {
	if n := w.norm; n.f != nil && same(n.y, x.Mat) {
		prepare, w.norm = n.row, norm{}
	}
	w.settle()
	return prepare
}

// behind is f for rows that begin at first.
func behind(f func(row int), first int) func(row int) {
	if f == nil || first == 0 {
		return f
	}
	return func(i int) { f(first + i) }
}

// later puts run off, which multiplies x: the result has cols columns.
func (w *worker) later(x rows, cols int, run func(out, add kernel.Mat)) rows {
	y := w.matrix(x.Rows, cols, x.kept)
	w.product = product{y: y, in: x.Mat, run: run}
	return y
}

// settle computes what waits.
func (w *worker) settle() {
	if n := w.norm; n.f != nil {
		w.norm = norm{}
		w.each(n.y.Rows, n.y.Rows*n.y.Cols, n.row)
	}
	if p := w.product; p.run != nil {
		w.product = product{}
		p.run(p.y.Mat, p.add)
	}
}

// settleInto computes what waits. When that is y, a norm or a product of something that does not lie in to, and rows keep their places, it writes y
// to to and returns true.
func (w *worker) settleInto(y, to kernel.Mat, inPlace bool) bool {
	switch n, p := &w.norm, &w.product; {
	case inPlace && n.f != nil && same(n.y, y):
		n.y = to
	case inPlace && p.run != nil && same(p.y.Mat, y) && !same(p.in, to):
		p.y.Mat = to
	default:
		w.settle()
		return false
	}
	w.settle()
	return true
}
