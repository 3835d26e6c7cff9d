package token

import (
	"errors"
	"unicode/utf8"
)

// regex is a backtracking matcher for the regular expressions in tokenizer files, with the meaning that Oniguruma gives
// them (Ruby syntax, UTF-8): alternatives in order, classes with \p{..} and nesting, greedy, lazy and possessive repetition,
// groups, look-around of one kind (ahead), (?i:...) over ASCII letters, anchors. What else there is in a pattern is refused.
//
// Whether a match can go on from an instruction at a place of a text depends on nothing else. So what failed once is not tried again
// (as in RE2's bit-state matcher), and the time for a text is at most its length times that of the program.
type regex struct {
	source string
	prog   []instr
	size   int       // parts compiled
	forks  int       // instructions with a choice
	first  [256]bool // bytes that a match may begin with
	empty  bool      // whether a match may be empty
}

// node is a part of a regular expression.
type node interface{}

type (
	oneOf struct{ set charSet } // one character
	seq   []node                // one after the other
	alt   []node                // the first that leads to a match
	look  struct {
		n   node
		not bool
	} // (?=...), (?!...)
	anchor     byte // ^ $ A z b B
	possessive struct{ n node }
	repeat     struct {
		n        node
		min, max int // max < 0: no limit
		lazy     bool
		atomic   bool
	}
)

// instr is an instruction of a compiled pattern. What it does not send elsewhere goes on at the next one.
type instr struct {
	op     op
	flag   bool // opLook: must not match; opFork: go to first, and on later; opLoop: take all or none
	anchor anchor
	set    *charSet
	to     int
	fork   int // number of opFork and opLoop
}

type op byte

const (
	opEnd    op = iota // the pattern, or the part of an opLook or opAtomic, has matched
	opSet              // a character of set
	opLoop             // as many characters of set as there are; fewer where that leads to no match
	opFork             // go on, or at to where that leads to no match
	opJump             // go to to
	opAnchor           // a place of the text
	opLook             // the part that follows must match here; go to to
	opAtomic           // the first match of the part that follows; go to to from its end
)

// maxParts bounds the parts of a pattern with its counted repetitions written out; those in differential.py, of published models most,
// have up to 89.
const maxParts = 1000

func (re *regex) emit(in instr) int {
	if in.op == opFork || in.op == opLoop {
		in.fork = re.forks
		re.forks++
	}
	re.prog = append(re.prog, in)
	return len(re.prog) - 1
}

// target makes the instruction at go to what is emitted next.
func (re *regex) target(at int) { re.prog[at].to = len(re.prog) }

// compile appends the instructions of n, until there are too many.
func (re *regex) compile(n node) {
	if re.size++; re.size > maxParts {
		return
	}
	switch n := n.(type) {
	case *oneOf:
		re.emit(instr{op: opSet, set: &n.set})
	case seq:
		for _, x := range n {
			re.compile(x)
		}
	case alt:
		re.compileAlt(n)
	case anchor:
		re.emit(instr{op: opAnchor, anchor: n})
	case look:
		re.part(instr{op: opLook, flag: n.not}, n.n)
	case possessive:
		re.part(instr{op: opAtomic}, n.n)
	case *repeat:
		_, single := n.n.(*oneOf)
		if n.atomic && !(single && n.max < 0) {
			plain := *n
			plain.atomic = false
			re.part(instr{op: opAtomic}, &plain)
		} else {
			re.compileRepeat(n)
		}
	}
}

func (re *regex) compileAlt(n alt) {
	var ends []int
	for i, x := range n {
		if i == len(n)-1 {
			re.compile(x)
			break
		}
		fork := re.emit(instr{op: opFork})
		re.compile(x)
		ends = append(ends, re.emit(instr{op: opJump}))
		re.target(fork)
	}
	for _, at := range ends {
		re.target(at)
	}
}

// part compiles n as a part of its own.
func (re *regex) part(in instr, n node) {
	at := re.emit(in)
	re.compile(n)
	re.emit(instr{op: opEnd})
	re.target(at)
}

func (re *regex) compileRepeat(n *repeat) {
	for i := 0; i < n.min && re.size <= maxParts; i++ {
		re.compile(n.n)
	}
	one, single := n.n.(*oneOf)
	switch {
	case n.max >= 0:
		var forks []int
		for i := n.min; i < n.max && re.size <= maxParts; i++ {
			forks = append(forks, re.emit(instr{op: opFork, flag: n.lazy}))
			re.compile(n.n)
		}
		for _, at := range forks {
			re.target(at)
		}
	case single && !n.lazy:
		re.emit(instr{op: opLoop, set: &one.set, flag: n.atomic})
	default:
		fork := re.emit(instr{op: opFork, flag: n.lazy})
		re.compile(n.n)
		re.emit(instr{op: opJump, to: fork})
		re.target(fork)
	}
}

// finish ends the program. A loop that only the end follows needs no other choice than all.
func (re *regex) finish() error {
	re.emit(instr{op: opEnd})
	if re.size > maxParts {
		return errors.New("repetitions of too much")
	}
	for i := range re.prog {
		if re.prog[i].op != opLoop {
			continue
		}
		next := i + 1
		for re.prog[next].op == opJump {
			next = re.prog[next].to
		}
		re.prog[i].flag = re.prog[i].flag || re.prog[next].op == opEnd
	}
	return nil
}

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

