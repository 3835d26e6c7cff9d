package study

import (
	"maps"

	"github.com/labrador-lab/labrador"
)

// mergeRun counts identical documents as one: every hit takes the id that stands for its document, and of several the
// best-ranked stays.
func mergeRun(run labrador.Run, stands map[string]string) labrador.Run {
	if len(stands) == 0 {
		return run
	}
	merged := make(labrador.Run, len(run))
	for q, hits := range run {
		seen := make(map[string]bool, len(hits))
		kept := make([]labrador.Hit, 0, len(hits))
		for _, h := range hits {
			if one, ok := stands[h.ID]; ok {
				h.ID = one
			}
			if !seen[h.ID] {
				seen[h.ID] = true
				kept = append(kept, h)
			}
		}
		merged[q] = kept
	}
	return merged
}

// mergeQrels gives identical documents one judgement, the highest that one of them has.
func mergeQrels(qrels labrador.Qrels, stands map[string]string) labrador.Qrels {
	if len(stands) == 0 {
		return qrels
	}
	merged := make(labrador.Qrels, len(qrels))
	for q, grades := range qrels {
		m := maps.Clone(grades)
		for doc, grade := range grades {
			one, ok := stands[doc]
			if !ok || one == doc {
				continue
			}
			delete(m, doc)
			if best, judged := m[one]; !judged || grade > best {
				m[one] = grade
			}
		}
		merged[q] = m
	}
	return merged
}
