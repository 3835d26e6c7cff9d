package main

import (
	"context"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/analysis"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/study/explain"
	"github.com/labrador-lab/labrador/vectors"
)

// explainOptions hands study/explain what only the program knows: the analyzers' terms, and the vectors of a study's systems.
func explainOptions(plan *study.Plan) explain.Options {
	return explain.Options{
		Terms: termsOf,
		Vectors: func(ctx context.Context, dataset, system string) (*explain.Sets, error) {
			for _, c := range plan.Cells {
				if c.Data.Name != dataset || c.System.Name != system || c.Helper {
					continue
				}
				switch s := c.System.System.(type) {
				case *vectorsSystem:
					return s.sets(c.Data)
				case *denseSystem:
					return s.sets(ctx, c.Data)
				}
			}
			return nil, nil
		},
	}
}

// termsOf cuts a text as the lexical searches of its group do: by the code analyzer on code, in English elsewhere.
func termsOf(group, text string) []string {
	name := "english"
	if group == "code" {
		name = "code"
	}
	analyzer, err := analysis.New(name)
	if err != nil {
		return explain.Words(text)
	}
	var tokens analysis.Tokens
	analyzer.Analyze(text, &tokens)
	terms := make([]string, tokens.Len())
	for i := range terms {
		terms[i] = string(tokens.Term(i))
	}
	return terms
}

// sets reads the given files into memory.
func (s *vectorsSystem) sets(d *study.Data) (*explain.Sets, error) {
	paths, err := s.paths(d)
	if err != nil {
		return nil, err
	}
	documents, err := vectors.OpenSet(paths[0], paths[1])
	if err != nil {
		return nil, err
	}
	defer documents.Close()
	queries, err := vectors.OpenSet(paths[2], paths[3])
	if err != nil {
		return nil, err
	}
	defer queries.Close()
	return &explain.Sets{DocumentIDs: documents.IDs, Documents: inMemory(documents.Matrix), QueryIDs: queries.IDs, Queries: inMemory(queries.Matrix)}, nil
}

// inMemory copies a matrix that may be mapped from a file.
func inMemory(m labrador.Matrix) labrador.Matrix {
	out := labrador.NewMatrix(m.Rows, m.Cols)
	copy(out.Data, m.Data)
	return out
}

// sets are the vectors that the study kept, nil where they are no longer there: nothing is encoded for an explanation.
func (s *denseSystem) sets(ctx context.Context, d *study.Data) (*explain.Sets, error) {
	o, err := s.options(d)
	if err != nil {
		return nil, err
	}
	encoder, err := dense.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	documents, err := keptVectors(ctx, encoder, labrador.DocumentSide, dense.Documents(d.Documents))
	if err != nil || documents == nil {
		return nil, err
	}
	queries, err := keptVectors(ctx, encoder, labrador.QuerySide, dense.Queries(d.Queries))
	if err != nil || queries == nil {
		return nil, err
	}
	return &explain.Sets{DocumentIDs: documents.IDs, Documents: documents.Matrix, QueryIDs: queries.IDs, Queries: queries.Matrix}, nil
}

// keptVectors are the vectors of items in the store, nil unless all are there.
func keptVectors(ctx context.Context, e *dense.Encoder, side labrador.Side, items dense.Items) (*dense.Encoded, error) {
	texts, err := dense.Survey(ctx, items)
	if err != nil || len(texts.IDs) == 0 {
		return nil, err
	}
	kept, err := openVectorStore()
	if err != nil {
		return nil, err
	}
	set, err := e.Set(kept, side, texts)
	if err != nil || set.Missing() > 0 {
		return nil, err
	}
	m, err := set.Matrix()
	return &dense.Encoded{IDs: texts.IDs, Matrix: e.Truncate(m)}, err
}
