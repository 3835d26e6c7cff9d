package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
)

// BM25Index builds an index of the BEIR folder dir at path and measures that: seconds from corpus.jsonl to the finished
// file, its size, and the memory of this process, which should do nothing else.
func BM25Index(ctx context.Context, dir, path string, o index.BM25Options) (Row, error) {
	docs := 0
	o.Progress = func(n int) { docs += n }
	s, err := seconds(func() error {
		return index.BuildBM25(ctx, path, labrador.ReadDocuments(filepath.Join(dir, "corpus.jsonl")), o)
	})
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	x, err := index.OpenBM25(path)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	_, peak := Memory()
	return New("bm25", o.Threads).With(Row{"docs": x.Len(), "index_s": round(s, 2), "index_mb": round(float64(info.Size())/1e6, 1), "index_rss_mb": peak}), nil
}

// BM25Search measures an index at each cut-off of ks: one query after the other, warm, rounds of at least a second. The
// reciprocal rank and the recall are against the folder's test judgements, so that peers can be seen to run the same search.
func BM25Search(ctx context.Context, dir, queryFile, path string, threads, warm int, ks []int) (Row, error) {
	started := time.Now()
	x, err := index.OpenBM25(path)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	opened := time.Since(started)
	var queries []labrador.Query
	for q, err := range labrador.ReadQueries(filepath.Join(dir, queryFile)) {
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	row := New("bm25", threads).With(Row{"docs": x.Len(), "queries": len(queries), "open_ms": round(opened.Seconds()*1000, 2)})
	median, best, ids := map[string]any{}, map[string]any{}, map[string]any{}
	for _, k := range ks {
		pass := func() error { return searchAll(ctx, x, queries, k, threads) }
		for range max(1, warm) {
			if err := pass(); err != nil {
				return nil, err
			}
		}
		m, b, err := secondRounds(pass)
		if err != nil {
			return nil, err
		}
		named, err := seconds(func() error { return searchIDs(ctx, x, queries, k) })
		if err != nil {
			return nil, err
		}
		ids[strconv.Itoa(k)] = round(float64(len(queries))/named, 1)
		median[strconv.Itoa(k)], best[strconv.Itoa(k)] = round(float64(len(queries))/m, 1), round(float64(len(queries))/b, 1)
	}
	row["qps"], row["qps_best"], row["qps_ids"] = median, best, ids
	row["rss_mb"], _ = Memory()
	return row, quality(ctx, row, x, dir, queries, slices.Max(ks))
}

// searchAll answers all queries. On one thread documents stay numbers, as the peers' scripts leave them; qps_ids is with ids.
func searchAll(ctx context.Context, x *index.BM25, queries []labrador.Query, k, threads int) error {
	if threads != 1 {
		_, err := x.SearchBatch(ctx, queries, k)
		return err
	}
	var hits []index.NumberedHit
	var err error
	for _, q := range queries {
		if hits, err = x.SearchNumbers(hits[:0], q.Text, k); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// searchIDs is searchAll on one thread with documents' ids.
func searchIDs(ctx context.Context, x *index.BM25, queries []labrador.Query, k int) error {
	for _, q := range queries {
		if _, err := x.Search(ctx, q, k); err != nil {
			return err
		}
	}
	return nil
}

// secondRounds times five rounds of as many passes as fill a second; the times are a pass's.
func secondRounds(pass func() error) (median, best float64, err error) {
	one, err := seconds(pass)
	if err != nil {
		return 0, 0, err
	}
	passes := max(1, int(1/max(one, 1e-6)+0.999))
	m, b, err := rounds(5, func() error {
		for range passes {
			if err := pass(); err != nil {
				return err
			}
		}
		return nil
	})
	return m / float64(passes), b / float64(passes), err
}

func quality(ctx context.Context, row Row, x *index.BM25, dir string, queries []labrador.Query, k int) error {
	qrels, err := labrador.ReadQrels(filepath.Join(dir, "qrels", "test.tsv"))
	if err != nil {
		return nil // a folder without judgements has no quality to show
	}
	var reciprocal, recalled, total float64
	for _, q := range queries {
		hits, err := x.Search(ctx, q, k)
		if err != nil {
			return err
		}
		first := true
		for i, h := range hits {
			if qrels[q.ID][h.ID] > 0 {
				recalled++
				if first {
					reciprocal += 1 / float64(i+1)
				}
				first = false
			}
		}
		for _, grade := range qrels[q.ID] {
			if grade > 0 {
				total++
			}
		}
	}
	row["recip_rank"] = round(reciprocal/float64(max(1, len(queries))), 5)
	row[fmt.Sprintf("recall_%d", k)] = round(recalled/max(1, total), 5)
	return nil
}
