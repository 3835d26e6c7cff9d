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
	Dir            string
	Group          string
	Split          string
	DropSelf       bool // a query's own document is no answer
	RelevanceLevel int  // from which grade on a document counts as relevant, where a measure knows only two kinds
	Digest         string
	Queries        []labrador.Query // those with judgements
	Qrels          labrador.Qrels   // of those queries
	Documents      func() iter.Seq2[labrador.Document, error]
	Notes          []string // where its conventions come from

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
	data := &Data{Name: spec.Name, Dir: d.Dir, Group: d.Group, Split: d.Split, DropSelf: d.DropSelf, RelevanceLevel: d.RelevanceLevel,
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

// checkTuning makes sure that nothing is tuned on what is tested: no query of the tuning split is a query of the tested one, by id or by
// text.
func checkTuning(tested, tuned *Data) error {
	if tested.Split == tuned.Split {
		return fmt.Errorf("dataset %s: split %s is tested on, so nothing may be tuned on it", tested.Name, tested.Split)
	}
	ids, texts := map[string]bool{}, map[string]string{}
	for _, q := range tested.Queries {
		ids[q.ID] = true
		texts[q.Text] = q.ID
	}
	for _, q := range tuned.Queries {
		other, same := texts[q.Text]
		if ids[q.ID] {
			other, same = q.ID, true
		}
		if same {
			return fmt.Errorf("dataset %s: query %s of split %s, to be tuned on, is query %s of the tested split %s",
				tested.Name, q.ID, tuned.Split, other, tested.Split)
		}
	}
	return nil
}
