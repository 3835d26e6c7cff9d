package study

import (
	"iter"

	"github.com/labrador-lab/labrador"
)

// Data is an opened dataset of a study.
type Data struct {
	Name           string
	Group          string
	Split          string
	DropSelf       bool // a query's own document is no answer
	RelevanceLevel int  // from which grade on a document counts as relevant where a measure knows only two kinds
	Digest         string
	Queries        []labrador.Query // those with judgements
	Qrels          labrador.Qrels
	Documents      func() iter.Seq2[labrador.Document, error]
}
