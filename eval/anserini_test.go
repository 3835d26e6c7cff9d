package eval

import (
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// TestAnseriniFigures measures stored runs of Anserini 1.7.1 and compares with the figures that trec_eval 9.0.4 gave for them
// (bm25-anserini-1.7.1.json; CACM: P@30 from Anserini's regression page, AP from trec_eval 10 since the stored run is 30 deep), over BEIR's
// and TREC's forms of qrels.
func TestAnseriniFigures(t *testing.T) {
	for _, c := range []struct {
		qrels, run string
		want       map[string]string
	}{
		{"text/scifact/qrels/test.tsv", "reference/anserini/scifact.flat.run.gz", map[string]string{"map": "0.6401", "RR": "0.6506", "R@100": "0.9253", "nDCG@10": "0.6789"}},
		{"text/cranfield/qrels/test.tsv", "reference/anserini/cranfield.flat.run.gz", map[string]string{"map": "0.2879", "RR": "0.5124", "R@100": "0.7224", "nDCG@10": "0.3510"}},
		{"reference/anserini/qrels.cacm.txt", "reference/anserini/cacm-bm25.txt", map[string]string{"AP": "0.2744", "P@30": "0.1942"}},
	} {
		qrels, err := labrador.ReadQrels(outside.Data(t, c.qrels))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.want {
			ms, err := Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			r, err := File(t.Context(), ms, qrels, outside.Data(t, c.run), Options{Complete: true})
			if err != nil {
				t.Fatal(err)
			}
			if got := FormatValue(r.Overall[0]); got != want {
				t.Errorf("%s: %s: got %s, want %s", filepath.Base(c.run), name, got, want)
			}
		}
	}
}
