package jinja

import (
	"math"
	"strings"
)

// expr is an expression.
type expr interface {
	eval(r *render, s *scopeOf) any
}

type (
	constant  struct{ v any }
	variable  string
	blockText struct{} // what a set, a filter block gives to its first filter
	sequence  struct {
		items []expr
		kind  listKind
	}
	dictionary struct{ keys, values []expr }
	choice     struct{ test, yes, no expr }
	logic      struct {
		and  bool
		a, b expr
	}
	negation   struct{ x expr }
	comparison struct {
		first expr
		ops   []string
		rest  []expr
	}
	arithmetic struct {
		op   string
		a, b expr
	}
	concat []expr
	sign   struct {
		minus bool
		x     expr
	}
	attribute struct {
		x    expr
		name string
	}
	index struct{ x, i expr }
	slice struct{ x, from, to, step expr }
	call  struct {
		f    expr
		args args
	}
	filter struct {
		x    expr
		name string
		do   filterFunc
		args args
	}
	test struct {
		x    expr
		name string
		args args
	}
	args struct {
		list, named []expr
		names       []string
	}
)

func (r *render) eval(x expr, s *scopeOf) any {
	r.step()
	if r.deep++; r.deep > maxDeep {
		fail("expressions are nested more than %d deep", maxDeep)
	}
	v := x.eval(r, s)
	r.deep--
	return v
}

// blockName is a variable that no template can name.
const blockName = " block"

func (c constant) eval(*render, *scopeOf) any      { return c.v }
func (v variable) eval(_ *render, s *scopeOf) any  { return s.get(string(v)) }
func (blockText) eval(_ *render, s *scopeOf) any   { return s.get(blockName) }
func (n negation) eval(r *render, s *scopeOf) any  { return !r.truth(r.eval(n.x, s)) }
func (a attribute) eval(r *render, s *scopeOf) any { return r.attribute(r.eval(a.x, s), a.name) }
func (x index) eval(r *render, s *scopeOf) any     { return r.index(r.eval(x.x, s), r.eval(x.i, s)) }
func (f *filter) eval(r *render, s *scopeOf) any {
	return f.do(r, r.eval(f.x, s), r.arguments(f.args, s))
}
func (x arithmetic) eval(r *render, s *scopeOf) any {
	return r.arithmetic(x.op, r.eval(x.a, s), r.eval(x.b, s))
}

func (x sequence) eval(r *render, s *scopeOf) any {
	items := make([]any, len(x.items))
	for i, item := range x.items {
		items[i] = r.eval(item, s)
	}
	return r.list(x.kind, items)
}

func (x dictionary) eval(r *render, s *scopeOf) any {
	d := &Dict{}
	for i, k := range x.keys {
		key := r.key(r.eval(k, s))
		d.set(key, r.eval(x.values[i], s))
	}
	r.spend(64 * len(d.keys))
	return d
}

func (c choice) eval(r *render, s *scopeOf) any {
	switch {
	case r.truth(r.eval(c.test, s)):
		return r.eval(c.yes, s)
	case c.no == nil:
		return undefined{"an if without else"}
	}
	return r.eval(c.no, s)
}

func (l logic) eval(r *render, s *scopeOf) any {
	a := r.eval(l.a, s)
	if r.truth(a) != l.and {
		return a
	}
	return r.eval(l.b, s)
}

func (c comparison) eval(r *render, s *scopeOf) any {
	a := r.eval(c.first, s)
	for i, op := range c.ops {
		b := r.eval(c.rest[i], s)
		if !r.compare(op, a, b) {
			return false
		}
		a = b
	}
	return true
}

func (r *render) compare(op string, a, b any) bool {
	switch op {
	case "==":
		return r.equal(a, b, 0)
	case "!=":
		return !r.equal(a, b, 0)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	case "<":
		return r.order(a, b, 0) == -1
	case ">":
		return r.order(a, b, 0) == 1
	case "<=":
		o := r.order(a, b, 0)
		return o == -1 || o == 0
	}
	o := r.order(a, b, 0)
	return o == 1 || o == 0
}

func (c concat) eval(r *render, s *scopeOf) any {
	var b strings.Builder
	for _, x := range c {
		text := r.str(r.eval(x, s))
		r.spend(len(text))
		b.WriteString(text)
	}
	return b.String()
}

func (x sign) eval(r *render, s *scopeOf) any {
	switch v := r.eval(x.x, s).(type) {
	case bool, int:
		n := whole(v)
		if x.minus {
			return -n
		}
		return n
	case float64:
		if x.minus {
			return -v
		}
		return v
	default:
		fail("a sign before %s", kindOf(v))
		return nil
	}
}

func (x slice) eval(r *render, s *scopeOf) any {
	v := r.eval(x.x, s)
	part := func(e expr, none int) int {
		if e == nil {
			return none
		}
		switch v := r.eval(e, s).(type) {
		case nil:
			return none
		case bool, int:
			return whole(v)
		default:
			fail("a slice by %s", kindOf(v))
			return 0
		}
	}
	const open = math.MinInt
	from, to, step := part(x.from, open), part(x.to, open), part(x.step, 1)
	if step == 0 {
		fail("a slice of step 0")
	}
	switch v := v.(type) {
	case string:
		r.spend(16 * len(v))
		runes := []rune(v)
		var out []rune
		for _, i := range places(len(runes), from, to, step) {
			out = append(out, runes[i])
		}
		return string(out)
	case *List:
		if v.kind == kGenerator || v.kind == kView {
			break
		}
		var out []any
		for _, i := range places(len(v.items), from, to, step) {
			out = append(out, v.items[i])
		}
		return r.list(v.kind, out)
	}
	fail("a slice of %s", kindOf(v))
	return nil
}

