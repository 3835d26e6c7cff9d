package eval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
)

// prefQuery holds the preferences of one query.
type prefQuery struct {
	docs   []string // judged documents, ascending
	groups []prefGroup
}

// prefGroup holds what one user prefers: documents by place, 0 to len(docs)-1.
type prefGroup struct {
	docs   []int32   // (place) index in prefQuery.docs
	levels []float64 // (place) level; where there are several subgroups, only whether it is above 0 counts
	subs   []subgroup
}

// subgroup is a ranking of some of a group's documents, levels descending. A group with only one has none: its levels are the ranking.
type subgroup []subDoc

type subDoc struct {
	place int32
	level float64
}

// newPrefQuery takes the lines of one query, by group, subgroup and document.
func newPrefQuery(lines []judgement) (*prefQuery, *lineError) {
	q := &prefQuery{}
	for _, l := range lines {
		q.docs = append(q.docs, l.doc)
	}
	slices.Sort(q.docs)
	q.docs = slices.Clip(slices.Compact(q.docs))
	err := eachGroup(lines, func(lines []judgement) *lineError {
		g, err := q.newGroup(lines)
		if err == nil {
			q.groups = append(q.groups, *g)
		}
		return err
	})
	return q, err
}

func (q *prefQuery) newGroup(lines []judgement) (*prefGroup, *lineError) {
	g := &prefGroup{}
	places, subs := map[string]int32{}, map[string]int{}
	for _, l := range lines {
		place, known := places[l.doc]
		switch {
		case !known:
			place = int32(len(g.docs))
			places[l.doc] = place
			doc, _ := slices.BinarySearch(q.docs, l.doc)
			g.docs, g.levels = append(g.docs, int32(doc)), append(g.levels, l.level)
		case (g.levels[place] > 0) != (l.level > 0):
			return nil, &lineError{l.line, fmt.Errorf("group %s: document %s has level 0 in one subgroup and a level above it in another", l.group, l.doc)}
		}
		n, known := subs[l.sub]
		if !known {
			n = len(g.subs)
			subs[l.sub] = n
			g.subs = append(g.subs, nil)
		}
		g.subs[n] = append(g.subs[n], subDoc{place, l.level})
	}
	if len(g.subs) == 1 {
		g.subs = nil
		return g, nil
	}
	for _, s := range g.subs {
		slices.SortFunc(s, func(a, b subDoc) int { return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.place, b.place)) })
	}
	first := slices.MinFunc(lines, func(a, b judgement) int { return cmp.Compare(a.line, b.line) })
	a, b, err := g.check()
	switch {
	case err != nil:
		return nil, &lineError{first.line, fmt.Errorf("group %s, which begins here: %w", first.group, err)}
	case a != b:
		better, worse := q.docs[g.docs[a]], q.docs[g.docs[b]]
		return nil, &lineError{first.line, fmt.Errorf("group %s, which begins here: document %s is preferred to %s, and %s to %s", first.group, better, worse, worse, better)}
	}
	return g, nil
}

// prefView is what the measures see of one query: its groups over one ranking.
type prefView struct {
	ctx    context.Context
	judged int // judged documents
	ret    int // those of them that were retrieved; their positions are 0 to ret-1 by rank, those of the others follow by document id
	groups []groupView
	member [][]member // (position) the groups that judge the document there; made when asked for
}

// groupView is a group whose documents are in the order of their positions.
type groupView struct {
	*prefGroup
	order []int32 // places, in the order of positions
	at    []int32 // their positions
	above closure // nil where levels say it all
	tally tally
}

// member says where in a group a document is.
type member struct{ group, n int32 }

// tally counts the preferences of a group [trec_eval form_prefs_counts.c], by how many of the two documents were retrieved.
type tally struct {
	fulfilled, possible [2]int // fulfilled, and all, with 0: both retrieved; 1: one of them
	neither             int    // with neither retrieved
	rel, relRet         int    // documents with a level above 0, and those retrieved
	nonrel, nonrelRet   int    // documents with level 0
}

// prefers says whether place a is preferred to b.
func (g *groupView) prefers(a, b int32) bool {
	if g.above != nil {
		return g.above.has(a, b)
	}
	return g.levels[a] > g.levels[b]
}

// fillPrefs gives query i its values from the hits in g. Documents of one score are ordered by id ascending here, unlike in all other measures: so has
// trec_eval it.
func (s *sheet) fillPrefs(i int, g *grouper) error {
	if err := g.checkTwice(); err != nil {
		return err
	}
	v, err := s.view(s.table.prefs[i], g)
	if err != nil {
		return err
	}
	for j := range s.measures {
		if fn := s.measures[j].fam.prefs; fn != nil {
			s.values[i*len(s.measures)+j] = fn(v)
		}
	}
	return v.ctx.Err()
}

func (s *sheet) view(q *prefQuery, g *grouper) (*prefView, error) {
	hits := slices.Clone(g.hits)
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc)) })
	if s.opts.Depth > 0 {
		hits = hits[:min(len(hits), s.opts.Depth)]
	}
	v := &prefView{ctx: s.ctx, judged: len(q.docs)}
	position := make([]int32, len(q.docs))
	for i := range position {
		position[i] = -1
	}
	for _, h := range hits {
		if doc, ok := slices.BinarySearch(q.docs, h.doc); ok {
			position[doc] = int32(v.ret)
			v.ret++
		}
	}
	next := int32(v.ret)
	for i, p := range position {
		if p < 0 {
			position[i] = next
			next++
		}
	}
	v.groups = make([]groupView, len(q.groups))
	for i := range q.groups {
		var err error
		if v.groups[i], err = newGroupView(v, &q.groups[i], position); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func newGroupView(v *prefView, g *prefGroup, position []int32) (groupView, error) {
	w := groupView{prefGroup: g, order: make([]int32, len(g.docs)), at: make([]int32, len(g.docs))}
	for i := range w.order {
		w.order[i] = int32(i)
	}
	slices.SortFunc(w.order, func(a, b int32) int { return cmp.Compare(position[g.docs[a]], position[g.docs[b]]) })
	for n, place := range w.order {
		w.at[n] = position[g.docs[place]]
	}
	if g.subs != nil {
		w.above = g.closure()
	}
	return w, w.count(v)
}

// retrieved is the number of the group's documents that were retrieved: they come first.
func (g *groupView) retrieved(ret int) int {
	return sort.Search(len(g.at), func(n int) bool { return int(g.at[n]) >= ret })
}

// count fills the tally. A preference is fulfilled where the better document comes first and was retrieved.
func (g *groupView) count(v *prefView) error {
	ret := g.retrieved(v.ret)
	t := &g.tally
	for n, place := range g.order {
		if g.levels[place] > 0 {
			t.rel++
			t.relRet += boolInt(n < ret)
		} else {
			t.nonrel++
			t.nonrelRet += boolInt(n < ret)
		}
	}
	for y, second := range g.order {
		if y%256 == 0 && v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		for x, first := range g.order[:y] {
			good := g.prefers(first, second)
			if !good && !g.prefers(second, first) {
				continue
			}
			if x >= ret {
				t.neither++
				continue
			}
			part := boolInt(y >= ret)
			t.possible[part]++
			t.fulfilled[part] += boolInt(good)
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
