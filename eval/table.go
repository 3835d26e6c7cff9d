package eval

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/labrador-lab/labrador"
)

// seed of the hashes of document ids. They never leave the process and decide nothing but where an id is looked for.
var seed = maphash.MakeSeed()

// table holds judgements for lookups that allocate nothing.
type table struct {
	ids     []string // ascending
	index   map[string]int32
	queries []queryTable
}

// queryTable holds one query's judged documents in an open-addressing hash table, at most half full.
type queryTable struct {
	levels []int // levels[g]: documents of grade g >= 0
	slots  []slot
}

type slot struct {
	hash  uint64
	doc   string
	grade int32
	used  bool
}

// maxGrade bounds the highest grade, because levels has an entry for each.
const maxGrade = 1 << 20

func newTable(qrels labrador.Qrels) (*table, error) {
	t := &table{index: make(map[string]int32, len(qrels))}
	for id, docs := range qrels {
		if len(docs) > 0 {
			t.ids = append(t.ids, id)
		}
	}
	slices.Sort(t.ids)
	t.queries = make([]queryTable, len(t.ids))
	for i, id := range t.ids {
		t.index[id] = int32(i)
		if err := t.queries[i].fill(qrels[id]); err != nil {
			return nil, fmt.Errorf("eval: query %s: %w", id, err)
		}
	}
	return t, nil
}

func (q *queryTable) fill(docs map[string]int) error {
	top := -1
	for doc, grade := range docs {
		if grade > maxGrade || grade < -maxGrade {
			return fmt.Errorf("document %s: grade %d is out of range", doc, grade)
		}
		top = max(top, grade)
	}
	q.levels = make([]int, top+1)
	size := 2
	for size < 2*len(docs) {
		size *= 2
	}
	q.slots = make([]slot, size)
	for doc, grade := range docs {
		if grade >= 0 {
			q.levels[grade]++
		}
		h := maphash.String(seed, doc)
		at := int(h) & (size - 1)
		for q.slots[at].used {
			at = (at + 1) & (size - 1)
		}
		q.slots[at] = slot{h, doc, int32(grade), true}
	}
	return nil
}

// lookup finds a document's grade.
func (q *queryTable) lookup(doc string, hash uint64) (grade int, ok bool) {
	mask := len(q.slots) - 1
	for at := int(hash) & mask; q.slots[at].used; at = (at + 1) & mask {
		if s := &q.slots[at]; s.hash == hash && s.doc == doc {
			return int(s.grade), true
		}
	}
	return 0, false
}

// positive counts the judgements above 0.
func (t *table) positive() int {
	n := 0
	for _, q := range t.queries {
		for g := 1; g < len(q.levels); g++ {
			n += q.levels[g]
		}
	}
	return n
}

func (t *table) checkERR() error {
	for i, q := range t.queries {
		if len(q.levels) > maxERRGrade+1 {
			return fmt.Errorf("eval: ERR is defined for grades up to %d (gdeval's scale): query %s has grade %d", maxERRGrade, t.ids[i], len(q.levels)-1)
		}
	}
	return nil
}