// places are the indices of a slice of n items, as Python has them; math.MinInt stands for an open end.
func places(n, from, to, step int) []int {
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
	}
	clamp := func(i, open int) int {
		if i == math.MinInt {
			return open
		}
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	var out []int
	if step > 0 {
		to = clamp(to, n)
		for i := clamp(from, 0); i < to; i += min(step, n) {
			out = append(out, i)
		}
		return out
	}
	to = clamp(to, -1)
	for i := clamp(from, n-1); i > to; i += max(step, -n) {
		out = append(out, i)
	}
	return out
}

func (c *call) eval(r *render, s *scopeOf) any {
	f := r.eval(c.f, s)
	a := r.arguments(c.args, s)
	switch f := f.(type) {
	case function:
		return f(r, a)
	case *closure:
		return f.call(r, a)
	case *loop:
		if f.again == nil {
			fail("a loop that is not recursive is called")
		}
		return f.again(a.bind("loop", "iterable")[0])
	case undefined:
		fail("%s is not defined", f.name)
	default:
		fail("%s is called", kindOf(f))
	}
	return nil
}

func (t *test) eval(r *render, s *scopeOf) any {
	return tests[t.name](r, r.eval(t.x, s), r.arguments(t.args, s))
}

// arguments are those of a call.
type arguments struct {
	list   []any
	names  []string
	named  []any
	caller *closure
}

func (r *render) arguments(a args, s *scopeOf) (out arguments) {
	for _, x := range a.list {
		out.list = append(out.list, r.eval(x, s))
	}
	out.names = a.names
	for _, x := range a.named {
		out.named = append(out.named, r.eval(x, s))
	}
	return out
}

// absent stands for an argument that is not given.
var absent any = new(struct{ _ int })

// bind gives the arguments of a function's parameters.
func (a arguments) bind(function string, params ...string) []any {
	out := make([]any, len(params))
	for i := range out {
		out[i] = absent
	}
	if len(a.list) > len(params) {
		fail("%s has %d arguments, more than %d", function, len(a.list), len(params))
	}
	copy(out, a.list)
named:
	for i, name := range a.names {
		for j, p := range params {
			if p == name && out[j] == absent {
				out[j] = a.named[i]
				continue named
			}
		}
		fail("%s: the argument %s is not supported", function, name)
	}
	return out
}

// function is a function or a method.
type function func(r *render, a arguments) any

// arithmetic is Python's of two operands.
func (r *render) arithmetic(op string, a, b any) any {
	if x, ok := a.(string); ok {
		switch y := b.(type) {
		case string:
			if op == "+" {
				r.spend(len(x) + len(y))
				return x + y
			}
		case bool, int:
			if op == "*" {
				return r.repeat(x, whole(y))
			}
		}
		if op == "%" {
			return r.percent(x, b)
		}
	}
	if x, ok := a.(*List); ok {
		if y, ok := b.(*List); ok && op == "+" && x.kind == y.kind && (x.kind == kList || x.kind == kTuple) {
			return r.list(x.kind, append(append([]any{}, x.items...), y.items...))
		}
	}
	if text, ok := b.(string); ok && op == "*" && isWhole(a) {
		return r.repeat(text, whole(a))
	}
	switch {
	case isWhole(a) && isWhole(b):
		return integers(op, whole(a), whole(b))
	case isNumber(a) && isNumber(b):
		return floats(op, real64(a), real64(b))
	}
	fail("%s %s %s", kindOf(a), op, kindOf(b))
	return nil
}

func (r *render) repeat(s string, n int) string {
	if n <= 0 || s == "" {
		return ""
	}
	if n > maxBytes/len(s) {
		r.spend(-1)
	}
	r.spend(n * len(s))
	return strings.Repeat(s, n)
}

func integers(op string, a, b int) any {
	const large = 1 << 53 // beyond it a float64 no longer tells that a result is too large
	if b == 0 && (op == "/" || op == "//" || op == "%") {
		fail("a division by zero")
	}
	var f float64
	n := 0
	switch op {
	case "+":
		f, n = float64(a)+float64(b), a+b
	case "-":
		f, n = float64(a)-float64(b), a-b
	case "*":
		f, n = float64(a)*float64(b), a*b
	case "/":
		if max(a, -a, b, -b) > large {
			fail("numbers of more than %d are not supported", large)
		}
		return float64(a) / float64(b)
	case "//":
		if max(a, -a, b, -b) > large {
			fail("numbers of more than %d are not supported", large)
		}
		return (a - floorMod(a, b)) / b
	case "%":
		return floorMod(a, b)
	case "**":
		if b < 0 {
			fail("** of the numbers %d and %d is not supported", a, b)
		}
		f = math.Pow(float64(a), float64(b))
		n = 1
		for i := 0; i < b && math.Abs(f) <= large && a != 0 && a != 1 && a != -1; i++ {
			n *= a
		}
		if a >= -1 && a <= 1 {
			n = int(f)
		}
	}
	if math.Abs(f) > large {
		fail("numbers of more than %d are not supported", large)
	}
	return n
}

func floorMod(a, b int) int {
	m := a % b
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m
}

func floats(op string, a, b float64) any {
	if b == 0 && (op == "/" || op == "//" || op == "%") {
		fail("a division by zero")
	}
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	}
	fail("%s of the floats %v and %v is not supported", op, a, b)
	return nil
}
