package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/model"
)

func modelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "model",
		Short: "Describe language models and what Labrador does with them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(modelShowCommand(), modelLossCommand())
	return cmd
}

func modelShowCommand() *cobra.Command {
	var asJSON bool
	var o model.Options
	cmd := &cobra.Command{
		Use:   "show DIR|FILE",
		Short: "Say what a model is, what memory it takes here and how texts become vectors",
		Long: `Say what a model is, what memory it takes on this machine and how texts become vectors with it.

DIR is a folder as Hugging Face publishes it (config.json, or modules.json of sentence-transformers), of a PEFT adapter
(adapter_config.json; its base model is the folder that this names, or the folder of the name's last part beside the adapter) or of
static embeddings; FILE is a .gguf file. The whole header, every tensor's shape and the tokenizer are checked, so a model that is
shown can be run; one that cannot is refused with what it needs.

  labrador model show all-MiniLM-L6-v2
  labrador model show --json SmolLM2-135M-Instruct.Q4_1.gguf
  labrador model show --pooling mean --max-tokens 512 Qwen2.5-0.5B

The JSON has the same facts under fixed names; sizes are bytes, and memory_bytes is by dtype.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return usageError{err}
			}
			info, err := model.Inspect(args[0], o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), info)
			}
			return writeModel(cmd.OutOrStdout(), info)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "write JSON")
	f.StringVar(&o.Pooling, "pooling", "", "last, mean, cls, weightedmean, meansqrt or max instead of the model's own")
	f.IntVar(&o.MaxTokens, "max-tokens", 0, "cut texts to so many tokens instead of the model's own number")
	f.IntVar(&o.Dimensions, "dimensions", 0, "keep the first so many dimensions (Matryoshka models)")
	return cmd
}

// writeModel writes the facts as two columns, then what Labrador will do.
func writeModel(out io.Writer, i *model.Info) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("model", "%s (%s)", i.Path, i.Layout)
	if i.Layers == 0 {
		line("architecture", "%s: a table of token vectors, width %d", i.Architecture, i.Width)
	} else {
		line("architecture", "%s, %d layers, width %d, %s attention", i.Architecture, i.Layers, i.Width, i.Attention)
	}
	var types []string
	for _, t := range i.TypeNames() {
		types = append(types, fmt.Sprintf("%s %s", t, count(i.Types[t])))
	}
	line("parameters", "%s (%s), %s on disk", count(i.Parameters), strings.Join(types, ", "), size(i.FileBytes))
	line("tokenizer", "%d tokens, table of %d", i.Tokenizer, i.Vocabulary)
	line("context", "%s, texts cut to %s", tokensOr(i.Context, "any length"), tokensOr(i.MaxTokens, "no length"))
	line("vectors", "%d dimensions, %s pooling", i.Dimensions, i.Pooling)
	for _, name := range slices.Sorted(maps.Keys(i.Prompts)) {
		line("prompt "+name, "%q", i.Prompts[name])
	}
	line("used for queries", "%q", i.QueryPrompt)
	line("used for documents", "%q", i.DocPrompt)
	line("memory here", "f32 %s, bf16 %s, int8 %s, beside the mapped file", size(i.Memory["f32"]), size(i.Memory["bf16"]), size(i.Memory["int8"]))
	line("processor", "%s, %d threads; dtype auto is %s", i.Tier, i.Threads, i.Auto)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n", strings.Join(i.Notes, "\n"))
	return err
}

func tokensOr(n int, none string) string {
	if n == 0 {
		return none
	}
	return fmt.Sprintf("%d tokens", n)
}

// count is a number of parameters with three digits.
func count(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f billion", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	}
	return fmt.Sprint(n)
}

// size is a number of bytes in a unit that fits.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (n+1023)/1024)
}
