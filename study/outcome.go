package study

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// Outcome is a study that ran: what it found, what that cost, and the way to everything behind it.
type Outcome struct {
	Plan    *Plan
	Results *Results
	Times   *Times
	Values  []*Values // per query, in the order of the datasets
}

// Run makes what is missing, measures and judges everything, and writes the results below Options.Out. An error leaves whatever was
// finished in the store; the same call goes on from there.
func (p *Plan) Run(ctx context.Context) (*Outcome, error) {
	start := time.Now()
	cached := map[*Cell]bool{}
	for _, c := range p.Cells {
		cached[c] = c.Done
	}
	if err := prepareFolder(p.opts.Out); err != nil {
		return nil, err
	}
	if err := p.runCells(ctx); err != nil {
		return nil, err
	}
	if p.opts.Progress != nil {
		fmt.Fprintln(p.opts.Progress, "measuring and testing")
	}
	o := &Outcome{Plan: p}
	var err error
	if o.Values, err = p.measureAll(ctx); err != nil {
		return nil, err
	}
	infos, err := p.infos(ctx)
	if err != nil {
		return nil, err
	}
	costs, err := p.costs()
	if err != nil {
		return nil, err
	}
	if o.Results, err = p.results(ctx, o.Values, infos, chosen(p.Cells, costs)); err != nil {
		return nil, err
	}
	o.Times = p.times(costs, cached, time.Since(start))
	return o, o.write(ctx)
}

// prepareFolder makes the folder of the results and a file in it, so that a place that cannot be written is known before the work is done.
func prepareFolder(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, ".probe.tmp-*"); err == nil {
			probe.Close()
			err = os.Remove(probe.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("study: the results cannot be written: %w", err)
	}
	return nil
}

func (p *Plan) infos(ctx context.Context) ([]DatasetInfo, error) {
	var list []DatasetInfo
	for _, d := range p.Data {
		f, err := p.facts(ctx, d)
		if err != nil {
			return nil, err
		}
		info := DatasetInfo{Name: d.Name, Group: d.Group, Split: d.Split, Documents: f.Documents, Queries: len(d.Queries), DropSelf: d.DropSelf,
			RelevanceLevel: d.RelevanceLevel, TwinDocuments: f.repeated(), Digest: d.Digest, Notes: d.Notes}
		for _, grades := range d.Qrels {
			info.Judgements += len(grades)
		}
		list = append(list, info)
	}
	return list, nil
}

// costs are each cell's, those of its parts added.
func (p *Plan) costs() (map[*Cell]Cost, error) {
	costs := map[*Cell]Cost{}
	for _, c := range p.Cells {
		cost, err := p.readCellCost(c)
		if err != nil {
			return nil, err
		}
		for _, part := range c.parts { // planned before c
			cost = cost.with(costs[part])
		}
		costs[c] = cost
	}
	return costs, nil
}

// with adds the cost of a part that must run too: times and sizes add up, the memory is the larger.
func (c Cost) with(part Cost) Cost {
	perQuery := 0.0
	for _, rate := range []float64{c.QueriesPerSecond, part.QueriesPerSecond} {
		if rate > 0 {
			perQuery += 1 / rate
		}
	}
	if perQuery > 0 {
		c.QueriesPerSecond = 1 / perQuery
	}
	c.IndexSeconds += part.IndexSeconds
	c.IndexBytes += part.IndexBytes
	c.SearchSeconds += part.SearchSeconds
	c.LatencyMedian += part.LatencyMedian
	c.LatencyP99 += part.LatencyP99
	c.LatencyQueries = max(c.LatencyQueries, part.LatencyQueries)
	c.PeakBytes = max(c.PeakBytes, part.PeakBytes)
	c.Threads = max(c.Threads, part.Threads)
	return c
}

// chosen collects what the systems chose, by system and dataset.
func chosen(cells []*Cell, costs map[*Cell]Cost) map[string]map[string]string {
	notes := map[string]map[string]string{}
	for _, c := range cells {
		if note := costs[c].Chosen; note != "" && !c.Helper {
			if notes[c.System.Name] == nil {
				notes[c.System.Name] = map[string]string{}
			}
			notes[c.System.Name][c.Data.Name] = note
		}
	}
	return notes
}

func (p *Plan) times(costs map[*Cell]Cost, cached map[*Cell]bool, took time.Duration) *Times {
	t := &Times{Version: ResultsVersion, Labrador: p.opts.Version, Seconds: took.Seconds(), Machine: thisMachine(), Runs: []RunTime{}}
	for _, d := range p.Data {
		for _, name := range p.Study.systemNames() {
			if c := p.cells[cellID{d, name}]; c != nil {
				t.Runs = append(t.Runs, RunTime{Dataset: d.Name, System: name, Cost: costs[c], Cached: cached[c]})
			}
		}
	}
	return t
}

