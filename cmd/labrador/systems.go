package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/index"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/vectors"
)

// systemKinds are the kinds of system that a study may name. This is the only place that knows them all: a new kind is a
// case here and a type below.
type systemKinds struct {
	base    string   // the study file's folder, from which relative paths start
	folders []string // data folders, tried next
	models  []string // folders of models, from --models; none: LABRADOR_MODELS
}

// Names lists the kinds.
func (systemKinds) Names() []string {
	return []string{"bm25", "dense", "sparse", "vectors", "fuse", "run"}
}

// New is a zero system of the kind, nil for an unknown one.
func (k systemKinds) New(kind string) study.System {
	switch kind {
	case "bm25":
		return &bm25System{}
	case "dense":
		return &denseSystem{files: k}
	case "sparse":
		return &sparseSystem{files: k}
	case "vectors":
		return &vectorsSystem{files: k}
	case "fuse":
		return &fuseSystem{}
	case "run":
		return &runSystem{files: k}
	}
	return nil
}

// find resolves a path of the study file for a dataset: {dataset} and {split} are filled in, then it is looked for from the study's
// folder and below the data folders.
func (k systemKinds) find(path string, d *study.Data) (string, error) {
	path = strings.NewReplacer("{dataset}", d.Name, "{split}", d.Split).Replace(path)
	if filepath.IsAbs(path) {
		_, err := os.Stat(path)
		return path, err
	}
	tried := []string{}
	for _, folder := range append([]string{k.base}, k.folders...) {
		full := filepath.Join(folder, path)
		if _, err := os.Stat(full); err == nil {
			return full, nil
		}
		tried = append(tried, full)
	}
	return "", fmt.Errorf("no file %s (tried %s)", path, strings.Join(tried, ", "))
}

// leaf gives a system that is made of no others and tunes nothing its methods for that.
type leaf struct{}

func (leaf) Of() []string   { return nil }
func (leaf) TuneOn() string { return "" }

// bm25System is BM25 over an index of the corpus. Its settings are those of index.ParseBM25Options.
type bm25System struct {
	leaf
	Analyzer string `yaml:"analyzer"`
	Variant  string `yaml:"variant"`
	K1       string `yaml:"k1"`
	B        string `yaml:"b"`
	Delta    string `yaml:"delta"`
	Mu       string `yaml:"mu"`
	Title    string `yaml:"title"`
	Lengths  string `yaml:"lengths"`
}

// bm25Key is the version of what BM25 does; it changes when its hits would.
const bm25Key = "bm25/2"

func (s *bm25System) options() (index.BM25Options, error) {
	var parts []string
	for _, o := range [][2]string{{"analyzer", s.Analyzer}, {"variant", s.Variant}, {"k1", s.K1}, {"b", s.B}, {"delta", s.Delta}, {"mu", s.Mu},
		{"title", s.Title}, {"lengths", s.Lengths}} {
		if o[1] != "" {
			parts = append(parts, o[0]+"="+o[1])
		}
	}
	return index.ParseBM25Options(strings.Join(parts, ","))
}

func (s *bm25System) Validate() error {
	_, err := s.options()
	return err
}

func (s *bm25System) Settings() map[string]string {
	o, _ := s.options()
	settings := map[string]string{"fields": "title and text as one"}
	for part := range strings.SplitSeq(o.String(), ",") {
		name, value, _ := strings.Cut(part, "=")
		settings[name] = value
	}
	if title, two := settings["title"]; two {
		settings["fields"] = "text, title with weight " + title
		delete(settings, "title")
	}
	return settings
}

func (s *bm25System) Key(context.Context, *study.Data) (string, error) {
	o, err := s.options()
	return bm25Key + " " + o.String(), err
}

func (s *bm25System) Run(ctx context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	var cost study.Cost
	var searcher *index.BM25
	key, _ := s.Key(ctx, job.Data)
	build := func(dir string) error {
		o, err := s.options()
		if err != nil {
			return err
		}
		bar := job.Progress("indexing", "documents", 0)
		defer bar.Done()
		o.Threads, o.NoDocuments = job.Threads, true
		o.Progress = func(n int) { bar.Add(int64(n)) }
		return index.BuildBM25(ctx, filepath.Join(dir, "bm25"), job.Data.Documents(), o)
	}
	open := func(dir string) (err error) {
		searcher, err = index.OpenBM25(filepath.Join(dir, "bm25"))
		return err
	}
	made, err := job.Store.Use(ctx, "indexes", key+"\n"+job.Data.Corpus, build, open)
	if err != nil {
		return nil, cost, err
	}
	defer searcher.Close()
	cost.Built(made)
	run, err := job.Search(ctx, searcher, &cost)
	return run, cost, err
}

