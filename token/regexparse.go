package token

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxPattern bounds the length of a pattern; the longest published ones have about 2,000 bytes.
const maxPattern = 1 << 14

// regexParser reads a pattern.
type regexParser struct {
	src   string
	pos   int
	depth int
	fold  bool
}

func compileRegex(pattern string) (*regex, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("regular expression of %d bytes is too long", len(pattern))
	}
	p := &regexParser{src: pattern}
	n, err := p.alternatives()
	if err == nil && p.pos < len(p.src) {
		err = errors.New("unmatched )")
	}
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", pattern, err)
	}
	re := &regex{source: pattern}
	re.compile(n)
	if err := re.finish(); err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", pattern, err)
	}
	re.empty = begins(n, &re.first)
	return re, nil
}

func (p *regexParser) more() bool { return p.pos < len(p.src) }

func (p *regexParser) eat(s string) bool {
	if strings.HasPrefix(p.src[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *regexParser) alternatives() (node, error) {
	if p.depth++; p.depth > 50 {
		return nil, errors.New("nested too deeply")
	}
	defer func(fold bool) { p.depth--; p.fold = fold }(p.fold)
	var out alt
	for {
		var s seq
		for p.more() && p.src[p.pos] != '|' && p.src[p.pos] != ')' {
			n, err := p.repeated()
			if err != nil {
				return nil, err
			}
			if n != nil {
				s = append(s, n)
			}
		}
		out = append(out, s)
		if !p.eat("|") {
			break
		}
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

func (p *regexParser) repeated() (node, error) {
	n, err := p.atom()
	if err != nil {
		return nil, err
	}
	for p.more() {
		r, ok, err := p.quantifier()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		inner, again := n.(*repeat)
		switch {
		case n == nil:
			return nil, errors.New("repetition of nothing")
		case again && (r.max != 1 || inner.max != 1):
			return nil, errors.New("repetition of a repetition is not supported")
		case r.max < 0 && begins(n, new([256]bool)):
			return nil, errors.New("unlimited repetition of what may be empty is not supported")
		}
		r.n = n
		n = r
	}
	return n, nil
}

// quantifier reads *, +, ?, {n}, {n,}, {n,m} and what may follow: ? (lazy) or + (possessive, not after braces in Ruby).
func (p *regexParser) quantifier() (*repeat, bool, error) {
	r := &repeat{max: -1}
	braces := false
	switch p.src[p.pos] {
	case '*':
	case '+':
		r.min = 1
	case '?':
		r.max = 1
	case '{':
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			return nil, false, errors.New("{ without }")
		}
		from, to, comma := strings.Cut(p.src[p.pos+1:p.pos+end], ",")
		var err1, err2 error
		r.min, err1 = strconv.Atoi(from)
		switch {
		case !comma:
			r.max = r.min
		case to != "":
			r.max, err2 = strconv.Atoi(to)
		}
		if err1 != nil || err2 != nil || r.min > 1000 || r.max > 1000 || r.min < 0 || r.max >= 0 && r.max < r.min {
			return nil, false, fmt.Errorf("repetition {%s} is not supported", p.src[p.pos+1:p.pos+end])
		}
		p.pos += end
		braces = true
	default:
		return nil, false, nil
	}
	p.pos++
	switch {
	case p.eat("?"):
		if braces && r.max == r.min {
			return nil, false, errors.New("{n}? is not supported")
		}
		r.lazy = true
	case !braces && p.eat("+"):
		r.atomic = true
	case braces && p.more() && p.src[p.pos] == '+':
		return nil, false, errors.New("{n,m}+ is not supported")
	}
	return r, true, nil
}

func (p *regexParser) atom() (node, error) {
	switch c := p.src[p.pos]; c {
	case '(':
		return p.group()
	case '[':
		p.pos++
		set, err := p.set()
		if err != nil {
			return nil, err
		}
		return &oneOf{set.freeze()}, nil
	case '.':
		p.pos++
		return &oneOf{charSet{ranges: []rune{'\n', '\n'}, not: true}.freeze()}, nil
	case '^', '$':
		p.pos++
		return anchor(c), nil
	case '*', '+', '?':
		return nil, errors.New("repetition of nothing")
	}
	for _, a := range []anchor{'A', 'z', 'b', 'B'} {
		if p.eat(`\` + string(rune(a))) {
			return a, nil
		}
	}
	set, err := p.char()
	if err != nil {
		return nil, err
	}
	return &oneOf{set.freeze()}, nil
}

func (p *regexParser) group() (node, error) {
	p.pos++
	fold := p.fold
	wrap := func(n node) node { return n }
	switch {
	case p.eat("?:"):
	case p.eat("?i:"):
		p.fold = true
	case p.eat("?i)"):
		p.fold = true
		return nil, nil
	case p.eat("?>"):
		wrap = func(n node) node { return possessive{n} }
	case p.eat("?="):
		wrap = func(n node) node { return look{n, false} }
	case p.eat("?!"):
		wrap = func(n node) node { return look{n, true} }
	case p.more() && p.src[p.pos] == '?':
		return nil, fmt.Errorf("group (%s is not supported", p.src[p.pos:min(len(p.src), p.pos+3)])
	}
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	p.fold = fold
	if !p.eat(")") {
		return nil, errors.New("( without )")
	}
	return wrap(n), nil
}
