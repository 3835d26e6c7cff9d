package eval

import "fmt"

// maxClosureBits bounds the memory of one group's transitive preferences: 128 MB.
const maxClosureBits = 1 << 30

// closure holds for every place of a group the places that it is preferred to, a bit each, transitive preferences included.
type closure [][]uint64

func (c closure) has(a, b int32) bool { return c[a][b>>6]>>(b&63)&1 != 0 }

// prefGraph is the preferences of a group with subgroups. Its nodes are the places and, between two levels that follow each other in a
// subgroup, one node more, so that the number of edges is that of the lines, not its square.
type prefGraph struct {
	places int
	worse  []int32   // (node) number of edges to worse nodes
	better [][]int32 // (node) the nodes above it
}

func (g *prefGroup) graph() *prefGraph {
	p := &prefGraph{places: len(g.docs), worse: make([]int32, len(g.docs)), better: make([][]int32, len(g.docs))}
	for _, s := range g.subs {
		between := int32(-1) // node above the current level
		for from := 0; from < len(s); {
			to := from
			for to < len(s) && s[to].level == s[from].level {
				to++
			}
			below := int32(-1)
			if to < len(s) {
				below = int32(len(p.worse))
				p.worse, p.better = append(p.worse, 0), append(p.better, nil)
			}
			for _, d := range s[from:to] {
				if between >= 0 {
					p.edge(between, d.place)
				}
				if below >= 0 {
					p.edge(d.place, below)
				}
			}
			between, from = below, to
		}
	}
	return p
}

func (p *prefGraph) edge(better, worse int32) {
	p.worse[better]++
	p.better[worse] = append(p.better[worse], better)
}

// walk visits the nodes from the worst up, each after all that are worse (Kahn 1962). It returns the nodes that it cannot reach so: those of
// contradictions, and what is better than them.
func (p *prefGraph) walk(visit func(node int32)) (left []int32) {
	open := append([]int32(nil), p.worse...)
	var ready []int32
	for node, n := range open {
		if n == 0 {
			ready = append(ready, int32(node))
		}
	}
	for len(ready) > 0 {
		node := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		visit(node)
		for _, b := range p.better[node] {
			if open[b]--; open[b] == 0 {
				ready = append(ready, b)
			}
		}
	}
	for node, n := range open {
		if n > 0 {
			left = append(left, int32(node))
		}
	}
	return left
}

// check finds two places that are each preferred to the other; a == b where there are none.
func (g *prefGroup) check() (a, b int32, err error) {
	p := g.graph()
	if bits := len(p.worse) * p.places; bits > maxClosureBits {
		return 0, 0, fmt.Errorf("%d documents and %d levels in %d subgroups: more than transitive preferences are followed through", p.places, len(p.worse)-p.places, len(g.subs))
	}
	left := p.walk(func(int32) {})
	if len(left) == 0 {
		return 0, 0, nil
	}
	stuck := make(map[int32]int32, len(left)) // a node -> one of the nodes below it that are left too
	for _, n := range left {
		stuck[n] = -1
	}
	for _, n := range left {
		for _, above := range p.better[n] {
			stuck[above] = n
		}
	}
	at := left[0]
	for range left {
		at = stuck[at] // ends on a cycle
	}
	var found []int32
	for range 4 { // documents and the nodes between them alternate, and a cycle has two documents at least
		if at < int32(p.places) {
			found = append(found, at)
		}
		at = stuck[at]
	}
	return found[0], found[1], nil
}

// closure follows the preferences through all subgroups. The group has passed check.
func (g *prefGroup) closure() closure {
	p := g.graph()
	words := (p.places + 63) / 64
	pool := make([]uint64, len(p.worse)*words)
	rows := make(closure, len(p.worse))
	for i := range rows {
		rows[i] = pool[i*words : (i+1)*words]
	}
	p.walk(func(node int32) {
		for _, b := range p.better[node] {
			for w, bits := range rows[node] {
				rows[b][w] |= bits
			}
			if node < int32(p.places) {
				rows[b][node>>6] |= 1 << (node & 63)
			}
		}
	})
	return rows[:p.places]
}
