package eval

// ranking is what the measures see of one query: where its judged documents were retrieved, and how many there are to retrieve.
type ranking struct {
	pooled []pooled // retrieved documents that the qrels name, in rank order
	numRet int      // retrieved documents, after Options.Depth
	levels []level  // the grades from 0 in the qrels, ascending
	docs   int      // documents in the collection, for utility
}

// level is a grade and the number of documents that the qrels give it, retrieved or not.
type level struct{ grade, count int }

// pooled is a retrieved document that the qrels name.
type pooled struct {
	rank  int // from 0
	grade int // below 0: in the pool, but not judged
}

// relevant is the number of relevant documents in the qrels.
func (r *ranking) relevant(level int) int {
	n := 0
	for _, l := range r.levels {
		if l.grade >= level {
			n += l.count
		}
	}
	return n
}

// retrieved is the number of relevant documents among the first k ranks (k 0: all).
func (r *ranking) retrieved(k, level int) int {
	n := 0
	for _, p := range r.pooled {
		if k > 0 && p.rank >= k {
			break
		}
		if p.grade >= level {
			n++
		}
	}
	return n
}

// judgedOnly is the ranking without the documents that nobody judged, those of the pool included (trec_eval -J).
func (r *ranking) judgedOnly() *ranking {
	out := *r
	out.pooled = nil
	for _, p := range r.pooled {
		if p.grade >= 0 {
			out.pooled = append(out.pooled, pooled{len(out.pooled), p.grade})
		}
	}
	out.numRet = len(out.pooled)
	return &out
}

// The two grades that are none, as trec_eval's list of results has them.
const (
	notPooled  = -1 // the qrels do not name the document
	notJudged  = -2 // they name it with a negative grade
	missingDoc = 1  // a query missing from a run counts, where it counts, as one document that the qrels do not name
)

// grades calls fn with every rank and the grade there, notPooled and notJudged included.
func (r *ranking) grades(fn func(rank, grade int)) {
	next := 0
	for rank := range r.numRet {
		g := notPooled
		if next < len(r.pooled) && r.pooled[next].rank == rank {
			if g = r.pooled[next].grade; g < 0 {
				g = notJudged
			}
			next++
		}
		fn(rank, g)
	}
}
