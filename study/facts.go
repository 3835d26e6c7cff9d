package study

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/labrador-lab/labrador/dataset"
)

// facts is what a study wants to know of a corpus beside its content, found in one pass and kept in the store.
type facts struct {
	Documents int           `json:"documents"`
	Twins     dataset.Twins `json:"twins"`
}

const factsVersion = "facts/2"

func (p *Plan) facts(ctx context.Context, d *Data) (*facts, error) {
	made, err := p.store.Make(ctx, "datasets", factsVersion+" "+d.Digest, func(dir string) error {
		f, err := findFacts(ctx, d)
		if err != nil {
			return err
		}
		data, err := json.Marshal(f)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "facts.json"), data, 0o644)
	})
	if err != nil {
		return nil, err
	}
	f := &facts{}
	data, err := os.ReadFile(filepath.Join(made.Dir, "facts.json"))
	if err == nil {
		err = json.Unmarshal(data, f)
	}
	if err != nil { // damaged: once more
		if err := p.store.drop(made); err != nil {
			return nil, err
		}
		return findFacts(ctx, d)
	}
	return f, nil
}

func findFacts(ctx context.Context, d *Data) (*facts, error) {
	f := &facts{}
	for _, err := range d.Documents() {
		if err != nil {
			return nil, err
		}
		if f.Documents++; f.Documents%1000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	var err error
	f.Twins, err = d.source.Twins(ctx)
	return f, err
}

// repeated counts the documents that are identical to an earlier one.
func (f *facts) repeated() int {
	n := 0
	for id, first := range f.Twins {
		if id != first {
			n++
		}
	}
	return n
}
