package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// parser makes a tree of lexemes, in the grammar of jinja2 3.1 (parser.py).
type parser struct {
	src   string
	list  []lexeme
	at    int
	depth int
	loops int // that break and continue may leave
}

func (p *parser) fail(format string, args ...any) {
	line := 1 + strings.Count(p.src[:min(p.now().line, len(p.src))], "\n")
	fail("line %d: "+format, append([]any{line}, args...)...)
}

func (p *parser) now() lexeme { return p.list[p.at] }

func (p *parser) next() lexeme {
	t := p.list[p.at]
	if t.kind != kEOF {
		p.at++
	}
	return t
}

func (p *parser) is(k kind, text string) bool { return p.now().kind == k && p.now().text == text }
func (p *parser) op(text string) bool         { return p.is(kOp, text) }
func (p *parser) word(text string) bool       { return p.is(kName, text) }

func (p *parser) skip(k kind, text string) bool {
	if p.is(k, text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(k kind, text string) {
	if !p.skip(k, text) {
		p.fail("%q where %q is expected", p.now().text, text)
	}
}

func (p *parser) name() string {
	if p.now().kind != kName {
		p.fail("%q where a name is expected", p.now().text)
	}
	return p.next().text
}

// deeper holds recursion to a depth.
func (p *parser) deeper() func() {
	if p.depth++; p.depth > maxNested {
		p.fail("brackets or blocks are nested more than %d deep", maxNested)
	}
	return func() { p.depth-- }
}

// body reads statements up to a tag of one of the words, whose word it steps over; without words to the end of the template.
func (p *parser) body(ends ...string) (list []stmt, end string) {
	defer p.deeper()()
	for {
		switch t := p.next(); t.kind {
		case kText:
			list = append(list, text(t.text))
		case kOutput:
			list = append(list, output{p.tuple(true)})
			p.want(kOutputEnd, "}}")
		case kBlock:
			word := p.name()
			if slices.Contains(ends, word) {
				return list, word
			}
			list = append(list, p.statement(word))
		default:
			if len(ends) > 0 {
				p.fail("the template ends where %q is expected", ends[len(ends)-1])
			}
			return list, ""
		}
	}
}

// blockOf reads a body whose end is a tag of one word.
func (p *parser) blockOf(end string) []stmt {
	p.want(kBlockEnd, "%}")
	list, _ := p.body(end)
	p.want(kBlockEnd, "%}")
	return list
}

// closed reads a body that break and continue cannot leave.
func (p *parser) closed(end string) []stmt {
	loops := p.loops
	p.loops = 0
	defer func() { p.loops = loops }()
	return p.blockOf(end)
}

func (p *parser) statement(word string) stmt {
	switch word {
	case "if":
		return p.conditional()
	case "for":
		return p.loop()
	case "set":
		return p.set()
	case "macro":
		m := &macro{name: p.name()}
		p.signature(m)
		from := p.at
		m.body = p.closed("endmacro")
		for _, t := range p.list[from:p.at] {
			m.calls = m.calls || t.kind == kName && t.text == "caller"
			if t.kind == kName && (t.text == "varargs" || t.text == "kwargs") {
				p.fail("%s in a macro is not supported", t.text)
			}
		}
		return define{m}
	case "call":
		m := &macro{name: "caller"}
		if p.op("(") {
			p.signature(m)
		}
		c, ok := p.expression().(*call)
		if !ok {
			p.fail("the tag call without a call")
		}
		m.body = p.closed("endcall")
		return callBlock{m, c}
	case "filter":
		chain := p.filters(blockText{}, true)
		return filterBlock{chain, p.closed("endfilter")}
	case "with":
		return p.with()
	case "generation":
		return scope{body: p.closed("endgeneration")}
	case "break", "continue":
		if p.loops == 0 {
			p.fail("%s outside of a loop", word)
		}
		p.want(kBlockEnd, "%}")
		if word == "break" {
			return leave(sBreak)
		}
		return leave(sContinue)
	}
	p.fail("the tag %q is not supported", word)
	return nil
}

func (p *parser) conditional() stmt {
	s := ifStmt{test: p.tuple(false)}
	p.want(kBlockEnd, "%}")
	var end string
	s.yes, end = p.body("elif", "else", "endif")
	switch end {
	case "elif":
		defer p.deeper()()
		s.no = []stmt{p.conditional()}
		return s
	case "else":
		p.want(kBlockEnd, "%}")
		s.no, _ = p.body("endif")
	}
	p.want(kBlockEnd, "%}")
	return s
}

func (p *parser) loop() stmt {
	s := &forStmt{target: p.targets("in")}
	if s.target.attr != "" {
		p.fail("a loop over an attribute of a namespace")
	}
	p.want(kName, "in")
	s.over = p.tuple(false)
	if p.skip(kName, "if") {
		s.filter = p.expression()
	}
	s.recursive = p.skip(kName, "recursive")
	p.want(kBlockEnd, "%}")
	p.loops++
	var end string
	s.body, end = p.body("else", "endfor")
	p.loops--
	if end == "else" {
		p.want(kBlockEnd, "%}")
		s.other, _ = p.body("endfor")
	}
	p.want(kBlockEnd, "%}")
	return s
}

func (p *parser) with() stmt {
	var s scope
	for !p.is(kBlockEnd, "%}") {
		if len(s.names) > 0 {
			p.want(kOp, ",")
		}
		s.names = append(s.names, p.target())
		p.want(kOp, "=")
		s.values = append(s.values, p.expression())
	}
	s.body = p.blockOf("endwith")
	return s
}

func (p *parser) set() stmt {
	t := p.targets("=")
	if p.skip(kOp, "=") {
		s := setStmt{t, p.tuple(true)}
		p.want(kBlockEnd, "%}")
		return s
	}
	if len(t.parts) > 0 {
		p.fail("a block cannot be set to several names")
	}
	chain := p.filters(blockText{}, false)
	return setBlock{t, chain, p.closed("endset")}
}

// targets are what an assignment sets: a name, an attribute of a namespace, or several.
func (p *parser) targets(end string) target {
	if p.skip(kOp, "(") {
		t := p.targets(")")
		p.want(kOp, ")")
		if len(t.parts) == 0 {
			return t
		}
		if p.op(",") {
			p.fail("names in brackets among others are not supported")
		}
		return t
	}
	first := p.target()
	if !p.op(",") {
		return first
	}
	t := target{parts: []target{first}}
	for p.skip(kOp, ",") {
		if p.word(end) || p.op(end) {
			break
		}
		t.parts = append(t.parts, p.target())
	}
	return t
}

func (p *parser) target() target {
	t := target{name: p.name()}
	if _, is := constants[t.name]; is {
		p.fail("%s cannot be set", t.name)
	}
	if p.skip(kOp, ".") {
		t.attr = p.name()
	}
	return t
}

func (p *parser) signature(m *macro) {
	p.want(kOp, "(")
	for !p.op(")") {
		if len(m.params) > 0 {
			p.want(kOp, ",")
		}
		m.params = append(m.params, p.name())
		var value expr
		if p.skip(kOp, "=") {
			value = p.expression()
		} else if len(m.defaults) > 0 && m.defaults[len(m.defaults)-1] != nil {
			p.fail("a parameter without a default behind one with")
		}
		m.defaults = append(m.defaults, value)
	}
	p.next()
}

// tuple is an expression, or several with commas between them.
func (p *parser) tuple(conditional bool) expr {
	one := p.expression
	if !conditional {
		one = p.or
	}
	first := one()
	if !p.op(",") {
		return first
	}
	items := []expr{first}
	for p.skip(kOp, ",") {
		if k := p.now().kind; k == kOutputEnd || k == kBlockEnd || p.op(")") {
			break
		}
		items = append(items, one())
	}
	return sequence{items, kTuple}
}

func (p *parser) expression() expr {
	defer p.deeper()()
	x := p.or()
	for p.skip(kName, "if") {
		c := choice{yes: x, test: p.or()}
		if p.skip(kName, "else") {
			c.no = p.expression()
		}
		x = c
	}
	return x
}

func (p *parser) or() expr {
	x := p.and()
	for p.skip(kName, "or") {
		x = logic{false, x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for p.skip(kName, "and") {
		x = logic{true, x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	defer p.deeper()()
	if p.skip(kName, "not") {
		return negation{p.not()}
	}
	return p.compare()
}

func (p *parser) compare() expr {
	first := p.sum()
	c := comparison{first: first}
	for {
		op := p.now().text
		switch {
		case p.now().kind == kOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op):
			p.next()
		case p.skip(kName, "in"):
		case p.word("not") && p.list[p.at+1].kind == kName && p.list[p.at+1].text == "in":
			p.at += 2
			op = "not in"
		default:
			if len(c.ops) == 0 {
				return first
			}
			return c
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, p.sum())
	}
}

func (p *parser) sum() expr {
	x := p.concat()
	for p.op("+") || p.op("-") {
		op := p.next().text
		x = arithmetic{op, x, p.concat()}
	}
	return x
}

func (p *parser) concat() expr {
	first := p.product()
	if !p.op("~") {
		return first
	}
	c := concat{first}
	for p.skip(kOp, "~") {
		c = append(c, p.product())
	}
	return c
}

func (p *parser) product() expr {
	x := p.power()
	for p.op("*") || p.op("/") || p.op("//") || p.op("%") {
		op := p.next().text
		x = arithmetic{op, x, p.power()}
	}
	return x
}

func (p *parser) power() expr {
	x := p.unary(true)
	for p.skip(kOp, "**") {
		x = arithmetic{"**", x, p.unary(true)}
	}
	return x
}

func (p *parser) unary(filtered bool) expr {
	defer p.deeper()()
	var x expr
	switch {
	case p.op("-") || p.op("+"):
		op := p.next().text
		x = sign{op == "-", p.unary(false)}
	default:
		x = p.primary()
	}
	x = p.postfix(x)
	if filtered {
		x = p.behind(x)
	}
	return x
}

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) primary() expr {
	switch t := p.next(); t.kind {
	case kName:
		if v, is := constants[t.text]; is {
			return constant{v}
		}
		return variable(t.text)
	case kString:
		s := t.text
		for p.now().kind == kString {
			s += p.next().text
		}
		return constant{s}
	case kInt:
		n, err := strconv.ParseInt(t.text, 0, 64)
		if strings.Trim(t.text, "0") == "" {
			n, err = 0, nil
		}
		if err != nil {
			p.fail("the number %s is too large", t.text)
		}
		return constant{int(n)}
	case kFloat:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.fail("the number %s is too large", t.text)
		}
		return constant{f}
	case kOp:
		switch t.text {
		case "(":
			if p.skip(kOp, ")") {
				return sequence{nil, kTuple}
			}
			x := p.tuple(true)
			p.want(kOp, ")")
			return x
		case "[":
			return sequence{p.items("]"), kList}
		case "{":
			return p.dict()
		}
	}
	p.at--
	p.fail("unexpected %q", p.now().text)
	return nil
}

func (p *parser) items(end string) []expr {
	var list []expr
	for !p.skip(kOp, end) {
		if len(list) > 0 {
			if p.want(kOp, ","); p.skip(kOp, end) {
				break
			}
		}
		list = append(list, p.expression())
	}
	return list
}

func (p *parser) dict() expr {
	var d dictionary
	for !p.skip(kOp, "}") {
		if len(d.keys) > 0 {
			if p.want(kOp, ","); p.skip(kOp, "}") {
				break
			}
		}
		d.keys = append(d.keys, p.expression())
		p.want(kOp, ":")
		d.values = append(d.values, p.expression())
	}
	return d
}

// postfix reads attributes, indices and calls.
func (p *parser) postfix(x expr) expr {
	for {
		switch {
		case p.skip(kOp, "."):
			if p.now().kind == kInt {
				n, _ := strconv.Atoi(p.next().text)
				x = index{x, constant{n}}
			} else {
				x = attribute{x, p.name()}
			}
		case p.skip(kOp, "["):
			x = p.subscript(x)
		case p.op("("):
			x = &call{x, p.arguments()}
		default:
			return x
		}
	}
}

func (p *parser) subscript(x expr) expr {
	var s slice
	if p.op(":") {
		s.from = nil
	} else {
		s.from = p.expression()
		if p.skip(kOp, "]") {
			return index{x, s.from}
		}
	}
	s.x = x
	p.want(kOp, ":")
	if !p.op(":") && !p.op("]") {
		s.to = p.expression()
	}
	if p.skip(kOp, ":") && !p.op("]") {
		s.step = p.expression()
	}
	p.want(kOp, "]")
	return s
}

func (p *parser) arguments() (a args) {
	p.want(kOp, "(")
	for first := true; !p.skip(kOp, ")"); first = false {
		if !first {
			if p.want(kOp, ","); p.skip(kOp, ")") {
				break
			}
		}
		if p.op("*") || p.op("**") {
			p.fail("arguments with %s are not supported", p.now().text)
		}
		if next := p.list[min(p.at+1, len(p.list)-1)]; p.now().kind == kName && next.kind == kOp && next.text == "=" {
			a.names = append(a.names, p.name())
			p.next()
			a.named = append(a.named, p.expression())
			continue
		}
		if len(a.named) > 0 {
			p.fail("an argument without a name behind one with")
		}
		a.list = append(a.list, p.expression())
	}
	return a
}

// behind reads the filters, tests and calls behind an operand.
func (p *parser) behind(x expr) expr {
	for {
		switch {
		case p.op("|"):
			x = p.filters(x, false)
		case p.skip(kName, "is"):
			x = p.test(x)
		case p.op("("):
			x = &call{x, p.arguments()}
		default:
			return x
		}
	}
}

// filters reads a chain of filters; named says that its first has no bar.
func (p *parser) filters(x expr, named bool) expr {
	for named || p.skip(kOp, "|") {
		named = false
		f := &filter{x: x, name: p.name()}
		for p.skip(kOp, ".") {
			f.name += "." + p.name()
		}
		if f.do = filters[f.name]; f.do == nil {
			p.fail("the filter %q is not supported", f.name)
		}
		if p.op("(") {
			f.args = p.arguments()
		}
		x = f
	}
	return x
}

func (p *parser) test(x expr) expr {
	defer p.deeper()()
	negated := p.skip(kName, "not")
	t := &test{x: x, name: p.name()}
	if tests[t.name] == nil {
		p.fail("the test %q is not supported", t.name)
	}
	switch k := p.now().kind; {
	case p.op("("):
		t.args = p.arguments()
	case k == kName && !p.word("else") && !p.word("or") && !p.word("and") && !p.word("is"), k == kString, k == kInt, k == kFloat, p.op("["), p.op("{"):
		if p.word("if") || p.word("not") || p.word("in") || p.word("recursive") { // Jinja takes these words for a variable's name here
			p.fail("%q behind a test is not supported: put brackets around the test", p.now().text)
		}
		t.args.list = []expr{p.postfix(p.primary())}
	case p.word("is"):
		p.fail("tests of tests need brackets")
	}
	if negated {
		return negation{t}
	}
	return t
}
