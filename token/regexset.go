package token

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// set reads what follows [ up to its ].
func (p *regexParser) set() (charSet, error) {
	if p.depth++; p.depth > 50 {
		return charSet{}, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	if p.eat(":") {
		return charSet{}, errors.New("[:class:] is not supported")
	}
	out := charSet{not: p.eat("^")}
	first := true
	for {
		if !p.more() {
			return charSet{}, errors.New("[ without ]")
		}
		switch {
		case p.src[p.pos] == ']' && !first:
			p.pos++
			return out, nil
		case p.eat("&&"):
			rest := charSet{}
			inner, err := p.set() // up to the ] that ends this set too
			if err != nil {
				return charSet{}, err
			}
			rest.subs = []charSet{inner}
			out.ands = append(out.ands, rest)
			return out, nil
		case p.src[p.pos] == '[':
			p.pos++
			inner, err := p.set()
			if err != nil {
				return charSet{}, err
			}
			out.subs = append(out.subs, inner)
		default:
			if err := p.setItem(&out); err != nil {
				return charSet{}, err
			}
		}
		first = false
	}
}

// setItem reads a character, a class or a range of a set.
func (p *regexParser) setItem(out *charSet) error {
	lo, err := p.char()
	if err != nil {
		return err
	}
	if lo.is == isWord {
		lo.ands = []charSet{notSmall}
	}
	if len(lo.ranges) < 2 || !strings.HasPrefix(p.src[p.pos:], "-") || strings.HasPrefix(p.src[p.pos:], "-]") {
		out.subs = append(out.subs, lo)
		return nil
	}
	p.pos++
	hi, err := p.char()
	switch {
	case err != nil:
		return err
	case len(hi.ranges) < 2 || hi.ranges[0] < lo.ranges[0]:
		return errors.New("bad range in [ ]")
	case p.fold:
		return errors.New("ranges under (?i) are not supported")
	}
	out.ranges = append(out.ranges, lo.ranges[0], hi.ranges[0])
	return nil
}

// notSmall is all but the small digits and fractions of Latin-1, which Oniguruma counts to \w alone but not in sets.
var notSmall = charSet{ranges: []rune{0xB2, 0xB3, 0xB9, 0xB9, 0xBC, 0xBE}, not: true}

var escapes = map[byte]rune{'n': '\n', 'r': '\r', 't': '\t', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1B}

// char reads one character or class. A plain character is the first range.
func (p *regexParser) char() (charSet, error) {
	if !p.more() {
		return charSet{}, errors.New("ends too early")
	}
	r, n := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += n
	if r != '\\' {
		return p.literal(r)
	}
	if !p.more() {
		return charSet{}, errors.New(`\ at the end`)
	}
	r, n = utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += n
	switch r {
	case 's', 'S':
		return charSet{is: isSpace, not: r == 'S'}, nil
	case 'd', 'D':
		return charSet{is: isNd, not: r == 'D'}, nil
	case 'w', 'W':
		return charSet{is: isWord, not: r == 'W'}, nil
	case 'p', 'P':
		return p.property(r == 'P')
	case 'x', 'u':
		return p.hex(r)
	}
	if c, ok := escapes[byte(r)]; ok && r < utf8.RuneSelf {
		return p.literal(c)
	}
	if r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') {
		return charSet{}, fmt.Errorf(`\%c is not supported`, r)
	}
	return p.literal(r)
}

// literal is the set of one character, and of those that it folds to.
func (p *regexParser) literal(r rune) (charSet, error) {
	out := charSet{ranges: []rune{r, r}}
	if !p.fold {
		return out, nil
	}
	lower := r
	if r < utf8.RuneSelf {
		lower = rune(foldASCII(byte(r)))
	}
	switch {
	case lower >= utf8.RuneSelf:
		return out, fmt.Errorf("%q under (?i) is not supported", r)
	case lower >= 'a' && lower <= 'z':
		out.ranges = append(out.ranges, lower, lower, lower-'a'+'A', lower-'a'+'A')
	}
	switch lower {
	case 's':
		out.ranges = append(out.ranges, 0x17F, 0x17F)
	case 'k':
		out.ranges = append(out.ranges, 0x212A, 0x212A)
	}
	return out, nil
}

// hex reads \xHH, \x{H...} or \uHHHH.
func (p *regexParser) hex(kind rune) (charSet, error) {
	digits := 2
	if kind == 'u' {
		digits = 4
	}
	text := p.src[p.pos:min(len(p.src), p.pos+digits)]
	skip := len(text)
	if kind == 'x' && strings.HasPrefix(text, "{") {
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			return charSet{}, errors.New(`\x{ without }`)
		}
		text, skip = p.src[p.pos+1:p.pos+end], end+1
	}
	v, err := strconv.ParseUint(text, 16, 32)
	if err != nil || v > utf8.MaxRune || kind == 'x' && skip == 2 && v >= utf8.RuneSelf {
		return charSet{}, fmt.Errorf(`\%c%s is not supported`, kind, text)
	}
	p.pos += skip
	return p.literal(rune(v))
}

// property reads the rest of \p{Name}, \p{^Name} or \pL.
func (p *regexParser) property(not bool) (charSet, error) {
	if !p.eat("{") {
		return charSet{}, errors.New(`\p without { is not supported`)
	}
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return charSet{}, errors.New(`\p{ without }`)
	}
	name := p.src[p.pos : p.pos+end]
	p.pos += end + 1
	if strings.HasPrefix(name, "^") {
		name, not = name[1:], !not
	}
	i := slices.Index(classNames[:], name)
	if i < 0 || i >= slices.Index(classNames[:], "Word") {
		return charSet{}, fmt.Errorf(`\p{%s} is not supported`, name)
	}
	return charSet{is: 1 << i, not: not}, nil
}
