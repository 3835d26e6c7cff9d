package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/internal/progress"
)

// dataFolders are the folders in which dataset names are looked up: those of --data, else those of LABRADOR_DATA; several in one
// value are separated as in PATH.
func dataFolders(flags []string) []string {
	if len(flags) == 0 {
		flags = []string{os.Getenv("LABRADOR_DATA")}
	}
	var folders []string
	for _, f := range flags {
		for _, dir := range filepath.SplitList(f) {
			if dir != "" {
				folders = append(folders, dir)
			}
		}
	}
	return folders
}

// addDataFlag gives a command --data.
func addDataFlag(cmd *cobra.Command, into *[]string) {
	cmd.PersistentFlags().StringArrayVar(into, "data", nil, "folder in which dataset names are looked up, itself and one level below; may be given several times (default $LABRADOR_DATA)")
}

// dataOptions are the flags of labrador data.
type dataOptions struct {
	folders  []string
	split    string
	asJSON   bool
	dropSelf bool
	level    int
}

func dataCommand() *cobra.Command {
	var o dataOptions
	cmd := &cobra.Command{
		Use:   "data",
		Short: "List, describe and check datasets",
		Long: `List, describe and check datasets.

A DATASET is a name or a path. Names are gostd and gostd-small (the sources of this machine's Go toolchain, nothing to fetch) and
what lies in the data folders (--data, LABRADOR_DATA) or one level below them. Paths lead to a folder, a zip or a file of documents:

  BEIR        corpus.jsonl  queries.jsonl  qrels/SPLIT.tsv
  MS MARCO    collection.tsv  queries.SPLIT.tsv  qrels.SPLIT.tsv
  TREC        corpus.jsonl  topics.SPLIT.txt  qrels.SPLIT.txt
  documents   corpus.jsonl, or any file in the form of one: to index and to search, not to measure

Every file may be compressed (.gz, .zst). A line of corpus.jsonl is {"_id": "1", "title": "may be empty", "text": "..."}, one of
queries.jsonl {"_id": "q1", "text": "..."}, one of qrels q1<TAB>1<TAB>1: query, document, grade. The split test is taken where there is one, else the only one; --split or DATASET@SPLIT names another.

  labrador data list --data ~/data
  labrador data show gostd-small
  labrador data show nfcorpus@dev --data ~/data
  labrador data check ./scifact.zip
  labrador data check --json ./cosqa | jq '.findings[] | select(.level == "error")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addDataFlag(cmd, &o.folders)
	cmd.PersistentFlags().BoolVar(&o.asJSON, "json", false, "print JSON")
	cmd.AddCommand(dataListCommand(&o), dataShowCommand(&o), dataCheckCommand(&o))
	return cmd
}

func dataListCommand(o *dataOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the built-in datasets and those in the data folders",
		Long: `List the built-in datasets and those in the data folders (--data, LABRADOR_DATA) and one level below them, with their
splits, groups and sizes in bytes on disk.

  LABRADOR_DATA=~/data labrador data list`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return dataList(cmd.OutOrStdout(), o) },
	}
}

func dataShowCommand(o *dataOptions) *cobra.Command {
	examples := 3
	cmd := &cobra.Command{
		Use:   "show DATASET",
		Short: "Describe a dataset: sizes, lengths, judgements, conventions, examples",
		Long: `Describe a dataset: documents, queries, lengths in characters and words, judgements and their grades, splits, the conventions
that go with it (a query's own document dropped, the grade from which a document counts), origin and licence, example queries.

  labrador data show gostd-small
  labrador data show scifact@train --data ~/data --examples 10`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return dataShow(cmd.Context(), cmd.OutOrStdout(), o.ref(args[0]), examples, o.asJSON)
		},
	}
	cmd.Flags().IntVar(&examples, "examples", 3, "number of example queries")
	cmd.Flags().StringVar(&o.split, "split", "", "split to describe (default test, else the only one)")
	return cmd
}

func dataCheckCommand(o *dataOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check DATASET",
		Short: "Find what would spoil a study: duplicates, missing documents, copies, leaks",
		Long: `Find what would spoil a study on a dataset. Exit status 1 when there are errors.

  error    unreadable lines; ids with blanks; ids that come twice; no judgements; pairs judged twice; relevant documents that the corpus
           lacks; judged queries without text; identical documents, one right and one wrong, that push the best reachable nDCG@10 below 0.99
  warning  other missing documents; empty texts; bytes that are not UTF-8; ids with rare blanks; fewer identical documents; queries that are
           copies of documents; queries without a relevant document; queries that another split has too
  note     harmless identical documents; queries without judgements

Identical documents matter because no system can tell them apart: where one is judged relevant and its twin is not, part of the
score is luck. The report says how much can be reached at most.

  labrador data check ./text2sql
  labrador data check arguana --drop-self --data ~/data`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := o.ref(args[0])
			if cmd.Flags().Changed("drop-self") {
				ref.DropSelf = &o.dropSelf
			}
			ref.RelevanceLevel = o.level
			return dataCheck(cmd, ref, o.asJSON)
		},
	}
	cmd.Flags().StringVar(&o.split, "split", "", "split to check (default test, else the only one)")
	cmd.Flags().BoolVar(&o.dropSelf, "drop-self", false, "a query's own document is dropped from its hits (default: as the dataset's convention says)")
	cmd.Flags().IntVar(&o.level, "relevance-level", 0, "lowest grade that counts as relevant (default: as the dataset's convention says)")
	return cmd
}

func (o *dataOptions) ref(arg string) dataset.Ref {
	ref := dataset.ParseRef(arg)
	ref.Folders = dataFolders(o.folders)
	if o.split != "" {
		ref.Split = o.split
	}
	return ref
}

// knownQueries are the queries of the dataset's split, or, where it has no judgements, all that it has: none of documents alone.
func knownQueries(d *dataset.Dataset) ([]labrador.Query, error) {
	if d.Split != "" {
		return d.Queries()
	}
	var all []labrador.Query
	for q, err := range d.AllQueries() {
		if errors.Is(err, dataset.ErrNoQueries) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// listed is a line of data list.
type listed struct {
	Name   string   `json:"name"`
	Group  string   `json:"group,omitempty"`
	Splits []string `json:"splits,omitempty"`
	Bytes  int64    `json:"bytes,omitempty"`
	Path   string   `json:"path,omitempty"`
	Error  string   `json:"error,omitempty"`
}

func dataList(w io.Writer, o *dataOptions) error {
	folders := dataFolders(o.folders)
	refs, err := dataset.List(folders)
	if err != nil {
		return err
	}
	refs = append([]dataset.Ref{{Name: dataset.Gostd}, {Name: dataset.GostdSmall}}, refs...)
	var all []listed
	for _, ref := range refs {
		item := listed{Name: ref.Name, Path: ref.Path}
		info, err := dataset.Inspect(ref)
		if err != nil {
			item.Error = err.Error()
		} else {
			item.Group, item.Splits, item.Bytes, item.Path = info.Group, info.Splits, info.Bytes, info.Dir
		}
		all = append(all, item)
	}
	if o.asJSON {
		return printJSON(w, all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tGROUP\tSPLITS\tSIZE\tPATH")
	for _, l := range all {
		if l.Error != "" {
			fmt.Fprintf(t, "%s\t-\t-\t-\t%s\n", l.Name, l.Error)
			continue
		}
		size := bytesText(l.Bytes)
		if l.Name == dataset.Gostd || l.Name == dataset.GostdSmall {
			size = "built in"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.Name, l.Group, strings.Join(l.Splits, " "), size, l.Path)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(folders) == 0 {
		fmt.Fprintln(w, "\nNo data folder is set: --data DIR or LABRADOR_DATA adds yours.")
	}
	return nil
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func dataShow(ctx context.Context, w io.Writer, ref dataset.Ref, examples int, asJSON bool) error {
	if examples < 0 {
		return usagef("--examples %d: want 0 or more", examples)
	}
	d, err := dataset.Open(ref)
	if err != nil {
		return err
	}
	s, err := dataset.Describe(ctx, d, examples)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(w, struct {
			Name           string   `json:"name"`
			Path           string   `json:"path"`
			Split          string   `json:"split"`
			Splits         []string `json:"splits"`
			Group          string   `json:"group"`
			Domain         string   `json:"domain,omitempty"`
			DropSelf       bool     `json:"drop_self"`
			RelevanceLevel int      `json:"relevance_level"`
			Notes          []string `json:"notes,omitempty"`
			About          string   `json:"about,omitempty"`
			*dataset.Stats
		}{d.Name, d.Dir, d.Split, d.Splits, d.Group, d.Domain, d.DropSelf, d.RelevanceLevel, d.Notes, d.About(), s})
	}
	return showText(w, d, s)
}

func showText(w io.Writer, d *dataset.Dataset, s *dataset.Stats) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	group := d.Group
	if d.Domain != "" {
		group += ", " + d.Domain
	}
	fmt.Fprintf(t, "%s\t%s\n", d.Name, d.Dir)
	fmt.Fprintf(t, "group\t%s\n", group)
	if d.Split == "" {
		fmt.Fprintf(t, "split\tnone, there are no judgements: to index and to search, not to measure\n")
	} else {
		fmt.Fprintf(t, "split\t%s (of %s)\n", d.Split, strings.Join(d.Splits, ", "))
	}
	fmt.Fprintf(t, "documents\t%d\t%s\n", s.Documents.Count, textLengths(s.Documents))
	if d.Split != "" {
		showJudged(t, s)
	}
	fmt.Fprintf(t, "conventions\tdrop_self %t, relevance_level %d\n", d.DropSelf, d.RelevanceLevel)
	for _, note := range d.Notes {
		fmt.Fprintf(t, "\t%s\n", note)
	}
	if about := d.About(); about != "" {
		fmt.Fprintf(t, "origin\t%s\n", clipText(about, 200))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range s.Examples {
		fmt.Fprintf(w, "\n%s  %s\n  %d  %s  %s\n", e.Query.ID, clipText(e.Query.Text, 200), e.Grade, e.Document.ID, clipText(e.Document.Contents(), 300))
	}
	return nil
}

// showJudged describes the queries of the split and their judgements.
func showJudged(w io.Writer, s *dataset.Stats) {
	fmt.Fprintf(w, "queries\t%d\t%s\n", s.Queries.Count, textLengths(s.Queries))
	var grades []string
	for _, g := range slices.Sorted(maps.Keys(s.Grades)) {
		grades = append(grades, fmt.Sprintf("%d × grade %d", s.Grades[g], g))
	}
	fmt.Fprintf(w, "judgements\t%d\t%s\n", s.Judgements, strings.Join(grades, ", "))
	fmt.Fprintf(w, "a query\t%.1f\tjudgements (median %d, most %d), %.2f relevant\n", s.PerQuery.Mean, s.PerQuery.Median, s.PerQuery.Max, s.Relevant)
}

func textLengths(t dataset.Texts) string {
	return fmt.Sprintf("characters: mean %.0f, median %d, 95 %% up to %d, most %d; words: mean %.1f, median %d, 95 %% up to %d, most %d",
		t.Characters.Mean, t.Characters.Median, t.Characters.P95, t.Characters.Max, t.Words.Mean, t.Words.Median, t.Words.P95, t.Words.Max)
}

// clipText is s on one line, at most n characters of it.
func clipText(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}

func dataCheck(cmd *cobra.Command, ref dataset.Ref, asJSON bool) error {
	d, err := dataset.Open(ref)
	if err != nil {
		return err
	}
	bar := progress.New(cmd.ErrOrStderr(), "checking "+d.Name, "documents", 0)
	r, err := dataset.Check(cmd.Context(), d, bar.Add)
	bar.Done()
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if asJSON {
		err = printJSON(w, r)
	} else {
		err = checkText(w, r)
	}
	if err != nil {
		return err
	}
	if n := r.Errors(); n > 0 {
		return fmt.Errorf("%s: %w", d.Name, errors.New(plural(n, "kind of error", "kinds of errors")+" in the dataset"))
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func splitName(split string) string {
	if split == "" {
		return "no split"
	}
	return "split " + split
}

func checkText(w io.Writer, r *dataset.CheckReport) error {
	fmt.Fprintf(w, "%s, %s: %d documents, %d queries, %d judgements\n", r.Dataset, splitName(r.Split), r.Documents, r.Queries, r.Judgements)
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%-7s  %s (%d): %s\n", f.Level, f.Kind, f.Count, f.Message)
		for _, id := range f.Examples {
			fmt.Fprintf(w, "           %s\n", clipText(id, 160))
		}
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", plural(r.Errors(), "kind of error", "kinds of errors"), plural(r.Warnings(), "kind of warning", "kinds of warnings"))
	return err
}
