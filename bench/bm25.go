package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
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

// BM25Searching says how an index is asked.
type BM25Searching struct {
	Dir     string // a BEIR folder
	Queries string // its query file
	Index   string
	Threads int
	Warm    int   // passes over the queries before timing
	Ks      []int // cut-offs
}

// BM25Search measures an index at each cut-off, warm, in rounds of at least a second, each thread taking one query after the other:
// qps leaves documents numbers, as the peers' scripts do, qps_ids makes their ids. The reciprocal rank and the recall, as trec_eval
// has them for the judged queries, are against the folder's test judgements, so that peers can be seen to run the same search.
func BM25Search(ctx context.Context, o BM25Searching) (Row, error) {
	started := time.Now()
	x, err := index.OpenBM25(o.Index)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	opened := time.Since(started)
	queries, err := readQueries(filepath.Join(o.Dir, o.Queries))
	if err != nil {
		return nil, err
	}
	row := New("bm25", o.Threads).With(Row{"docs": x.Len(), "queries": len(queries), "open_ms": round(opened.Seconds()*1000, 2)})
	median, best, ids := map[string]any{}, map[string]any{}, map[string]any{}
	for _, k := range o.Ks {
		pass := func() error { return searchNumbers(ctx, x, queries, k, o.Threads) }
		for range o.Warm {
			if err := pass(); err != nil {
				return nil, err
			}
		}
		m, b, err := secondRounds(pass)
		if err != nil {
			return nil, err
		}
		named, err := seconds(func() error { return searchIDs(ctx, x, queries, k, o.Threads) })
		if err != nil {
			return nil, err
		}
		at, n := strconv.Itoa(k), float64(len(queries))
		median[at], best[at], ids[at] = round(n/m, 1), round(n/b, 1), round(n/named, 1)
	}
	row["qps"], row["qps_best"], row["qps_ids"] = median, best, ids
	row["rss_mb"], _ = Memory()
	return row, quality(ctx, row, x, filepath.Join(o.Dir, "qrels", "test.tsv"), queries, slices.Max(o.Ks))
}

func readQueries(path string) ([]labrador.Query, error) {
	var queries []labrador.Query
	for q, err := range labrador.ReadQueries(path) {
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	if len(queries) == 0 {
		return nil, fmt.Errorf("%s: no queries to time", path)
	}
	return queries, nil
}

// searchNumbers answers all queries; documents stay numbers.
func searchNumbers(ctx context.Context, x *index.BM25, queries []labrador.Query, k, threads int) error {
	return onThreads(ctx, threads, len(queries), func() func(int) error {
		var hits []index.NumberedHit
		return func(i int) (err error) {
			hits, err = x.SearchNumbers(hits[:0], queries[i].Text, k)
			return err
		}
	})
}

// searchIDs answers all queries, with documents' ids.
func searchIDs(ctx context.Context, x *index.BM25, queries []labrador.Query, k, threads int) error {
	return onThreads(ctx, threads, len(queries), func() func(int) error {
		return func(i int) error {
			_, err := x.Search(ctx, queries[i], k)
			return err
		}
	})
}

// onThreads calls what start gives each of the threads for every i in [0, n), until one fails.
func onThreads(ctx context.Context, threads, n int, start func() func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range threads {
		wg.Go(func() {
			f := start()
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
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

// quality adds the measures at k of those queries that the file of qrels judges; a folder may have none.
func quality(ctx context.Context, row Row, x *index.BM25, path string, queries []labrador.Query, k int) error {
	qrels, err := labrador.ReadQrels(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	run, judged := labrador.Run{}, labrador.Qrels{}
	for _, q := range queries {
		if qrels[q.ID] == nil {
			continue
		}
		judged[q.ID] = qrels[q.ID]
		if run[q.ID], err = x.Search(ctx, q, k); err != nil {
			return err
		}
	}
	recall := fmt.Sprintf("recall_%d", k)
	measures, err := eval.ParseAll([]string{"recip_rank", recall})
	if err != nil {
		return err
	}
	result, err := eval.PerQuery(measures, judged, run, eval.Options{Complete: true})
	if errors.Is(err, eval.ErrNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	row["recip_rank"], row[recall] = round(result.Overall[0], 5), round(result.Overall[1], 5)
	return nil
}
