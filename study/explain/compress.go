package explain

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval/stats"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/study"
)

// Compression is what smaller vectors cost, against the same vectors in full.
type Compression struct {
	System     string   `json:"system"`
	Dataset    string   `json:"dataset"`
	Measure    string   `json:"measure"`
	Queries    int      `json:"queries"`
	Dimensions int      `json:"dimensions"`
	Full       float64  `json:"full"` // mean of the measure with all dimensions in float32
	Forms      []Shrunk `json:"forms"`
}

// Shrunk is one smaller form.
type Shrunk struct {
	Name       string         `json:"name"`
	Dimensions int            `json:"dimensions"`
	Format     string         `json:"format"`
	Bytes      float64        `json:"bytes"`      // of a document's vector
	Mean       float64        `json:"mean"`       // of the measure
	Difference float64        `json:"difference"` // to the full vectors
	Interval   stats.Interval `json:"interval"`   // 95 %, BCa bootstrap over queries
	Overlap    float64        `json:"overlap_at_10"`
	Interval10 stats.Interval `json:"overlap_interval"`
}

// Sets are vectors with the ids of their rows.
type Sets struct {
	DocumentIDs []string
	Documents   labrador.Matrix
	QueryIDs    []string
	Queries     labrador.Matrix
}

// Compress searches the documents in smaller forms: half, a quarter, an eighth ... of the dimensions (from the front, down to 32, made unit
// length again), int8 and binary of all dimensions. score gives the values of a run's queries in the order of s.QueryIDs. Rows that are not
// of unit length are compared by cosine.
func Compress(ctx context.Context, s Sets, depth int, score func(labrador.Run) ([]float64, error)) (Compression, error) {
	c := Compression{Queries: len(s.QueryIDs), Dimensions: s.Documents.Cols}
	full, err := s.search(ctx, s.Documents.Cols, index.F32, depth)
	if err != nil {
		return c, err
	}
	values, err := score(s.run(full))
	if err != nil {
		return c, err
	}
	c.Full = stats.Mean(values)
	for _, f := range s.forms() {
		lists, err := s.search(ctx, f.Dimensions, index.Format(f.Format), depth)
		if err != nil {
			return c, err
		}
		smaller, err := score(s.run(lists))
		if err != nil {
			return c, err
		}
		d, err := stats.Differences(smaller, values)
		if err != nil {
			return c, fmt.Errorf("explain: %s: %w", f.Name, err)
		}
		b := stats.Bootstrap(d, trendResamples, confidence, 1)
		f.Mean, f.Difference, f.Interval = stats.Mean(smaller), b.Mean, b.BCa
		shared := make([]float64, len(full))
		for i := range full {
			shared[i] = OverlapAt(idsOf(full[i]), idsOf(lists[i]), overlapDepth)
		}
		b = stats.Bootstrap(shared, trendResamples, confidence, 1)
		f.Overlap, f.Interval10 = b.Mean, b.Percentile
		c.Forms = append(c.Forms, f)
	}
	return c, nil
}

// forms are the smaller forms, the largest first.
func (s Sets) forms() []Shrunk {
	full := s.Documents.Cols
	var list []Shrunk
	for d := full / 2; d >= 32; d /= 2 {
		list = append(list, Shrunk{Name: fmt.Sprintf("%d dimensions", d), Dimensions: d, Format: string(index.F32), Bytes: 4 * float64(d)})
	}
	list = append(list,
		Shrunk{Name: "int8", Dimensions: full, Format: string(index.Int8), Bytes: float64(full) + 4}, // with its scale
		Shrunk{Name: "binary", Dimensions: full, Format: string(index.Binary), Bytes: float64((full + 63) / 64 * 8)})
	slices.SortStableFunc(list, func(a, b Shrunk) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return list
}

// search answers all queries with the first dims dimensions of the vectors, kept in format.
func (s Sets) search(ctx context.Context, dims int, format index.Format, depth int) ([][]labrador.Hit, error) {
	documents, queries := firstColumns(s.Documents, dims), firstColumns(s.Queries, dims)
	if format == index.F32 {
		flat, err := index.NewFlat(s.DocumentIDs, documents, index.Cosine)
		if err != nil {
			return nil, err
		}
		return flat.Search(ctx, queries, depth, nil)
	}
	dir, err := os.MkdirTemp("", "labrador-explain-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "flat")
	if err := index.BuildFlat(ctx, path, s.DocumentIDs, index.MatrixSource(documents), index.FlatOptions{Format: format}); err != nil {
		return nil, err
	}
	flat, err := index.OpenFlat(path)
	if err != nil {
		return nil, err
	}
	defer flat.Close()
	return flat.Search(ctx, queries, depth, nil)
}

func firstColumns(m labrador.Matrix, cols int) labrador.Matrix {
	if cols == m.Cols {
		return m
	}
	out := labrador.NewMatrix(m.Rows, cols)
	for i := range m.Rows {
		copy(out.Row(i), m.Row(i))
	}
	return out
}

func (s Sets) run(lists [][]labrador.Hit) labrador.Run {
	run := make(labrador.Run, len(lists))
	for i, hits := range lists {
		run[s.QueryIDs[i]] = hits
	}
	return run
}

func idsOf(hits []labrador.Hit) []string {
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	return ids
}

// Sentence names the smallest form that costs less than a point, and the smallest of all.
func (c Compression) Sentence() string {
	if len(c.Forms) == 0 {
		return fmt.Sprintf("%s on %s reaches %s %s.", c.System, c.Dataset, c.Measure, study.Figure(c.Full))
	}
	s := fmt.Sprintf("%s on %s, %s %s with %d bytes a vector: ", c.System, c.Dataset, c.Measure, study.Figure(c.Full), 4*c.Dimensions)
	say := func(f Shrunk) string {
		return fmt.Sprintf("%s (%.0f bytes) changes it by %s %s and keeps %s of the first ten", f.Name, f.Bytes, study.Signed(f.Difference), study.IntervalText(f.Interval), percent(f.Overlap))
	}
	small := c.Forms[len(c.Forms)-1]
	for _, f := range slices.Backward(c.Forms) {
		if f.Interval.Low > -0.01 && f.Name != small.Name {
			return s + say(f) + "; " + say(small) + "."
		}
	}
	return s + say(small) + "."
}
