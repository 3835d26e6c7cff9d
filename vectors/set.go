package vectors

import (
	"fmt"
	"math"
	"os"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
)

// Set is vectors with the ids of their rows.
type Set struct {
	Name   string // where the vectors are from, for messages
	IDs    []string
	Matrix labrador.Matrix // (len(IDs), dimensions)

	file *File
	rows map[string]int
}

// NewSet pairs ids with rows. It refuses counts that differ and ids that occur twice.
func NewSet(name string, ids []string, m labrador.Matrix) (*Set, error) {
	if len(ids) != m.Rows {
		return nil, fmt.Errorf("vectors: %s has %d rows for %d ids", name, m.Rows, len(ids))
	}
	rows := make(map[string]int, len(ids))
	for i, id := range ids {
		if first, twice := rows[id]; twice {
			return nil, fmt.Errorf("vectors: %s: rows %d and %d have the same id %q", name, first, i, id)
		}
		rows[id] = i
	}
	return &Set{Name: name, IDs: ids, Matrix: m, rows: rows}, nil
}

// OpenSet opens an .npy file and its ids. An empty idsPath means the vectors' path with ".ids" after it (x.npy.ids). Close
// the set when its searchers are done with.
func OpenSet(vectorsPath, idsPath string) (*Set, error) {
	if idsPath == "" {
		idsPath = vectorsPath + ".ids"
		if _, err := os.Stat(idsPath); err != nil {
			return nil, fmt.Errorf("vectors: %s needs its ids, one a line, in %s (or name the file): %w", vectorsPath, idsPath, err)
		}
	}
	ids, err := ReadIDs(idsPath)
	if err != nil {
		return nil, err
	}
	f, err := OpenNPY(vectorsPath)
	if err != nil {
		return nil, err
	}
	s, err := NewSet(vectorsPath, ids, f.Matrix)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (ids from %s)", err, idsPath)
	}
	s.file = f
	return s, nil
}

// Close releases the mapped file. No searcher over the set may be used afterwards.
func (s *Set) Close() error {
	if s.file == nil {
		return nil
	}
	s.Matrix.Data = nil
	return s.file.Close()
}

// Row is the vector of id.
func (s *Set) Row(id string) ([]float32, bool) {
	i, ok := s.rows[id]
	if !ok {
		return nil, false
	}
	return s.Matrix.Row(i), true
}

// check refuses rows that cannot be compared, naming row and id: one that holds NaN or an infinity and, under cosine, one of
// zeros, which has no direction.
func (s *Set) check(metric index.Metric) error {
	for i := range s.Matrix.Rows {
		switch l := length(s.Matrix.Row(i)); {
		case !(l <= math.MaxFloat64):
			return fmt.Errorf("vectors: %s: row %d (id %q) holds NaN or an infinity", s.Name, i, s.IDs[i])
		case metric == index.Cosine && l == 0:
			return fmt.Errorf("vectors: %s: row %d (id %q) is all zeros, which has no cosine", s.Name, i, s.IDs[i])
		}
	}
	return nil
}

func length(row []float32) float64 {
	var sum float64
	for _, v := range row {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
