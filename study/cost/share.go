package cost

import (
	"cmp"
	"slices"
)

// share says how much of the work on a row's documents, or on its queries, the row pays for itself.
type share struct {
	all, left float64 // of encoding them: from nothing, and of what is left
	theirs    bool    // the vectors, or the index, are another row's
}

type shares struct{ documents, queries share }

// sharer knows who makes what, in order of the rows that it was asked for.
type sharer struct {
	owner map[string]*Row
	paid  map[string]share
}

// shareOut fills in whose vectors and whose pass each row uses, and what it pays for itself. Of the rows of a pass the deepest pays; a
// shallower one pays for the texts of which it lacks the vectors while the deeper ones have theirs.
func shareOut(rows []Row) []shares {
	out := make([]shares, len(rows))
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[b].depth(), rows[a].depth()) })
	s := &sharer{owner: map[string]*Row{}, paid: map[string]share{}}
	for _, i := range order {
		r := &rows[i]
		documents, documentPass := s.share(r, "documents of "+r.corpus(), r.DocumentsDone, &out[i].documents)
		if documents != nil && documents.Dataset != r.Dataset {
			r.DocumentsOf = documents.Dataset
		}
		if r.Model == nil { // nothing is kept of the queries
			out[i].queries = share{all: 1, left: 1 - r.QueriesDone}
			continue
		}
		queries, queryPass := s.share(r, "queries of "+cmp.Or(r.Asked, r.Dataset), r.QueriesDone, &out[i].queries)
		if documents != nil && queries != nil {
			r.SameAs = queries.System
		}
		if pass := cmp.Or(queryPass, documentPass); pass != nil {
			r.PassOf = pass.System
		}
	}
	return out
}

// share fills in a row's share of texts, of whose vectors it has the part done, and returns the row that makes the same vectors, or, where there
// is none, the row that pays for the pass. A row that is done makes nothing, so that the next one with the same vectors makes those that are
// no longer kept; an index is taken to be kept.
func (s *sharer) share(r *Row, texts string, done float64, sh *share) (same, pass *Row) {
	*sh = share{all: 1, left: 1 - done}
	if r.Done {
		sh.left = 0
	}
	key, name := texts+" by key "+r.Key, texts+" in pass "+cmp.Or(r.Pass, r.Key)
	if r.Key != "" {
		if same = s.owner[key]; same == nil {
			s.owner[key] = r
		}
		s.pay(key, sh)
		sh.theirs = same != nil
		if same != nil && r.Model == nil {
			sh.left = 0
		}
	}
	if cmp.Or(r.Pass, r.Key) == "" {
		return nil, nil
	}
	s.pay(name, sh)
	if same != nil {
		return same, nil
	}
	if pass = s.owner[name]; pass == nil {
		s.owner[name] = r
	}
	return nil, pass
}

// pay takes from a share what others have paid of the work of a name, and notes that the rest is paid.
func (s *sharer) pay(name string, sh *share) {
	before := s.paid[name]
	s.paid[name] = share{all: max(sh.all, before.all), left: max(sh.left, before.left)}
	sh.all, sh.left = max(0, sh.all-before.all), max(0, sh.left-before.left)
}

// corpus names the documents.
func (r *Row) corpus() string { return cmp.Or(r.Corpus, r.Dataset) }

// depth orders the rows of a pass by what a token costs.
func (r *Row) depth() int64 {
	if r.Model == nil {
		return 0
	}
	return r.Model.Parameters
}
