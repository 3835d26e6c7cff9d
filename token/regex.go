package token

import "unicode/utf8"

// regex is a backtracking matcher for the regular expressions in tokenizer files, with the meaning that Oniguruma gives
// them (Ruby syntax, UTF-8): alternatives in order, classes with \p{..} and nesting, greedy, lazy and possessive repetition,
// groups, look-around of one kind (ahead), (?i:...) over ASCII letters, anchors. What else there is in a pattern is refused.
type regex struct {
	root  node
	first [256]bool // bytes that a match may begin with
	empty bool      // whether a match may be empty
}

// node is a part of a regular expression. match calls next with every end that the node can match from i, in order of
// preference, until next returns true.
type node interface {
	match(text []byte, i int, next func(int) bool) bool
}

type (
	oneOf struct{ set charSet } // one character
	seq   []node                // one after the other
	alt   []node                // the first that leads to a match
	look  struct {
		n   node
		not bool
	} // (?=...), (?!...)
	anchor     byte // ^ $ A z b
	possessive struct{ n node }
	repeat     struct {
		n        node
		min, max int // max < 0: no limit
		lazy     bool
		atomic   bool
	}
)

// charSet is a set of characters.
type charSet struct {
	ascii  [utf8.RuneSelf]bool
	is     class
	isNot  []class // members: characters with none of these classes
	ranges []rune  // pairs
	subs   []charSet
	ands   []charSet // intersection with all of these
	not    bool
}

func (c *charSet) has(t *classTable, r rune) bool {
	in := c.inside(t, r)
	for i := range c.ands {
		in = in && c.ands[i].has(t, r)
	}
	return in != c.not
}

func (c *charSet) inside(t *classTable, r rune) bool {
	is := t.of(r)
	if is&c.is != 0 {
		return true
	}
	for _, k := range c.isNot {
		if is&k == 0 {
			return true
		}
	}
	for i := 0; i < len(c.ranges); i += 2 {
		if r >= c.ranges[i] && r <= c.ranges[i+1] {
			return true
		}
	}
	for i := range c.subs {
		if c.subs[i].has(t, r) {
			return true
		}
	}
	return false
}

// freeze fills the table for ASCII.
func (c charSet) freeze() charSet {
	t := classes()
	for r := range c.ascii {
		c.ascii[r] = c.has(t, rune(r))
	}
	return c
}

