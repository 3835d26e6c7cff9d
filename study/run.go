package study

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/labrador-lab/labrador"
)

// Names of the files of a run's folder in the store.
const (
	runFile  = "run.trec"
	costFile = "cost.json"
)

// cached is cost.json: what the run took, and the hash of the run beside it, by which a damaged file is known.
type cached struct {
	SHA256 string `json:"sha256"`
	Cost   Cost   `json:"cost"`
}

// runCells makes every run that is missing.
func (p *Plan) runCells(ctx context.Context) error {
	if p.opts.Progress != nil {
		fmt.Fprintf(p.opts.Progress, "%d runs, %d in the cache\n", len(p.Cells), len(p.Cells)-p.Missing())
	}
	for i, c := range p.Cells {
		if err := p.runCell(ctx, c, i); err != nil {
			return fmt.Errorf("system %s on %s: %w", c.System.Name, c.Data.Name, err)
		}
	}
	return nil
}

func (p *Plan) runCell(ctx context.Context, c *Cell, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.Done && p.whole(c) {
		return nil
	}
	var cost Cost
	made, err := p.store.Make(ctx, "runs", c.Key, func(dir string) error {
		run, took, err := p.makeRun(ctx, c, i)
		if err != nil {
			return err
		}
		cost = took
		return writeCached(dir, run, c.Data.Queries, took)
	})
	if err != nil {
		return err
	}
	if made.Fresh && p.opts.Progress != nil {
		fmt.Fprintf(p.opts.Progress, "[%d/%d] %s on %s: %d queries, %s\n", i+1, len(p.Cells), c.System.Name, c.label(), len(c.Data.Queries), cost)
	}
	return nil
}

// label is the dataset's name, with its split where that is there to tune on.
func (c *Cell) label() string {
	if c.Helper {
		return c.Data.Name + "@" + c.Data.Split
	}
	return c.Data.Name
}

// whole checks the run in the store against its hash and forgets it when it is damaged.
func (p *Plan) whole(c *Cell) bool {
	made := p.store.Lookup("runs", c.Key)
	if made == nil {
		return false
	}
	entry, err := readCost(made.Dir)
	if err == nil {
		var sum string
		if sum, err = hashFile(filepath.Join(made.Dir, runFile)); err == nil && sum == entry.SHA256 {
			return true
		}
	}
	p.store.drop(made)
	return false
}

func (p *Plan) makeRun(ctx context.Context, c *Cell, i int) (labrador.Run, Cost, error) {
	job := &Job{Data: c.Data, Queries: c.Data.Queries, Depth: p.Study.Depth, Threads: p.opts.Threads, Seed: p.Study.Seed, Store: p.store,
		label: fmt.Sprintf("[%d/%d] %s on %s", i+1, len(p.Cells), c.System.Name, c.label()), output: p.opts.Progress}
	if c.Data.DropSelf {
		job.Depth++ // room for the query's own document, dropped below
	}
	for _, other := range p.Cells {
		if other.Data == c.Data && (other == c || !other.Done) {
			job.Others = append(job.Others, other.System.System)
		}
	}
	var err error
	if job.Parts, err = p.readRuns(c.parts); err != nil {
		return nil, Cost{}, err
	}
	if c.tuning != nil {
		job.Tuning = &Tuning{Score: p.tuningScore(c.tuning)}
		if job.Tuning.Parts, err = p.readRuns(c.tune); err != nil {
			return nil, Cost{}, err
		}
	}
	run, cost, err := c.System.System.Run(ctx, job)
	if err != nil {
		return nil, Cost{}, err
	}
	if c.tuning != nil && c.tuning.leftOut != "" {
		cost.Chosen += "; " + c.tuning.leftOut
	}
	trim(run, c.Data.DropSelf, p.Study.Depth)
	return run, cost, nil
}

// trim drops each query's own document where it is no answer and cuts to depth.
func trim(run labrador.Run, dropSelf bool, depth int) {
	for q, hits := range run {
		if dropSelf {
			hits = slices.DeleteFunc(hits, func(h labrador.Hit) bool { return h.ID == q })
		}
		run[q] = hits[:min(depth, len(hits))]
	}
}

func (p *Plan) readRuns(cells []*Cell) ([]labrador.Run, error) {
	var runs []labrador.Run
	for _, c := range cells {
		run, err := p.readRun(c)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// readRun reads a run from the store. Runs are always measured as read, so that a run from the cache and a fresh one
// cannot differ.
func (p *Plan) readRun(c *Cell) (labrador.Run, error) {
	made := p.store.Lookup("runs", c.Key)
	if made == nil {
		return nil, fmt.Errorf("study: the run of %s on %s vanished from the cache; start again", c.System.Name, c.Data.Name)
	}
	return labrador.ReadRun(filepath.Join(made.Dir, runFile))
}

func (p *Plan) readCellCost(c *Cell) (Cost, error) {
	made := p.store.Lookup("runs", c.Key)
	if made == nil {
		return Cost{}, fmt.Errorf("study: the run of %s on %s vanished from the cache; start again", c.System.Name, c.Data.Name)
	}
	entry, err := readCost(made.Dir)
	return entry.Cost, err
}

func writeCached(dir string, run labrador.Run, queries []labrador.Query, cost Cost) error {
	path := filepath.Join(dir, runFile)
	if err := writeRunFile(path, "labrador", run, queries); err != nil {
		return err
	}
	sum, err := hashFile(path)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(cached{sum, cost}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, costFile), data, 0o644)
}

// writeRunFile writes a run within a folder of the store, which syncs it.
func writeRunFile(path, tag string, run labrador.Run, queries []labrador.Query) error {
	ids := make([]string, len(queries))
	for i, q := range queries {
		ids[i] = q.ID
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(labrador.WriteRun(f, tag, ids, run), f.Close())
}

func readCost(dir string) (cached, error) {
	var entry cached
	data, err := os.ReadFile(filepath.Join(dir, costFile))
	if err != nil {
		return entry, err
	}
	return entry, json.Unmarshal(data, &entry)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// String is the cost in a few words for a progress line.
func (c Cost) String() string {
	switch {
	case c.QueriesPerSecond > 0 && c.IndexSeconds > 0:
		return fmt.Sprintf("index %.1f s, %.0f queries/s", c.IndexSeconds, c.QueriesPerSecond)
	case c.QueriesPerSecond > 0:
		return fmt.Sprintf("%.0f queries/s", c.QueriesPerSecond)
	case c.Chosen+c.Note != "":
		return c.Chosen + c.Note
	}
	return "done"
}