// vectorsSystem is exact search over given vectors.
type vectorsSystem struct {
	leaf
	Documents   string `yaml:"documents"`    // .npy of the corpus
	Queries     string `yaml:"queries"`      // .npy of the queries
	DocumentIDs string `yaml:"document_ids"` // ids of the rows; default: the .npy file's name with .ids behind
	QueryIDs    string `yaml:"query_ids"`
	Metric      string `yaml:"metric"` // cosine (default) or ip
	files       systemKinds
}

func (s *vectorsSystem) Validate() error {
	if s.Documents == "" || s.Queries == "" {
		return fmt.Errorf("vectors need documents: and queries:, the .npy files of both")
	}
	_, err := vectors.ParseMetric(s.Metric)
	return err
}

func (s *vectorsSystem) Settings() map[string]string {
	metric, _ := vectors.ParseMetric(s.Metric)
	return map[string]string{"documents": s.Documents, "queries": s.Queries, "metric": string(metric), "search": "exact"}
}

// paths are the four files on a dataset; ids that are not named are left empty.
func (s *vectorsSystem) paths(d *study.Data) ([4]string, error) {
	var found [4]string
	for i, path := range []string{s.Documents, s.DocumentIDs, s.Queries, s.QueryIDs} {
		if path == "" {
			continue
		}
		full, err := s.files.find(path, d)
		if err != nil {
			return found, err
		}
		found[i] = full
	}
	return found, nil
}

func (s *vectorsSystem) Key(ctx context.Context, d *study.Data) (string, error) {
	paths, err := s.paths(d)
	if err != nil {
		return "", err
	}
	for _, i := range []int{0, 2} {
		if paths[i+1] == "" {
			paths[i+1] = paths[i] + ".ids"
		}
	}
	digests, err := digestFiles(ctx, paths[:])
	metric, _ := vectors.ParseMetric(s.Metric)
	return "vectors/2 " + string(metric) + " " + digests, err
}

func (s *vectorsSystem) Run(ctx context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	var cost study.Cost
	paths, err := s.paths(job.Data)
	if err != nil {
		return nil, cost, err
	}
	documents, err := openVectors(paths[0], paths[1])
	if err != nil {
		return nil, cost, err
	}
	defer documents.Close()
	queries, err := openVectors(paths[2], paths[3])
	if err != nil {
		return nil, cost, err
	}
	defer queries.Close()
	metric, err := vectors.ParseMetric(s.Metric)
	if err != nil {
		return nil, cost, err
	}
	searcher, err := vectors.NewSearcher(documents, queries, metric)
	if err != nil {
		return nil, cost, err
	}
	cost.IndexBytes = int64(len(documents.Matrix.Data)) * 4
	cost.Note = fmt.Sprintf("%d dimensions; encoding is not part of the times", documents.Matrix.Cols)
	run, err := job.Search(ctx, searcher, &cost)
	return run, cost, err
}

// fuseSystem fuses the runs of other systems of the study.
type fuseSystem struct {
	Parts   []string  `yaml:"of"`
	Method  string    `yaml:"method"` // rrf (default), convex, combsum, ...
	Norm    string    `yaml:"norm"`   // of the scores: min-max (default), z-score, tmm, ...
	K       float64   `yaml:"k"`      // of rrf; default 60
	Weights []float64 `yaml:"weights"`
	Minima  []float64 `yaml:"minima"` // smallest possible score of each part, for norm tmm
	Tune    string    `yaml:"tune"`   // split to choose the weights on
}

// fuseSteps is the grid of tuned weights: multiples of 1/20.
const fuseSteps = 20

func (s *fuseSystem) options() index.FuseOptions {
	return index.FuseOptions{Method: index.FuseMethod(s.Method), Norm: index.FuseNorm(s.Norm), K: s.K, Weights: s.Weights, Minima: s.Minima}
}