func thisMachine() Machine {
	return Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Processor: processor(), Threads: runtime.GOMAXPROCS(0), Memory: totalMemory(),
		Go: runtime.Version(), Host: hostName()}
}

// Hits reads back the run of a system on a dataset, nil where it did not run.
func (o *Outcome) Hits(dataset, system string) (labrador.Run, error) {
	for _, c := range o.Plan.Cells {
		if c.Data.Name == dataset && c.System.Name == system && !c.Helper {
			return o.Plan.readRun(c)
		}
	}
	return nil, nil
}

// Dir is the folder that the results are in.
func (o *Outcome) Dir() string { return o.Plan.opts.Out }

// write puts results.json, times.json, runs/ and values/ below the folder of the results.
func (o *Outcome) write(ctx context.Context) error {
	for _, dir := range []string{"runs", "values"} {
		if err := os.MkdirAll(filepath.Join(o.Dir(), dir), 0o755); err != nil {
			return fmt.Errorf("study: %w", err)
		}
	}
	o.sweep()
	for _, c := range o.Plan.Cells {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.exportRun(c); err != nil {
			return fmt.Errorf("study: run of %s on %s: %w", c.System.Name, c.Data.Name, err)
		}
	}
	for _, v := range o.Values {
		path := filepath.Join(o.Dir(), "values", fileName(v.Dataset)+".tsv")
		if err := atomicfile.Write(path, func(w io.Writer) error { return v.write(w, o.Results.Measures) }); err != nil {
			return fmt.Errorf("study: %w", err)
		}
	}
	if err := writeJSON(filepath.Join(o.Dir(), "times.json"), o.Times); err != nil {
		return err
	}
	return writeJSON(filepath.Join(o.Dir(), "results.json"), o.Results)
}

// sweep removes the temporary files that a killed process left among the results.
func (o *Outcome) sweep() {
	for _, dir := range []string{"", "runs", "values"} {
		left, _ := filepath.Glob(filepath.Join(o.Dir(), dir, ".*.tmp-*"))
		for _, path := range left {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
				os.Remove(path)
			}
		}
	}
}

func writeJSON(path string, v any) error {
	err := atomicfile.Write(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		return enc.Encode(v)
	})
	if err != nil {
		return fmt.Errorf("study: %w", err)
	}
	return nil
}

// exportRun copies a run from the store, the system's name in the last column.
func (o *Outcome) exportRun(c *Cell) error {
	made := o.Plan.store.Lookup("runs", c.Key)
	if made == nil {
		return os.ErrNotExist
	}
	in, err := os.Open(filepath.Join(made.Dir, runFile))
	if err != nil {
		return err
	}
	defer in.Close()
	name := fileName(c.label()) + "." + fileName(c.System.Name) + ".run"
	return atomicfile.Write(filepath.Join(o.Dir(), "runs", name), func(w io.Writer) error {
		lines := bufio.NewReaderSize(in, 1<<16)
		tag := tagOf(c.System.Name) + "\n"
		for {
			line, err := lines.ReadSlice('\n')
			if err == io.EOF && len(line) == 0 {
				return nil
			}
			if err != nil {
				return err
			}
			w.Write(line[:bytes.LastIndexByte(line, ' ')+1])
			if _, err := io.WriteString(w, tag); err != nil {
				return err
			}
		}
	})
}

// tagOf is a name as the last column of a TREC run: without blanks.
func tagOf(name string) string { return strings.Join(strings.Fields(name), "_") }

// fileName is a name that every file system takes: what is not a letter, digit, dot, dash, plus, equals sign or underscore becomes %XX
// of its bytes, so that different names stay different.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		safe := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_+=@", c) >= 0 || c == '.' && i > 0
		if safe {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// write writes the per-query values as a table: query, measure, then a column per system.
func (v *Values) write(w io.Writer, measures []string) error {
	b := bufio.NewWriter(w)
	b.WriteString("query\tmeasure\t" + strings.Join(v.Systems, "\t") + "\n")
	for m, measure := range measures {
		for q, id := range v.Queries {
			b.WriteString(id + "\t" + measure)
			for _, s := range v.Systems {
				b.WriteByte('\t')
				b.Write(strconv.AppendFloat(nil, v.Of[s][m][q], 'g', -1, 64))
			}
			b.WriteByte('\n')
		}
	}
	return b.Flush()
}
