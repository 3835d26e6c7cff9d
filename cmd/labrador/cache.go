package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/store"
)

func cacheCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "List, prune and verify the vectors that were encoded",
		Long: `Encoding is what a study with language models costs, so its vectors are kept, below LABRADOR_CACHE or the user's cache
folder: one set per model, recipe, lengths, dtype and items, in shards of 1,024 rows that numpy reads. Set LABRADOR_CACHE_SIZE
(20GB) to have the least recently used sets removed whenever the cache is opened.

  labrador cache list
  labrador cache prune --keep 20GB       remove the least recently used sets until 20 GB are left
  labrador cache prune 3f2a...           remove one set
  labrador cache verify                  compare every shard with its checksum`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(cacheList(), cachePrune(), cacheVerify())
	return c
}

func cacheList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "The sets, most recently used first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openVectorStore()
			if err != nil {
				return err
			}
			infos, err := s.List()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), append([]store.Info{}, infos...))
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SET\tROWS\tCOLS\tSHARDS\tSIZE\tUSED\tSIDE\tMODEL\tRECIPE")
			var total int64
			for _, i := range infos {
				total += i.Bytes
				fmt.Fprintf(w, "%s\t%d\t%d\t%d/%d\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Rows, i.Cols, i.Done, i.Shards, sizeText(i.Bytes), i.Used.Format("2006-01-02 15:04"),
					plain(i.Key["side"]), cmp.Or(plain(i.Key["model"]), plain(i.Problem)), plain(i.Key["recipe"]))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d sets, %s in %s\n", len(infos), sizeText(total), s.Dir())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "JSON")
	return c
}

// plain is text from a file as part of a line: quoted where it holds anything that does not print.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(s)
	}
	return s
}

func sizeText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}

// parseSize reads "20GB", "500 MB", "1e9".
func parseSize(text string) (int64, error) {
	s := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	unit := 1.0
	for _, u := range []struct {
		name string
		size float64
	}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, unit = rest, u.size
			break
		}
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x >= 0) || x*unit > 1e18 {
		return 0, usagef("%q is no size: write 20GB or 500MB", text)
	}
	return int64(x * unit), nil
}

func cachePrune() *cobra.Command {
	var keep string
	c := &cobra.Command{
		Use:   "prune [SET]...",
		Short: "Remove sets: those that are named, or the least recently used beyond a size",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (keep == "") == (len(args) == 0) {
				return usagef("name sets of 'labrador cache list', or say how much to keep: --keep 20GB")
			}
			s, err := openVectorStore()
			if err != nil {
				return err
			}
			for _, id := range args {
				if err := s.Remove(id); err != nil {
					return err
				}
			}
			if keep == "" {
				return nil
			}
			budget, err := parseSize(keep)
			if err != nil {
				return err
			}
			gone, stuck, err := s.Prune(budget)
			for _, i := range gone {
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\n", i.ID, sizeText(i.Bytes), plain(i.Key["model"]))
			}
			if err == nil && len(stuck) > 0 {
				err = fmt.Errorf("%w (%d sets could not be removed)", stuck[0], len(stuck))
			}
			return err
		},
	}
	c.Flags().StringVar(&keep, "keep", "", "bytes that may stay, such as 20GB")
	return c
}

func cacheVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Compare every shard with its checksum; exit status 1 when one is damaged",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := openVectorStore()
			if err != nil {
				return err
			}
			wrong, err := s.Verify()
			if err != nil {
				return err
			}
			for _, w := range wrong {
				fmt.Fprintln(cmd.OutOrStdout(), plain(w.Error()))
			}
			if len(wrong) > 0 {
				return fmt.Errorf("cache: %d damaged: remove their sets with 'labrador cache prune SET', they are encoded again when they are needed", len(wrong))
			}
			return nil
		},
	}
}
