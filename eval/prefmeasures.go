package eval

// scope says which preferences count, by how many of their two documents were retrieved.
type scope int

const (
	bothRetrieved scope = iota // trec_eval's measures that end in _ret
	oneRetrieved               // those in _imp: the retrieved document implies that it is before the other
	noneRetrieved              // all; a preference between two documents that are not retrieved is not fulfilled
)

// of counts the preferences fulfilled and possible.
func (t *tally) of(s scope) (fulfilled, possible int) {
	fulfilled, possible = t.fulfilled[0], t.possible[0]
	if s >= oneRetrieved {
		fulfilled += t.fulfilled[1]
		possible += t.possible[1]
	}
	if s == noneRetrieved {
		possible += t.neither
	}
	return fulfilled, possible
}

func (v *prefView) total(s scope) (fulfilled, possible int) {
	for i := range v.groups {
		f, p := v.groups[i].tally.of(s)
		fulfilled += f
		possible += p
	}
	return fulfilled, possible
}

// The preference measures are those of trec_eval, m_prefs_*.c.

func prefsPossible(v *prefView) float64 {
	_, possible := v.total(noneRetrieved)
	return float64(possible)
}

func prefsFulfilled(s scope) func(*prefView) float64 {
	return func(v *prefView) float64 {
		fulfilled, _ := v.total(s)
		return float64(fulfilled)
	}
}

// prefsSimple is the share of preferences fulfilled.
func prefsSimple(s scope) func(*prefView) float64 {
	return func(v *prefView) float64 {
		fulfilled, possible := v.total(s)
		if possible == 0 {
			return 0
		}
		return float64(fulfilled) / float64(possible)
	}
}

// prefsByGroup is the mean over the groups of the share fulfilled.
func prefsByGroup(s scope) func(*prefView) float64 {
	return func(v *prefView) float64 {
		sum := 0.0
		for i := range v.groups {
			if fulfilled, possible := v.groups[i].tally.of(s); possible > 0 {
				sum += float64(fulfilled) / float64(possible)
			}
		}
		return sum / float64(len(v.groups))
	}
}

// prefsPair is the mean over pairs of documents of the share of groups, among those that prefer one of the two, whose preference is fulfilled.
func prefsPair(s scope) func(*prefView) float64 {
	return func(v *prefView) float64 {
		sum, pairs := 0.0, 0
		count := func(from, to int, with func(i int) (int, int)) { // i in from..to with j in with(i), in this order: it decides the last bits
			good, bad := make([]int32, v.judged), make([]int32, v.judged)
			for i := from; i < to && v.ctx.Err() == nil; i++ {
				clear(good[i:])
				clear(bad[i:])
				v.row(i, good, bad)
				for j, end := with(i); j < end; j++ {
					if n := good[j] + bad[j]; n > 0 {
						pairs++
						if i < v.ret {
							sum += float64(good[j]) / float64(n)
						}
					}
				}
			}
		}
		count(0, v.ret, func(i int) (int, int) { return i + 1, v.ret })
		if s >= oneRetrieved {
			count(0, v.ret, func(int) (int, int) { return v.ret, v.judged })
		}
		if s == noneRetrieved {
			count(v.ret, v.judged, func(i int) (int, int) { return i + 1, v.judged })
		}
		if pairs == 0 {
			return 0
		}
		return sum / float64(pairs)
	}
}

// row counts for every position j behind i the groups that prefer the document at i to that at j (good), and the other way round (bad).
func (v *prefView) row(i int, good, bad []int32) {
	if v.member == nil {
		v.member = make([][]member, v.judged)
		for g := range v.groups {
			for n, at := range v.groups[g].at {
				v.member[at] = append(v.member[at], member{int32(g), int32(n)})
			}
		}
	}
	for _, m := range v.member[i] {
		g := &v.groups[m.group]
		own := g.order[m.n]
		for n := int(m.n) + 1; n < len(g.order); n++ {
			switch other := g.order[n]; {
			case g.prefers(own, other):
				good[g.at[n]]++
			case g.prefers(other, own):
				bad[g.at[n]]++
			}
		}
	}
}

// prefsBalanced is the mean over groups of the share fulfilled, as if each group had as many documents of level 0 as of levels above (R): the first R of
// them where there are more, and R fulfilled preferences for each that is missing.
//
// A group without preferences makes the mean undefined, which trec_eval prints as 0.
func prefsBalanced(s scope) func(*prefView) float64 {
	return func(v *prefView) float64 {
		sum := 0.0
		for i := range v.groups {
			g := &v.groups[i]
			t := &g.tally
			rel, nonrel := t.rel, t.nonrel
			if s == bothRetrieved {
				rel, nonrel = t.relRet, t.nonrelRet
			}
			fulfilled, possible := t.of(s)
			if rel >= nonrel {
				fulfilled += t.relRet * (rel - nonrel)
				possible += t.rel * (rel - nonrel) // of all relevant documents, under bothRetrieved too
			} else {
				fulfilled, possible = g.recount(v, s, rel)
			}
			sum += float64(fulfilled) / float64(possible)
		}
		if sum > 0 {
			return sum / float64(len(v.groups))
		}
		return 0
	}
}

// recount counts the preferences of the group as if only the first rel documents of level 0 had been judged, with two oddities of trec_eval: where
// the levels say it all, every document of level 0 is also compared with the first rel of them (itself included); where there are subgroups,
// it is the first as many as the group has relevant documents, retrieved or not.
func (g *groupView) recount(v *prefView, s scope, rel int) (fulfilled, possible int) {
	order := g.order
	ret := g.retrieved(v.ret)
	if s == bothRetrieved {
		order = order[:ret]
	}
	if g.above != nil {
		rel = g.tally.rel
	}
	var relevant, kept []int // in order
	for n, place := range order {
		if g.levels[place] > 0 {
			relevant = append(relevant, n)
		} else if len(kept) < rel {
			kept = append(kept, n)
		}
	}
	count := func(a, b int) {
		possible++
		fulfilled += boolInt(a < b && a < ret)
	}
	if g.above == nil {
		recountLevels(v, g, order, relevant, kept, count)
		return fulfilled, possible
	}
	all := append(append([]int(nil), relevant...), kept...)
	for _, a := range all {
		if v.ctx.Err() != nil {
			break
		}
		for _, b := range all {
			if g.prefers(order[a], order[b]) {
				count(a, b)
			}
		}
	}
	return fulfilled, possible
}

func recountLevels(v *prefView, g *groupView, order []int32, relevant, kept []int, count func(a, b int)) {
	for _, a := range relevant {
		if v.ctx.Err() != nil {
			return
		}
		for _, b := range relevant {
			if g.levels[order[a]] > g.levels[order[b]] {
				count(a, b)
			}
		}
	}
	for a := range order {
		if v.ctx.Err() != nil {
			return
		}
		for _, b := range kept {
			count(a, b)
		}
	}
}
