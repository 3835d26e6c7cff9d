package study

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
)

// facts is what a study wants to know of a corpus beside its content, found in one pass and kept in the store.
type facts struct {
	Documents int `json:"documents"`
	// Stands maps every document that is identical to an earlier one to the first of them.
	Stands map[string]string `json:"stands"`
}

const factsVersion = "facts/1"

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
	f := &facts{Stands: map[string]string{}}
	first := map[[16]byte]string{}
	for doc, err := range d.Documents() {
		if err != nil {
			return nil, err
		}
		if f.Documents++; f.Documents%1000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		sum := sha256.Sum256([]byte(doc.Title + "\x00" + doc.Text + "\x00" + doc.Picture))
		hash := [16]byte(sum[:16])
		if one, twin := first[hash]; twin {
			f.Stands[doc.ID] = one
		} else {
			first[hash] = doc.ID
		}
	}
	return f, nil
}
