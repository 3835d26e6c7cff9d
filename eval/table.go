package eval

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/labrador-lab/labrador"
)

// seed of the hashes of document ids. They never leave the process and decide nothing but where an id is looked for.
var seed = maphash.MakeSeed()

// table holds judgements for lookups that allocate nothing.
type table struct {
	ids     []string // ascending
	index   map[string]int32
	form    Form
	queries []queryTable   // of Qrels
	groups  [][]queryTable // of QrelsGroup
	prefs   []*prefQuery   // of Prefs and QrelsPrefs
}

// queryTable holds one query's judged documents in an open-addressing hash table, at most half full.
type queryTable struct {
	levels []level
	slots  []slot
}

type slot struct {
	hash  uint64
	doc   string
	grade int32
	used  bool
}

// maxGrade bounds grades: 2^grade must be a number that can be added up (nDCG with dcg='exp-log2').
const maxGrade = 1000

func newTable(qrels labrador.Qrels) (*table, error) {
	t := &table{form: Qrels, index: make(map[string]int32, len(qrels))}
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
	counts := map[int]int{}
	for doc, grade := range docs {
		if grade > maxGrade {
			return fmt.Errorf("document %s: grade %d is above %d", doc, grade, maxGrade)
		}
		if grade >= 0 {
			counts[grade]++
		}
	}
	for _, g := range slices.Sorted(maps.Keys(counts)) {
		q.levels = append(q.levels, level{g, counts[g]})
	}
	size := 2
	for size < 2*len(docs) {
		size *= 2
	}
	q.slots = make([]slot, size)
	for doc, grade := range docs {
		h := maphash.String(seed, doc)
		at := int(h) & (size - 1)
		for q.slots[at].used {
			at = (at + 1) & (size - 1)
		}
		q.slots[at] = slot{h, doc, int32(max(grade, notPooled)), true} // negative grades are all alike
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
		for _, l := range q.levels {
			if l.grade > 0 {
				n += l.count
			}
		}
	}
	return n
}

func (t *table) checkERR() error {
	for i, q := range t.queries {
		if n := len(q.levels); n > 0 && q.levels[n-1].grade > maxERRGrade {
			return fmt.Errorf("eval: ERR is defined for grades up to %d (gdeval's scale): query %s has grade %d", maxERRGrade, t.ids[i], q.levels[n-1].grade)
		}
	}
	return nil
}