// search is a regex on one text.
type search struct {
	re     *regex
	text   []byte
	stack  []frame
	steps  int        // until failures are remembered
	failed [][]uint64 // by fork: a bit for each place of the text
	ends   map[frame]int
}

// frame is a choice that is left: go on at instruction pc. Or, as the complement of pc, the mark that all choices from there
// on have failed once it comes up.
type frame struct{ pc, pos int32 }

// maxEnds bounds what is remembered of parts that matched; the search goes forward, and older ones are hardly asked for again.
const maxEnds = 1 << 20

// stepsPerByte is how many steps a text may take before failures are remembered; published patterns stay below it.
const stepsPerByte = 32

// start makes m the search of re in text.
func (m *search) start(re *regex, text []byte) {
	m.re, m.text, m.stack, m.steps = re, text, m.stack[:0], stepsPerByte*(len(text)+32)
	m.failed, m.ends = nil, nil
}

func (re *regex) next(text []byte, pos int) (lo, hi int, ok bool) {
	var m search
	m.start(re, text)
	return m.next(text, pos)
}

// next finds the next match; text is that of start.
func (m *search) next(text []byte, pos int) (lo, hi int, ok bool) {
	re := m.re
	for pos <= len(text) {
		if !re.empty {
			for pos < len(text) && !re.first[text[pos]] {
				pos++
			}
			if pos == len(text) {
				break
			}
		}
		if end := m.run(0, pos); end >= 0 {
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

// run returns the end of the first match of the instructions from pc on at i, -1 for none.
func (m *search) run(pc, i int) int {
	base, part := len(m.stack), pc > 0
	for {
		end, ok := m.follow(pc, i)
		if ok {
			m.matched(base, end, part)
			return end
		}
		for { // back to the last choice
			if len(m.stack) == base {
				return -1
			}
			f := m.stack[len(m.stack)-1]
			m.stack = m.stack[:len(m.stack)-1]
			if f.pc >= 0 {
				pc, i = int(f.pc), int(f.pos)
				break
			}
			m.fail(f)
		}
	}
}

// follow goes on from pc at i to the end, leaving choices on the stack.
func (m *search) follow(pc, i int) (end int, ok bool) {
	for {
		m.steps--
		in := &m.re.prog[pc]
		pc++
		switch in.op {
		case opEnd:
			return i, true
		case opSet:
			n := in.set.at(m.text, i)
			if n == 0 {
				return 0, false
			}
			i += n
		case opLoop:
			for {
				if m.steps--; m.steps < 0 {
					if end, known := m.known(pc-1, i); known {
						return end, end >= 0
					}
				}
				n := in.set.at(m.text, i)
				if n == 0 {
					break
				}
				if !in.flag {
					m.stack = append(m.stack, frame{int32(pc), int32(i)})
				}
				i += n
			}
		case opFork:
			if m.steps < 0 {
				if end, known := m.known(pc-1, i); known {
					return end, end >= 0
				}
			}
			other := in.to
			if in.flag {
				pc, other = other, pc
			}
			m.stack = append(m.stack, frame{int32(other), int32(i)})
		case opJump:
			pc = in.to
		case opAnchor:
			if !in.anchor.at(m.text, i) {
				return 0, false
			}
		case opLook:
			if (m.run(pc, i) >= 0) == in.flag {
				return 0, false
			}
			pc = in.to
		case opAtomic:
			if i = m.run(pc, i); i < 0 {
				return 0, false
			}
			pc = in.to
		}
	}
}

// known returns what is known of going on from the choice pc at i: the end, -1 where it fails. Where nothing is, a mark will tell.
func (m *search) known(pc, i int) (end int, known bool) {
	if m.failed == nil {
		m.failed, m.ends = make([][]uint64, m.re.forks), map[frame]int{}
	}
	if row := m.failed[m.re.prog[pc].fork]; row != nil && row[i/64]>>(i%64)&1 != 0 {
		return -1, true
	}
	f := frame{int32(pc), int32(i)}
	if end, known = m.ends[f]; !known {
		m.stack = append(m.stack, frame{^f.pc, f.pos})
	}
	return end, known
}

// fail remembers that the choice of a mark failed.
func (m *search) fail(f frame) {
	row := &m.failed[m.re.prog[^f.pc].fork]
	if *row == nil {
		*row = make([]uint64, len(m.text)/64+1)
	}
	(*row)[f.pos/64] |= 1 << (f.pos % 64)
}

// matched drops the choices above base. Those of a part that led to its end will do so again.
func (m *search) matched(base, end int, part bool) {
	if len(m.ends) > maxEnds {
		clear(m.ends)
	}
	for _, f := range m.stack[base:] {
		if part && f.pc < 0 {
			m.ends[frame{^f.pc, f.pos}] = end
		}
	}
	m.stack = m.stack[:base]
}

func (a anchor) at(text []byte, i int) bool {
	switch a {
	case 'A':
		return i == 0
	case 'z':
		return i == len(text)
	case '^':
		return i == 0 || text[i-1] == '\n' && i < len(text)
	case 'b', 'B':
		t, before, behind := classes(), class(0), class(0)
		if i > 0 {
			r, _ := utf8.DecodeLastRune(text[:i])
			before = t.of(r) & isWord
		}
		if i < len(text) {
			_, behind, _ = t.decode(text[i:])
		}
		return (before != behind&isWord) == (a == 'b')
	}
	return i == len(text) || text[i] == '\n'
}
