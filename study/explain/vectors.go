package explain

import (
	"context"
	"fmt"
	"slices"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
)

// eachVectors calls do with the vectors of every system on the first dataset of each group that is not too large.
func (x *outcome) eachVectors(ctx context.Context, do func(system string, at int, s *Sets) error) error {
	if x.opts.Vectors == nil {
		return nil
	}
	for _, system := range x.r.Systems {
		done := map[string]bool{}
		for i, d := range x.r.Datasets {
			if done[d.Group] || d.Documents > vectorDocuments || x.Values[i].Of[system.Name] == nil || len(system.Of) > 0 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			s, err := x.opts.Vectors(ctx, d.Name, system.Name)
			if err != nil {
				return fmt.Errorf("vectors of %s on %s: %w", system.Name, d.Name, err)
			}
			if s == nil {
				continue
			}
			done[d.Group] = true
			if err := do(system.Name, i, s); err != nil {
				return fmt.Errorf("%s on %s: %w", system.Name, d.Name, err)
			}
		}
	}
	return nil
}

// vectors makes the sections about vectors, each system's vectors in memory once.
func (x *outcome) vectors(ctx context.Context) ([]Section, error) {
	measures, err := eval.Parse(x.measure)
	if err != nil {
		return nil, err
	}
	var shapes []Geometry
	var smaller []Compression
	err = x.eachVectors(ctx, func(system string, at int, s *Sets) error {
		data := x.Plan.Data[at]
		if s.Documents.Rows >= leastDocuments {
			g, err := FindGeometry(system, data.Name, s.vectors(data.Qrels, data.RelevanceLevel), x.r.Seed)
			if err != nil {
				return err
			}
			shapes = append(shapes, g)
		}
		judged, qrels := s.judged(data.Qrels)
		if len(judged.QueryIDs) == 0 {
			return nil
		}
		c, err := Compress(ctx, judged, sampledHits, func(run labrador.Run) ([]float64, error) {
			if data.DropSelf {
				dropSelf(run)
			}
			r, err := eval.PerQuery(measures, qrels, run, eval.Options{Level: data.RelevanceLevel, Complete: true})
			if err != nil {
				return nil, err
			}
			return r.Values[0], nil
		})
		c.System, c.Dataset, c.Measure = system, data.Name, x.measure
		smaller = append(smaller, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(geometrySection(shapes), compressionSection(smaller)), nil
}

func geometrySection(list []Geometry) []Section {
	if len(list) == 0 {
		return nil
	}
	return []Section{{ID: "geometry", Title: "How the vectors lie", Sentence: GeometrySentence(list), Data: list, Figures: PlotGeometry(list),
		Note: fmt.Sprintf("At most %d documents drawn from each dataset, all pairs of them; 95 %% intervals by a delete-a-group jackknife. Hubness grows with the sample.", geometryRows)}}
}

func compressionSection(list []Compression) []Section {
	if len(list) == 0 {
		return nil
	}
	s := Section{ID: "compression", Title: "What smaller vectors cost", Data: list,
		Note: "The same vectors, searched exactly with fewer dimensions or coarser numbers; 95 % bootstrap intervals over queries."}
	for i, c := range list {
		if i < 3 {
			s.Sentence += c.Sentence() + " "
		}
		s.Figures = append(s.Figures, Figure{Title: c.System, Note: c.Dataset, SVG: c.Plot()})
	}
	return []Section{s}
}

// vectors are the sets with the rows of each query's relevant documents.
func (s *Sets) vectors(qrels labrador.Qrels, level int) Vectors {
	row := make(map[string]int, len(s.DocumentIDs))
	for i, id := range s.DocumentIDs {
		row[id] = i
	}
	v := Vectors{Documents: s.Documents, Queries: s.Queries, Positives: make([][]int, len(s.QueryIDs))}
	for i, id := range s.QueryIDs {
		for _, doc := range sortedKeys(qrels[id]) {
			if at, ok := row[doc]; ok && qrels[id][doc] >= max(level, 1) {
				v.Positives[i] = append(v.Positives[i], at)
			}
		}
	}
	return v
}

// judged keeps the queries with judgements.
func (s *Sets) judged(qrels labrador.Qrels) (Sets, labrador.Qrels) {
	kept := Sets{DocumentIDs: s.DocumentIDs, Documents: s.Documents}
	judged := labrador.Qrels{}
	row := make(map[string]int, len(s.QueryIDs))
	for i, id := range s.QueryIDs {
		if qrels[id] != nil {
			judged[id] = qrels[id]
			row[id] = i
		}
	}
	kept.QueryIDs = judged.QueryIDs()
	kept.Queries = labrador.NewMatrix(len(kept.QueryIDs), s.Queries.Cols)
	for i, id := range kept.QueryIDs {
		copy(kept.Queries.Row(i), s.Queries.Row(row[id]))
	}
	return kept, judged
}

// dropSelf takes every query's own document out of its hits.
func dropSelf(run labrador.Run) {
	for q, hits := range run {
		run[q] = slices.DeleteFunc(slices.Clone(hits), func(h labrador.Hit) bool { return h.ID == q })
	}
}