func (s *fuseSystem) Validate() error {
	switch {
	case len(s.Parts) < 2:
		return fmt.Errorf("of: a fusion needs two systems or more")
	case s.Tune != "" && s.Weights != nil:
		return fmt.Errorf("either weights are given or tune says on which split to choose them")
	case s.Tune != "" && s.Method != string(index.FuseConvex) && s.Method != string(index.FuseRRF):
		return fmt.Errorf("tune: only the methods convex and rrf have weights to tune")
	}
	return s.options().Validate(len(s.Parts))
}

func (s *fuseSystem) Of() []string   { return s.Parts }
func (s *fuseSystem) TuneOn() string { return s.Tune }

func (s *fuseSystem) Settings() map[string]string {
	settings := map[string]string{"of": strings.Join(s.Parts, " + "), "method": cmp.Or(s.Method, string(index.FuseRRF))}
	switch method := index.FuseMethod(settings["method"]); method {
	case index.FuseRRF:
		settings["k"] = fmt.Sprint(cmp.Or(s.K, 60))
	case index.FuseISR, index.FuseLogISR:
	default:
		settings["norm"] = cmp.Or(s.Norm, string(index.NormMinMax))
	}
	switch {
	case s.Tune != "":
		settings["weights"] = fmt.Sprintf("tuned on split %s in steps of 1/%d", s.Tune, fuseSteps)
	case s.Weights != nil:
		settings["weights"] = fmt.Sprint(s.Weights)
	}
	return settings
}

func (s *fuseSystem) Key(context.Context, *study.Data) (string, error) {
	return fmt.Sprintf("fuse/1 %v %v steps %d", s.Settings(), s.Minima, fuseSteps), nil
}

func (s *fuseSystem) Run(ctx context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	var cost study.Cost
	o := s.options()
	if job.Tuning != nil {
		best, trials, err := index.TuneFuse(ctx, job.Tuning.Parts, o, fuseSteps, job.Tuning.Score)
		if err != nil {
			return nil, cost, err
		}
		o.Weights = best.Weights
		cost.Chosen = fmt.Sprintf("weights %v, chosen from %d on split %s (%s there)", best.Weights, len(trials), s.Tune, study.Figure(best.Value))
	}
	start := time.Now()
	run, err := index.Fuse(job.Parts, o)
	cost.SearchSeconds = time.Since(start).Seconds()
	cost.QueriesPerSecond = float64(len(job.Queries)) / max(cost.SearchSeconds, 1e-9)
	cost.LatencyMedian = 1000 * cost.SearchSeconds / float64(len(job.Queries))
	cost.LatencyP99 = cost.LatencyMedian
	return run, cost, err
}

// runSystem is a TREC run that some other program made.
type runSystem struct {
	leaf
	File  string `yaml:"file"`
	files systemKinds
}

func (s *runSystem) Validate() error {
	if s.File == "" {
		return fmt.Errorf("a run needs file: the TREC run, {dataset} in its path standing for the dataset's name")
	}
	return nil
}

func (s *runSystem) Settings() map[string]string { return map[string]string{"file": s.File} }

func (s *runSystem) Key(ctx context.Context, d *study.Data) (string, error) {
	path, err := s.files.find(s.File, d)
	if err != nil {
		return "", err
	}
	digest, err := digestFiles(ctx, []string{path})
	return "run/1 " + digest, err
}

func (s *runSystem) Run(_ context.Context, job *study.Job) (labrador.Run, study.Cost, error) {
	path, err := s.files.find(s.File, job.Data)
	if err != nil {
		return nil, study.Cost{}, err
	}
	all, err := labrador.ReadRun(path)
	if err != nil {
		return nil, study.Cost{}, err
	}
	run := labrador.Run{}
	for _, q := range job.Queries {
		if hits := all[q.ID]; len(hits) > 0 {
			hits = slices.Clone(hits)
			labrador.SortHits(hits)
			run[q.ID] = hits
		}
	}
	if len(run) == 0 {
		return nil, study.Cost{}, fmt.Errorf("%s: no query of %s in it", path, job.Data.Name)
	}
	return run, study.Cost{Note: fmt.Sprintf("given run, %d of %d queries", len(run), len(job.Queries))}, nil
}

// digestFiles is a hash over the contents of files, in order.
func digestFiles(ctx context.Context, paths []string) (string, error) {
	h := sha256.New()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		one := sha256.New()
		_, err = io.Copy(one, untilDone{ctx, f})
		f.Close()
		if err != nil {
			return "", err
		}
		h.Write(one.Sum(nil))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}
