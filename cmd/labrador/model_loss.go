package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/progress"
)

// lossFlags are the flags of labrador model loss.
type lossFlags struct {
	dense.Options
	n      int
	asJSON bool
}

func modelLossCommand() *cobra.Command {
	var o lossFlags
	cmd := &cobra.Command{
		Use:   "loss MODEL IN",
		Short: "Measure what bf16 and int8 lose of a model's vectors, on your texts, and how much faster they are here",
		Long: `Encode a sample of texts with a model in f32, bf16 and int8 and compare the vectors with those of f32.

IN is what labrador encode takes: a dataset's folder or zip, a .jsonl, a .tsv, or lines. The sample is spread evenly over it. For each
arithmetic:

  cosine       of a text's vector with its vector in f32: the mean, and the worst
  centred      the mean cosine when what all texts' vectors have in common is taken off, as a ranking sees them; --dtype auto wants .997
  neighbours   of the ten texts of the sample that are nearest to a text in f32, how many stay among the nearest ten
  tokens/s     on this machine

  labrador model loss all-MiniLM-L6-v2 scifact
  labrador model loss --recipe one-word -n 50 SmolLM2.gguf scifact --json

What it costs in retrieval, with its interval, is a study's answer: a system with dtype: [f32, bf16, int8].`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.n < 4 {
				return usagef("-n is 4 at least, not %d", o.n)
			}
			if err := checkEncoding(o.Options); err != nil {
				return usageError{err}
			}
			o.Model = args[0]
			return modelLoss(cmd, o, args[1])
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.n, "number", "n", 200, "texts")
	f.BoolVar(&o.asJSON, "json", false, "write JSON")
	f.StringVar(&o.Recipe, "recipe", "", "recipe instead of the model's own prompts (see labrador prompt)")
	f.IntVar(&o.MaxTokens, "max-tokens", 0, "cut texts to so many tokens (default: what the model was made for)")
	f.IntVar(&o.Threads, "threads", 0, "threads (default: one per processor)")
	return cmd
}

func modelLoss(cmd *cobra.Command, o lossFlags, in string) error {
	if _, err := os.Stat(o.Model); err != nil {
		return fmt.Errorf("model loss: %w; give a model's folder or .gguf file", err)
	}
	if _, err := os.Stat(in); err != nil {
		return fmt.Errorf("model loss: %w; give a dataset's folder or a file of texts", err)
	}
	sample, err := sampleItems(in, o.n)
	if err != nil {
		return err
	}
	if len(sample) < 4 {
		return fmt.Errorf("model loss: %s holds %d texts: a comparison takes 4 at least", in, len(sample))
	}
	dtypes := []string{"bf16", "int8"}
	bar := progress.New(cmd.ErrOrStderr(), "encoding", "texts", int64(len(sample)*(1+len(dtypes))))
	losses, err := dense.MeasureLoss(cmd.Context(), o.Options, sample, dtypes, func(n int) { bar.Add(int64(n)) })
	bar.Done()
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(cmd.OutOrStdout(), losses)
	}
	return writeLosses(cmd.OutOrStdout(), losses)
}

// sampleItems are n texts spread evenly over a file, or all of a smaller one.
func sampleItems(in string, n int) ([]labrador.Item, error) {
	items, err := itemsOf(in, labrador.DocumentSide)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, err := range items() {
		if err != nil {
			return nil, err
		}
		total++
	}
	n = min(n, total)
	var sample []labrador.Item
	i := 0
	for item, err := range items() {
		if err != nil {
			return nil, err
		}
		if len(sample) < n && i >= len(sample)*total/n {
			sample = append(sample, item.Item)
		}
		i++
	}
	return sample, nil
}

func writeLosses(out io.Writer, losses []dense.Loss) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "dtype\tcosine\tworst\tcentred\tneighbours\ttokens/s\tspeed\t\n")
	for _, l := range losses {
		fmt.Fprintf(w, "%s\t%.5f\t%.5f\t%.5f\t%.1f %%\t%.0f\t%.2fx\t\n", l.DType, l.Cosine, l.LeastCosine, l.Centred, 100*l.Neighbours, l.TokensPerSecond,
			l.TokensPerSecond/losses[0].TokensPerSecond)
	}
	return w.Flush()
}
