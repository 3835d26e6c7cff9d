package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/analysis"
	"github.com/labrador-lab/labrador/studies"
	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/study/explain"
	"github.com/labrador-lab/labrador/study/report"
)

// compareFlags are the flags of labrador compare.
type compareFlags struct {
	out     string
	data    []string
	models  []string
	threads int
	json    bool
	plan    planFlags
}

func compareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare [STUDY.yaml]",
		Short: "Run a study: datasets x systems x measures, with tests, claims and a report",
		Long: `Run a study and say which differences are real.

Without a study it compares a few lexical systems on gostd-small: Go's own standard library as a code-search set, nothing to
fetch. A study is a YAML file:

  name: mine
  datasets: [scifact, {path: ./my-code, group: code}]       # BEIR folders: by name in --data, or by path
  systems:
    - bm25
    - {name: bm25-code, kind: bm25, analyzer: code}
    - {name: sweep, kind: bm25, k1: [0.9, 1.2], b: [0.4, 0.75]}   # a list makes one system per value
    - {name: theirs, kind: run, file: runs/{dataset}.trec}
  measures: [nDCG@10, R@100]
  baseline: bm25
  claims:
    - {say: "splitting identifiers helps on code", higher: bm25-code, than: bm25, on: code}
    - {say: "and does no harm on text", equal: bm25-code, to: bm25, on: text, within: 0.01}

Models whose names say what they were specialised in (Qwen2.5-Coder-7B) are compared with their bases by themselves; for others the
file says it, of systems or groups of them: steps: [{name: code, from: base, to: coder}].

A table and the claims' verdicts go to standard output; report.html, report.md, results.json, times.json, runs/ and values/ to --out.
What was built or searched is kept in a cache (LABRADOR_CACHE, or the user's cache folder): interrupt or kill it at any moment, and the
same command goes on. The exit status says whether the study ran, not how the claims fared.

  labrador compare
  labrador compare mine.yaml --data ~/beir --out report
  labrador compare mine.yaml --plan --budget 8h              what it will cost, and what to leave out to fit
  labrador compare studies/quick.yaml --models ~/models --data ~/data
  labrador compare mine.yaml --json | jq '.claims[] | {say, verdict}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "folder for the results (default labrador-report/NAME)")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "threads that index and search (default: all processors)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print results.json instead of the table")
	addDataFlag(cmd, &f.data)
	addModelsFlag(cmd, &f.models)
	f.plan.add(cmd)
	return cmd
}

func (f *compareFlags) run(cmd *cobra.Command, args []string) error {
	if f.threads < 0 {
		return usagef("--threads %d: want 1 or more", f.threads)
	}
	if f.threads == 0 {
		f.threads = runtime.GOMAXPROCS(0)
	}
	runtime.GOMAXPROCS(f.threads)
	folders := dataFolders(f.data)
	s, base, err := loadStudy(args, folders, f.models)
	if err != nil {
		return err
	}
	cache, err := cacheFolder()
	if err != nil {
		return err
	}
	opts := study.Options{Folders: folders, Base: base, Cache: filepath.Join(cache, "study"), Out: f.out, Threads: f.threads,
		Progress: cmd.ErrOrStderr(), Version: version()}
	if opts.Out == "" {
		opts.Out = filepath.Join("labrador-report", fileSafe(s.Name))
	}
	if err := f.plan.validate(); err != nil {
		return err
	}
	if f.plan.on {
		plan, err := study.NewPlan(cmd.Context(), s, opts)
		if err != nil {
			return err
		}
		return f.plan.printPlan(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), plan, f.json)
	}
	o, err := runStudy(cmd.Context(), s, opts)
	if err != nil {
		return err
	}
	if err := writeReport(cmd.Context(), o); err != nil {
		return err
	}
	return f.print(cmd.OutOrStdout(), o)
}

func runStudy(ctx context.Context, s *study.Study, opts study.Options) (*study.Outcome, error) {
	plan, err := study.NewPlan(ctx, s, opts)
	if err != nil {
		return nil, err
	}
	return plan.Run(ctx)
}

// print writes what the user asked for to standard output.
func (f *compareFlags) print(w io.Writer, o *study.Outcome) error {
	if f.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		return enc.Encode(o.Results)
	}
	if err := o.Results.WriteTable(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", filepath.Join(o.Dir(), "report.html"))
	return err
}

// writeReport writes the pages, with what can be said about why systems differ.
func writeReport(ctx context.Context, o *study.Outcome) error {
	explained, err := explain.Sections(ctx, o, explainOptions(o.Plan))
	if err != nil {
		return err
	}
	opts := report.Options{Highlight: matches}
	for _, e := range explained {
		s := report.Section{ID: e.ID, Title: e.Title, Sentence: e.Sentence, Note: e.Note}
		for _, f := range e.Figures {
			s.Figures = append(s.Figures, report.Figure(f))
		}
		for _, t := range e.Tables {
			s.Tables = append(s.Tables, report.Table(*t))
		}
		opts.Sections = append(opts.Sections, s)
	}
	return report.Write(ctx, o, opts)
}

// matches finds the words of text that a lexical search would match with the query: by the code analyzer on code, in English elsewhere.
func matches(group, query, text string) [][2]int {
	name := "english"
	if group == "code" {
		name = "code"
	}
	analyzer, err := analysis.New(name)
	if err != nil {
		return nil
	}
	var terms analysis.Tokens
	analyzer.Analyze(query, &terms)
	wanted := map[string]bool{}
	for i := range terms.Len() {
		wanted[string(terms.Term(i))] = true
	}
	terms.Reset()
	analyzer.Analyze(text, &terms)
	var spans [][2]int
	for i := range terms.Len() {
		if start, end := terms.Span(i); wanted[string(terms.Term(i))] {
			spans = append(spans, [2]int{start, end})
		}
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(b[1], a[1])) })
	return spans
}

// loadStudy reads the study file, or the built-in study where none is named, and says from which folder its paths start.
func loadStudy(args, folders, models []string) (*study.Study, string, error) {
	if len(args) == 0 {
		s, err := study.Parse(strings.NewReader(studies.Default), "built-in study", systemKinds{folders: folders, models: models})
		return s, "", err
	}
	file, err := os.Open(args[0])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("no study file %s; without one, labrador compare runs a built-in study", args[0])
	}
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	base := filepath.Dir(args[0])
	s, err := study.Parse(file, args[0], systemKinds{base: base, folders: folders, models: models})
	return s, base, err
}

// cacheFolder is LABRADOR_CACHE, else labrador in the user's cache folder.
func cacheFolder() (string, error) {
	if dir := os.Getenv("LABRADOR_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: set LABRADOR_CACHE to one: %w", err)
	}
	return filepath.Join(dir, "labrador"), nil
}

// fileSafe makes a study's name a folder's name.
func fileSafe(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
}

// version is the version or commit that this program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return v
}
