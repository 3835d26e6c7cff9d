package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/progress"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/store"
)

func encodeCommand() *cobra.Command {
	var o dense.Options
	var side, system string
	c := &cobra.Command{
		Use:   "encode --model MODEL IN OUT",
		Short: "Turn texts into vectors with a language model",
		Long: `Encode texts with a model as its makers publish it: a folder with config.json and safetensors, a sentence-transformers folder,
a folder of static embeddings, or a .gguf file.

IN is a dataset's folder or zip (its documents, or its queries with --side query; it needs no others), a .jsonl file of objects with
"text" or "contents" (and "_id" or "id", "title"), a .tsv file of id<TAB>text, or any other file, whose lines are the texts. Texts are UTF-8. Writes OUT.npy, float32, one row
of unit length per text in order (of zeros where static embeddings have no token of a text), and OUT.ids, one id per line. Stop it at any moment: the same command goes on from there.

  labrador encode --model all-MiniLM-L6-v2 scifact vectors/scifact
  labrador encode --model all-MiniLM-L6-v2 --side query scifact vectors/scifact-queries
  labrador encode --model SmolLM2.gguf --recipe one-word --dtype int8 lines.txt out

What a model does not say has a default: language models pool their last token, encoders the mean of all tokens; special tokens are
those that the tokenizer adds. A sentence-transformers folder whose modality_config has "message" makes every text the message of a user in
the model's chat template, and the prompt its system message: labrador model show MODEL says what a text becomes.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Model == "" {
				return usagef("encode needs --model")
			}
			s := labrador.DocumentSide
			switch side {
			case "query":
				s = labrador.QuerySide
			case "document":
			default:
				return usagef("--side is query or document, not %q", side)
			}
			if cmd.Flags().Changed("prompt") && o.Prompt == "" {
				return usagef("--prompt is empty: leave it out for the model's own prompts, or give --recipe none for the texts alone")
			}
			if cmd.Flags().Changed("system") {
				o.SystemText = &system
			}
			if err := checkEncoding(o); err != nil {
				return usageError{err}
			}
			out := strings.TrimSuffix(args[1], ".npy")
			if slices.Contains([]string{"", ".", ".."}, out[strings.LastIndexAny(out, pathEnds)+1:]) {
				return usagef("OUT %q is a folder: name the files in it, as in %q", args[1], filepath.Join(args[1], "vectors"))
			}
			return encodeFile(cmd, o, s, args[0], out)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Model, "model", "", "model folder or .gguf file")
	f.StringVar(&side, "side", "document", "query or document: models and recipes treat them differently")
	f.StringVar(&o.Prompt, "prompt", "", "name of one of the model's prompts, or a text to put before every text (the system message where the model makes chat messages of texts)")
	f.StringVar(&o.Recipe, "recipe", "", "recipe instead of the model's own prompts (see labrador prompt)")
	f.StringVar(&o.Task, "task", "", "task line of an instruction recipe")
	f.StringVar(&system, "system", "", "system text of a chat recipe instead of the template's own")
	f.StringVar(&o.Pooling, "pooling", "", "last, mean, cls, weightedmean, meansqrt or max instead of the model's own")
	f.IntVar(&o.MaxTokens, "max-tokens", 0, "cut texts to so many tokens (default: what the model was made for)")
	f.StringVar(&o.DType, "dtype", "", "f32 (exact, default), bf16, int8, or auto: the fastest here whose vectors, less what all have in common, keep a mean cosine of .997 with f32's")
	f.IntVar(&o.Dimensions, "dimensions", 0, "keep the first so many dimensions")
	f.IntVar(&o.Threads, "threads", 0, "threads (default: one per processor)")
	return c
}

// pathEnds are the characters behind which a path's last name begins.
const pathEnds = "/" + string(filepath.Separator)

// checkEncoding checks what can be checked without the model.
func checkEncoding(o dense.Options) error {
	recipe := orElse(o.Recipe, "a model without a recipe")
	switch {
	case o.Recipe != "" && !slices.Contains(prompt.Names(), o.Recipe):
		return fmt.Errorf("no recipe %q: there are %s", o.Recipe, strings.Join(prompt.Names(), ", "))
	case o.Recipe != "" && o.Prompt != "":
		return fmt.Errorf("recipe %s and prompt %q: give one of them", o.Recipe, o.Prompt)
	case o.Task != "" && !prompt.TakesTask(o.Recipe):
		return fmt.Errorf("task: %s takes no task; %s do", recipe, strings.Join(slices.DeleteFunc(prompt.Names(), func(name string) bool { return !prompt.TakesTask(name) }), ", "))
	case o.SystemText != nil && !slices.Contains([]string{"one-word", "paper-one-word", "promptreps"}, o.Recipe):
		return fmt.Errorf("system text: %s has no system message; one-word, paper-one-word and promptreps have", recipe)
	}
	return model.Options{DType: o.DType, MaxTokens: o.MaxTokens, Dimensions: o.Dimensions, Pooling: o.Pooling, Threads: o.Threads}.Validate()
}

// encodeFile encodes the texts of in into out.npy and out.ids.
func encodeFile(cmd *cobra.Command, o dense.Options, side labrador.Side, in, out string) error {
	texts, err := survey(cmd.Context(), in, side)
	if err != nil {
		return err
	}
	if err := checkOut(in, out); err != nil {
		return err
	}
	e, err := dense.Open(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer e.Close()
	notePrompt(cmd.ErrOrStderr(), o.Prompt, e.Model().Prompts())
	unlock, err := lockParts(out+".parts", out)
	if err != nil {
		return err
	}
	defer unlock()
	kept, err := store.Open(out + ".parts")
	if err != nil {
		return err
	}
	set, err := e.Set(kept, side, texts)
	if err != nil {
		return err
	}
	start := time.Now()
	tokens, err := fillSet(cmd, e, set, side, texts)
	if errors.Is(err, dense.ErrChanged) || errors.Is(err, dense.ErrNoVector) { // with other texts, or another model, none of it is used
		removeParts(kept, unlock)
	}
	if err != nil {
		return err
	}
	if err := writeVectors(e, set, texts.IDs, out); err != nil {
		return err
	}
	removeParts(kept, unlock)
	seconds := time.Since(start).Seconds()
	fmt.Fprintf(cmd.ErrOrStderr(), "%d texts, %d dimensions, %d tokens encoded in %s in %.1f s (%.0f a second): %s.npy, %s.ids\n",
		set.Rows, e.Dimensions(), tokens, e.Model().DType(), seconds, float64(tokens)/seconds, out, out)
	return nil
}

// fillSet encodes what the set lacks of the items under a progress bar, and returns how many tokens that were.
func fillSet(cmd *cobra.Command, e *dense.Encoder, set *store.Set, side labrador.Side, texts *dense.Texts) (tokens int, err error) {
	bar := progress.New(cmd.ErrOrStderr(), "encoding", "texts", int64(set.Missing()))
	defer bar.Done()
	start := time.Now()
	err = e.Fill(cmd.Context(), set, side, texts, func(n, t int) {
		tokens += t
		bar.Note(fmt.Sprintf("%.0f tokens/s", float64(tokens)/time.Since(start).Seconds()))
		bar.Add(int64(n))
	})
	return tokens, err
}

// notePrompt says that a prompt that looks like a name is none of the model's, so that it is taken for a text.
func notePrompt(w io.Writer, prompt string, known map[string]string) {
	if _, ok := known[prompt]; ok || prompt == "" || strings.ContainsAny(prompt, ": \n") {
		return
	}
	has := "has none with a name"
	if len(known) > 0 {
		has = "has " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	}
	fmt.Fprintf(w, "--prompt %q is taken for a text: the model %s\n", prompt, has)
}
