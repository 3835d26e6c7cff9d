package study

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/labrador-lab/labrador/dataset"
)

// facts is what a study wants to know of a corpus beside its content, found in one pass and kept in the store.
type facts struct {
	Documents int           `json:"documents"`
	Corpus    string        `json:"corpus"` // hash over the documents in order
	Twins     dataset.Twins `json:"twins"`
}

const factsVersion = "facts/3"

func (p *Plan) facts(ctx context.Context, d *Data) (*facts, error) {
	f := &facts{}
	build := func(dir string) error {
		found, err := findFacts(ctx, d)
		if err != nil {
			return err
		}
		data, err := json.Marshal(found)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "facts.json"), data, 0o644)
	}
	open := func(dir string) error {
		data, err := os.ReadFile(filepath.Join(dir, "facts.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(data, f)
	}
	_, err := p.store.Use(ctx, "datasets", factsVersion+" "+d.Digest, build, open)
	return f, err
}

func findFacts(ctx context.Context, d *Data) (*facts, error) {
	f := &facts{}
	h := sha256.New()
	judged := map[string]bool{}
	for _, docs := range d.Qrels {
		for id := range docs {
			judged[id] = true
		}
	}
	wanted := len(judged)
	for doc, err := range d.Documents() {
		if err != nil {
			return nil, err
		}
		for _, part := range []string{doc.ID, doc.Title, doc.Text, doc.Picture} {
			h.Write(binary.AppendUvarint(nil, uint64(len(part))))
			io.WriteString(h, part)
		}
		delete(judged, doc.ID)
		if f.Documents++; f.Documents%1000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if wanted > 0 && len(judged) == wanted {
		return nil, fmt.Errorf("dataset %s: none of the %d judged documents of split %s is in its corpus%s", d.Name, wanted, d.Split, dataset.Decimals(sortedKeys(judged)))
	}
	f.Corpus = hex.EncodeToString(h.Sum(nil))
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