// at returns the length of the character at text[i:] where it is in the set, else 0.
func (c *charSet) at(text []byte, i int) int {
	if i >= len(text) {
		return 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		if c.ascii[b] {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRune(text[i:])
	if c.has(classes(), r) {
		return n
	}
	return 0
}

func (o *oneOf) match(text []byte, i int, next func(int) bool) bool {
	n := o.set.at(text, i)
	return n > 0 && next(i+n)
}

func (s seq) match(text []byte, i int, next func(int) bool) bool {
	if len(s) == 0 {
		return next(i)
	}
	if len(s) == 1 {
		return s[0].match(text, i, next)
	}
	return s[0].match(text, i, func(j int) bool { return s[1:].match(text, j, next) })
}

func (a alt) match(text []byte, i int, next func(int) bool) bool {
	for _, n := range a {
		if n.match(text, i, next) {
			return true
		}
	}
	return false
}

// longest returns the end that a node matches first, -1 for none.
func longest(n node, text []byte, i int) int {
	switch n := n.(type) {
	case *oneOf:
		if k := n.set.at(text, i); k > 0 {
			return i + k
		}
		return -1
	case seq:
		if len(n) == 1 {
			return longest(n[0], text, i)
		}
	case alt:
		for _, x := range n {
			if end := longest(x, text, i); end >= 0 {
				return end
			}
		}
		return -1
	case *repeat:
		if one, ok := n.n.(*oneOf); ok && !n.lazy {
			return n.greedy(&one.set, text, i)
		}
	}
	end := -1
	n.match(text, i, func(j int) bool { end = j; return true })
	return end
}

func (l look) match(text []byte, i int, next func(int) bool) bool {
	return (longest(l.n, text, i) >= 0) != l.not && next(i)
}

func (a possessive) match(text []byte, i int, next func(int) bool) bool {
	end := longest(a.n, text, i)
	return end >= 0 && next(end)
}

func (a anchor) match(text []byte, i int, next func(int) bool) bool {
	ok := false
	switch a {
	case 'A':
		ok = i == 0
	case 'z':
		ok = i == len(text)
	case '^':
		ok = i == 0 || text[i-1] == '\n' && i < len(text)
	case '$':
		ok = i == len(text) || text[i] == '\n'
	}
	return ok && next(i)
}

func (r *repeat) match(text []byte, i int, next func(int) bool) bool {
	if one, ok := r.n.(*oneOf); ok {
		return r.matchSet(&one.set, text, i, next)
	}
	if r.atomic {
		plain := *r
		plain.atomic = false
		end := longest(&plain, text, i)
		return end >= 0 && next(end)
	}
	return r.rest(text, i, 0, next)
}

// rest matches the repetitions that follow count ones.
func (r *repeat) rest(text []byte, i, count int, next func(int) bool) bool {
	more := func() bool {
		return (r.max < 0 || count < r.max) && r.n.match(text, i, func(j int) bool {
			return j > i && r.rest(text, j, count+1, next)
		})
	}
	if count < r.min {
		return r.n.match(text, i, func(j int) bool { return r.rest(text, j, count+1, next) })
	}
	if r.lazy {
		return next(i) || more()
	}
	return more() || next(i)
}

// greedy returns the end of as many characters of set as there may be, -1 where there are too few.
func (r *repeat) greedy(set *charSet, text []byte, i int) int {
	count := 0
	for ; r.max < 0 || count < r.max; count++ {
		n := set.at(text, i)
		if n == 0 {
			break
		}
		i += n
	}
	if count < r.min {
		return -1
	}
	return i
}

// matchSet is match for the repetition of a single character.
func (r *repeat) matchSet(set *charSet, text []byte, i int, next func(int) bool) bool {
	count, j := 0, i
	for ; r.max < 0 || count < r.max; count++ {
		if r.lazy && count >= r.min && next(j) {
			return true
		}
		n := set.at(text, j)
		if n == 0 {
			break
		}
		j += n
	}
	if count < r.min || r.lazy {
		return r.lazy && count >= r.min && count == r.max && next(j)
	}
	if r.atomic {
		return next(j)
	}
	for {
		if next(j) {
			return true
		}
		if count == r.min {
			return false
		}
		_, n := utf8.DecodeLastRune(text[i:j])
		j -= n
		count--
	}
}

// begins marks the bytes that a match of n may begin with; it says whether n may match without taking a character.
func begins(n node, first *[256]bool) (empty bool) {
	switch n := n.(type) {
	case *oneOf:
		for b := range first {
			first[b] = first[b] || b >= utf8.RuneSelf || n.set.ascii[b]
		}
		return false
	case seq:
		for _, x := range n {
			if !begins(x, first) {
				return false
			}
		}
		return true
	case alt:
		for _, x := range n {
			empty = begins(x, first) || empty
		}
		return empty
	case possessive:
		return begins(n.n, first)
	case *repeat:
		return begins(n.n, first) || n.min == 0
	}
	return true
}

func (re *regex) next(text []byte, pos int) (lo, hi int, ok bool) {
	for pos <= len(text) {
		if !re.empty {
			for pos < len(text) && !re.first[text[pos]] {
				pos++
			}
			if pos == len(text) {
				break
			}
		}
		if end := longest(re.root, text, pos); end >= 0 {
			return pos, end, true
		}
		if pos == len(text) {
			break
		}
		_, n := utf8.DecodeRune(text[pos:])
		pos += n
	}
	return 0, 0, false
}
