package study

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/progress"
)

// System is a retrieval system with its settings. A study knows no more of it; what kinds there are is the caller's
// affair (Kinds).
type System interface {
	// Validate says what is wrong with the settings as they were written.
	Validate() error
	// Settings are all settings that shape the hits, defaults written out: what two systems do not share here is listed as
	// not the same between them.
	Settings() map[string]string
	// Of are the names of the systems whose runs Run gets as Job.Parts, in this order; none for most kinds.
	Of() []string
	// TuneOn is the split that Run wants to tune something on, empty for none.
	TuneOn() string
	// Key names everything of the system itself that could change its hits on a dataset: settings, the content of the files it
	// reads, the version of the code behind. The engine adds the dataset, the depth and the parts.
	Key(ctx context.Context, d *Data) (string, error)
	// Run answers the job's queries, at most Depth hits each, best first by labrador.CompareHits.
	Run(ctx context.Context, job *Job) (labrador.Run, Cost, error)
}

// Job is one system's work on one dataset.
type Job struct {
	Data    *Data
	Queries []labrador.Query
	Depth   int
	Threads int
	Seed    uint64
	Store   *Store
	Parts   []labrador.Run // runs of the systems that Of names
	Tuning  *Tuning        // where TuneOn names a split
	Others  []System       // systems of the study whose runs on the data were missing at its start, and this one, to share work with

	label  string
	output io.Writer // of progress; nil: none
}

// Tuning is what a system may tune on: the runs of its parts on a split that the study does not test on.
type Tuning struct {
	Parts []labrador.Run
	Score func(labrador.Run) (float64, error) // mean of the study's first measure over the split's queries
}

// Cost is what a run took. Zero means not measured or not applicable.
type Cost struct {
	IndexSeconds     float64 `json:"index_seconds"`
	IndexBytes       int64   `json:"index_bytes"`
	SearchSeconds    float64 `json:"search_seconds"`     // wall time of all queries
	QueriesPerSecond float64 `json:"queries_per_second"` // with Threads at work
	Threads          int     `json:"threads"`
	LatencyMedian    float64 `json:"latency_median_ms"` // of one query alone on one thread
	LatencyP99       float64 `json:"latency_p99_ms"`
	LatencyQueries   int     `json:"latency_queries"` // how many queries the two were measured on
	PeakBytes        int64   `json:"peak_bytes"`      // resident memory of the process while indexing or searching
	// Chosen is what the system chose by itself, such as a weight that it tuned. It goes to results.json, so it must be the same whenever
	// the run is: no times, nothing about caches.
	Chosen string `json:"chosen,omitempty"`
	Note   string `json:"note,omitempty"` // what else the system wants to say about the cost; for times.json only
}

// Progress starts a bar for a part of the job, such as indexing; total may be 0.
func (j *Job) Progress(what, unit string, total int) *progress.Bar {
	if j.output == nil {
		return nil
	}
	return progress.New(j.output, j.label+": "+what, unit, int64(total))
}

// Latency is measured on at most this many queries, spread evenly, and for at most this long.
const (
	latencyQueries = 200
	latencyTime    = 10 * time.Second
)

// Built puts the cost of an index from the store into the cost.
func (c *Cost) Built(made *Made) {
	c.IndexSeconds, c.IndexBytes = made.Seconds, made.Bytes
	c.PeakBytes = max(c.PeakBytes, made.Peak)
}

// Search answers the job's queries with s and fills in what searching cost: throughput with all of the job's threads at
// work, then latency of single queries one at a time.
func (j *Job) Search(ctx context.Context, s labrador.Searcher, cost *Cost) (labrador.Run, error) {
	resetPeak()
	start := time.Now()
	lists, err := j.searchAll(ctx, s)
	if err != nil {
		return nil, err
	}
	cost.Threads = j.Threads
	cost.SearchSeconds = time.Since(start).Seconds()
	cost.QueriesPerSecond = float64(len(j.Queries)) / max(cost.SearchSeconds, 1e-9)
	cost.PeakBytes = max(cost.PeakBytes, peak())
	run := make(labrador.Run, len(lists))
	for i, hits := range lists {
		run[j.Queries[i].ID] = hits
	}
	return run, j.latency(ctx, s, cost)
}

func (j *Job) searchAll(ctx context.Context, s labrador.Searcher) ([][]labrador.Hit, error) {
	bar := j.Progress("searching", "queries", len(j.Queries))
	defer bar.Done()
	if batch, ok := s.(labrador.BatchSearcher); ok {
		return j.searchBatches(ctx, batch, bar)
	}
	lists := make([][]labrador.Hit, len(j.Queries))
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range max(1, j.Threads) {
		group.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(j.Queries) {
					return
				}
				hits, err := s.Search(ctx, j.Queries[i], j.Depth)
				if err != nil {
					err = fmt.Errorf("query %s: %w", j.Queries[i].ID, err)
					failed.CompareAndSwap(nil, &err)
					return
				}
				lists[i] = hits
				bar.Add(1)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return lists, ctx.Err()
}

// searchBatches asks for a few hundred queries at a time, so that progress shows and an interrupt is heard.
func (j *Job) searchBatches(ctx context.Context, s labrador.BatchSearcher, bar *progress.Bar) ([][]labrador.Hit, error) {
	const batch = 512
	var lists [][]labrador.Hit
	for queries := range slices.Chunk(j.Queries, batch) {
		got, err := s.SearchBatch(ctx, queries, j.Depth)
		if err != nil {
			return nil, err
		}
		lists = append(lists, got...)
		bar.Add(int64(len(queries)))
	}
	return lists, nil
}

func (j *Job) latency(ctx context.Context, s labrador.Searcher, cost *Cost) error {
	step := max(1, len(j.Queries)/latencyQueries)
	var taken []float64
	begin := time.Now()
	for i := 0; i < len(j.Queries) && time.Since(begin) < latencyTime; i += step {
		start := time.Now()
		if _, err := s.Search(ctx, j.Queries[i], j.Depth); err != nil {
			return fmt.Errorf("query %s: %w", j.Queries[i].ID, err)
		}
		taken = append(taken, float64(time.Since(start).Nanoseconds())/1e6)
	}
	if len(taken) == 0 {
		return nil
	}
	slices.Sort(taken)
	cost.LatencyMedian = taken[len(taken)/2]
	cost.LatencyP99 = taken[min(len(taken)-1, len(taken)*99/100)]
	cost.LatencyQueries = len(taken)
	return nil
}

// Machine says where times were measured.
type Machine struct {
	System    string `json:"system"` // operating system and architecture
	Processor string `json:"processor"`
	Threads   int    `json:"threads"` // that Go may use
	Memory    int64  `json:"memory_bytes"`
	Go        string `json:"go"`
	Host      string `json:"host"`
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
