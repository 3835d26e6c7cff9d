package analysis

import "math/bits"

// expr is a regular expression over classes. Its build adds states to a and returns where it begins and ends.
type expr func(a *nfa) (start, end int)

// nfa is Thompson's construction: a state has either one edge over a set of classes or edges that read nothing.
type nfa struct {
	set   []uint32 // bit c: the edge reads class c
	to    []int    // where that edge leads
	empty [][]int
}

func (a *nfa) state() int {
	a.set, a.to, a.empty = append(a.set, 0), append(a.to, 0), append(a.empty, nil)
	return len(a.set) - 1
}

func (a *nfa) link(from, to int) { a.empty[from] = append(a.empty[from], to) }

// in reads one code point of the classes.
func in(cs ...class) expr {
	return func(a *nfa) (int, int) {
		s, e := a.state(), a.state()
		for _, c := range cs {
			a.set[s] |= 1 << c
		}
		a.to[s] = e
		return s, e
	}
}

func seq(xs ...expr) expr {
	return func(a *nfa) (int, int) {
		start, end := xs[0](a)
		for _, x := range xs[1:] {
			s, e := x(a)
			a.link(end, s)
			end = e
		}
		return start, end
	}
}

func alt(xs ...expr) expr {
	return func(a *nfa) (int, int) {
		start, end := a.state(), a.state()
		for _, x := range xs {
			s, e := x(a)
			a.link(start, s)
			a.link(e, end)
		}
		return start, end
	}
}

func star(x expr) expr {
	return func(a *nfa) (int, int) {
		start, end := a.state(), a.state()
		s, e := x(a)
		a.link(start, s)
		a.link(start, end)
		a.link(e, s)
		a.link(e, end)
		return start, end
	}
}

func opt(x expr) expr   { return alt(x, func(a *nfa) (int, int) { s := a.state(); return s, s }) }
func plus(x expr) expr  { return seq(x, star(x)) }
func twice(x expr) expr { return seq(x, x) }

// dfa recognises the longest match. State 0 is dead, state 1 the start.
type dfa struct {
	next   [][32]uint16 // by state and class
	accept []bool
}

// compile is the subset construction, made minimal.
func compile(x expr) *dfa {
	a := &nfa{}
	start, end := x(a)
	closures := make([]states, len(a.set))
	for s := range closures {
		closures[s] = a.closure(s)
	}
	d := &dfa{next: make([][32]uint16, 1), accept: make([]bool, 1)}
	ids := map[states]uint16{}
	var sets []states
	add := func(s states) uint16 {
		if id, ok := ids[s]; ok {
			return id
		}
		id := uint16(len(d.next))
		ids[s] = id
		sets = append(sets, s)
		d.next = append(d.next, [32]uint16{})
		d.accept = append(d.accept, s.has(end))
		return id
	}
	add(closures[start])
	for i := 0; i < len(sets); i++ {
		var to [32]states
		any := uint32(0)
		for s := range len(a.set) {
			if sets[i].has(s) {
				any |= a.set[s]
				for m := a.set[s]; m != 0; m &= m - 1 {
					to[bits.TrailingZeros32(m)].add(&closures[a.to[s]])
				}
			}
		}
		for m := any; m != 0; m &= m - 1 {
			c := bits.TrailingZeros32(m)
			d.next[i+1][c] = add(to[c])
		}
	}
	return d.minimal()
}

// states is a set of states of an nfa.
type states [16]uint64

func (s *states) has(i int) bool { return s[i>>6]>>(i&63)&1 != 0 }

func (s *states) add(t *states) {
	for i := range s {
		s[i] |= t[i]
	}
}

// closure is what state s reaches without reading.
func (a *nfa) closure(s int) states {
	if len(a.set) > 64*len(states{}) {
		panic("analysis: the word rules have too many states")
	}
	var seen states
	for todo := []int{s}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen.has(s) {
			seen[s>>6] |= 1 << (s & 63)
			todo = append(todo, a.empty[s]...)
		}
	}
	return seen
}

// minimal joins states that no continuation tells apart (Moore's algorithm).
func (d *dfa) minimal() *dfa {
	type signature struct {
		block uint16
		next  [32]uint16
	}
	block := make([]uint16, len(d.next)) // of each state; numbered by first appearance, so dead stays 0 and the start 1
	for s := range block {
		if d.accept[s] {
			block[s] = 1
		}
	}
	for count := 0; ; {
		ids := map[signature]uint16{}
		refined := make([]uint16, len(block))
		for s := range block {
			sig := signature{block: block[s]}
			for c, to := range d.next[s] {
				sig.next[c] = block[to]
			}
			id, ok := ids[sig]
			if !ok {
				id = uint16(len(ids))
				ids[sig] = id
			}
			refined[s] = id
		}
		block = refined
		if len(ids) == count {
			break
		}
		count = len(ids)
	}
	m := &dfa{}
	for s, b := range block {
		if int(b) < len(m.next) {
			continue
		}
		row := d.next[s]
		for c, to := range row {
			row[c] = block[to]
		}
		m.next = append(m.next, row)
		m.accept = append(m.accept, d.accept[s])
	}
	return m
}
