package study

import (
	"fmt"
	"iter"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
)

// Data is an opened dataset of a study: what a system may know of it, and what it is measured with.
type Data struct {
	Name           string // in the study
	Dataset        string // the dataset's own, by which conventions and published task lines go
	Dir            string
	Group          string
	Split          string
	DropSelf       bool             // a query's own document is no answer
	RelevanceLevel int              // from which grade on a document counts as relevant, where a measure knows only two kinds
	Digest         string           // of everything that a result depends on
	Corpus         string           // of the documents alone: the same whatever the split
	Size           int              // documents
	Queries        []labrador.Query // those with judgements
	Qrels          labrador.Qrels   // of those queries
	Documents      func() iter.Seq2[labrador.Document, error]
	Notes          []string // where its conventions come from

	leftOut string // of a tuning split: what was left out because it is tested

	source *dataset.Dataset
}

// openData opens a dataset of the study on a split, "" for the one that the study names or the dataset prefers.
func openData(spec DatasetSpec, split string, opts Options) (*Data, error) {
	ref := spec.Ref
	ref.Folders, ref.Base = opts.Folders, opts.Base
	if split != "" {
		ref.Split = split
	}
	d, err := dataset.Open(ref)
	if err != nil {
		return nil, err
	}
	data := &Data{Name: spec.Name, Dataset: d.Name, Dir: d.Dir, Group: d.Group, Split: d.Split, DropSelf: d.DropSelf, RelevanceLevel: d.RelevanceLevel,
		Documents: d.Documents, Notes: d.Notes, source: d}
	if data.Queries, err = d.Queries(); err != nil {
		return nil, err
	}
	all, err := d.Qrels()
	if err != nil {
		return nil, err
	}
	data.Qrels = make(labrador.Qrels, len(data.Queries))
	for _, q := range data.Queries {
		data.Qrels[q.ID] = all[q.ID]
	}
	if data.Digest, err = d.Digest(); err != nil {
		return nil, err
	}
	return data, nil
}

// withoutTested makes sure that nothing is tuned on what is tested: queries of the tuning split that are queries of the tested one too, by id
// or by text, are left out.
func (d *Data) withoutTested(tested *Data) (*Data, error) {
	if tested.Split == d.Split {
		return nil, fmt.Errorf("split %s is tested on, so nothing may be tuned on it", d.Split)
	}
	ids, texts := map[string]bool{}, map[string]bool{}
	for _, q := range tested.Queries {
		ids[q.ID] = true
		texts[q.Text] = true
	}
	kept := *d
	kept.Queries, kept.Qrels = nil, labrador.Qrels{}
	for _, q := range d.Queries {
		if !ids[q.ID] && !texts[q.Text] {
			kept.Queries = append(kept.Queries, q)
			kept.Qrels[q.ID] = d.Qrels[q.ID]
		}
	}
	left := len(d.Queries) - len(kept.Queries)
	if len(kept.Queries) == 0 {
		return nil, fmt.Errorf("every query of split %s is a query of the tested split %s too: nothing to tune on", d.Split, tested.Split)
	}
	if left > 0 {
		kept.leftOut = fmt.Sprintf("%d of %d queries of split %s are tested queries too and were left out", left, len(d.Queries), d.Split)
		kept.Digest += " without " + tested.Digest
	}
	return &kept, nil
}
