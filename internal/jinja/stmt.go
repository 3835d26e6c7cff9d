package jinja

import "strings"

// stmt is a statement.
type stmt interface {
	run(r *render, s *scopeOf, b *strings.Builder) signal
}

// signal says how a statement ended.
type signal byte

const (
	sNone signal = iota
	sBreak
	sContinue
)

type (
	text   string
	output struct{ x expr }
	leave  signal
	ifStmt struct {
		test    expr
		yes, no []stmt
	}
	forStmt struct {
		target      target
		over        expr
		filter      expr // nil: none
		recursive   bool
		body, other []stmt
	}
	setStmt struct {
		target target
		value  expr
	}
	setBlock struct {
		target target
		chain  expr
		body   []stmt
	}
	filterBlock struct {
		chain expr
		body  []stmt
	}
	// scope is a block with variables of its own.
	scope struct {
		names  []target
		values []expr
		body   []stmt
	}
	define    struct{ m *macro }
	callBlock struct {
		m *macro
		c *call
	}
	// target is what an assignment sets.
	target struct {
		name, attr string
		parts      []target // several names
	}
)

func (r *render) run(list []stmt, s *scopeOf, b *strings.Builder) signal {
	for _, x := range list {
		r.step()
		if end := x.run(r, s, b); end != sNone {
			return end
		}
	}
	return sNone
}

func (t text) run(r *render, _ *scopeOf, b *strings.Builder) signal {
	r.write(b, string(t))
	return sNone
}

func (o output) run(r *render, s *scopeOf, b *strings.Builder) signal {
	r.write(b, r.str(r.eval(o.x, s)))
	return sNone
}

func (l leave) run(*render, *scopeOf, *strings.Builder) signal { return signal(l) }

func (x ifStmt) run(r *render, s *scopeOf, b *strings.Builder) signal {
	if r.truth(r.eval(x.test, s)) {
		return r.run(x.yes, s, b)
	}
	return r.run(x.no, s, b)
}

func (x *forStmt) run(r *render, s *scopeOf, b *strings.Builder) signal {
	x.rounds(r, s, b, r.eval(x.over, s), 0)
	return sNone
}

// rounds runs the body for each item. depth is that of a recursive loop.
func (x *forStmt) rounds(r *render, s *scopeOf, b *strings.Builder, over any, depth int) {
	items := r.iterate(over)
	if x.filter != nil {
		items = x.filtered(r, s, items)
	}
	l := &loop{items: items, depth: depth}
	if x.recursive {
		l.again = func(over any) any {
			defer r.enter()()
			var b strings.Builder
			x.rounds(r, s, &b, over, depth+1)
			return b.String()
		}
	}
	whole := false // a round ran to its end: else Jinja's loops run their else, also behind a break or a continue
	for i, item := range items {
		r.step()
		l.at = i
		in := s.inner()
		in.vars["loop"] = l
		x.target.set(r, in, item)
		end := r.run(x.body, in, b)
		whole = whole || end == sNone
		if end == sBreak {
			break
		}
	}
	if !whole {
		r.run(x.other, s.inner(), b)
	}
}

func (x *forStmt) filtered(r *render, s *scopeOf, items []any) []any {
	before := r.filtering
	r.filtering = true
	defer func() { r.filtering = before }()
	var kept []any
	for _, item := range items {
		in := s.inner()
		in.vars["loop"] = undefined{"loop"}
		if x.target.set(r, in, item); r.truth(r.eval(x.filter, in)) {
			kept = append(kept, item)
		}
	}
	return kept
}

// enter counts calls within each other; what it returns ends one.
func (r *render) enter() func() {
	if r.calls++; r.calls > maxCalls {
		fail("macros call each other more than %d deep", maxCalls)
	}
	return func() { r.calls-- }
}

func (t target) set(r *render, s *scopeOf, v any) {
	switch {
	case len(t.parts) > 0:
		items := r.iterate(v)
		if len(items) != len(t.parts) {
			fail("%d values for %d names", len(items), len(t.parts))
		}
		for i, part := range t.parts {
			part.set(r, s, items[i])
		}
	case t.attr != "":
		n, ok := s.get(t.name).(*namespace)
		if !ok {
			fail("%s is no namespace, so that %s.%s cannot be set", t.name, t.name, t.attr)
		}
		n.set(t.attr, v)
	default:
		s.vars[t.name] = v
	}
}

func (x setStmt) run(r *render, s *scopeOf, _ *strings.Builder) signal {
	x.target.set(r, s, r.eval(x.value, s))
	return sNone
}

// block renders a body for itself.
func (r *render) block(body []stmt, s *scopeOf) string {
	var b strings.Builder
	r.run(body, s, &b)
	return b.String()
}

// through gives a block's text to a chain of filters.
func (r *render) through(chain expr, body []stmt, s *scopeOf) any {
	in := s.inner()
	in.vars[blockName] = r.block(body, in)
	return r.eval(chain, in)
}

func (x setBlock) run(r *render, s *scopeOf, _ *strings.Builder) signal {
	x.target.set(r, s, r.through(x.chain, x.body, s))
	return sNone
}

func (x filterBlock) run(r *render, s *scopeOf, b *strings.Builder) signal {
	r.write(b, r.str(r.through(x.chain, x.body, s)))
	return sNone
}

func (x scope) run(r *render, s *scopeOf, b *strings.Builder) signal {
	in := s.inner()
	for i, t := range x.names {
		t.set(r, in, r.eval(x.values[i], s))
	}
	return r.run(x.body, in, b)
}

func (x define) run(_ *render, s *scopeOf, _ *strings.Builder) signal {
	s.vars[x.m.name] = &closure{x.m, s}
	return sNone
}

func (x callBlock) run(r *render, s *scopeOf, b *strings.Builder) signal {
	f, ok := r.eval(x.c.f, s).(*closure)
	if !ok {
		fail("the tag call calls no macro")
	}
	a := r.arguments(x.c.args, s)
	a.caller = &closure{x.m, s}
	r.write(b, r.str(f.call(r, a)))
	return sNone
}

// macro is a block with parameters; closure is one with the variables around it.
type macro struct {
	name     string
	params   []string
	defaults []expr // nil where a parameter has none
	body     []stmt
	calls    bool // it uses caller
}

type closure struct {
	m *macro
	s *scopeOf
}

func (c *closure) call(r *render, a arguments) any {
	defer r.enter()()
	if a.caller != nil && !c.m.calls {
		fail("the macro %s does not use its caller", c.m.name)
	}
	given := a.bind(c.m.name, c.m.params...)
	in := c.s.inner()
	if c.m.calls {
		in.vars["caller"] = undefined{"caller"}
		if a.caller != nil {
			in.vars["caller"] = a.caller
		}
	}
	for i, name := range c.m.params {
		switch d := c.m.defaults[i]; {
		case given[i] != absent:
			in.vars[name] = given[i]
		case d != nil:
			in.vars[name] = r.eval(d, in)
		default:
			in.vars[name] = undefined{name}
		}
	}
	return r.block(c.m.body, in)
}
