package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/token"
)

type promptFlags struct {
	model, recipe, dataset, task string
	system                       string
	n, maxTokens                 int
	asJSON                       bool
	folders                      []string
}

func promptCommand() *cobra.Command {
	var f promptFlags
	c := &cobra.Command{
		Use:   "prompt --model MODEL --recipe RECIPE --dataset DATASET",
		Short: "Show the exact strings and token ids that a model is given",
		Long: `Show what a model is given under a recipe for the first queries and documents of a dataset: the exact string, its token
ids, and where the text was cut.

  labrador prompt --model SmolLM2.gguf --recipe one-word --dataset scifact -n 2
  labrador prompt --model Qwen2.5-7B --recipe promptreps --dataset gostd-small --system "" --json

Recipes:
` + recipeHelp(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.model == "" || f.dataset == "" {
				return usagef("prompt needs --model and --dataset")
			}
			if f.n < 1 || f.maxTokens < 0 {
				return usagef("-n is %d and --max-tokens %d: want at least 1 and 0", f.n, f.maxTokens)
			}
			if err := checkEncoding(dense.Options{Recipe: f.recipe}); err != nil {
				return usageError{err}
			}
			return f.run(cmd)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.model, "model", "", "model folder or .gguf file; its weights are not read")
	fs.StringVar(&f.recipe, "recipe", "none", "recipe")
	fs.StringVar(&f.dataset, "dataset", "", "dataset, name or path")
	fs.StringVar(&f.task, "task", "", "task line instead of the dataset's published one")
	fs.StringVar(&f.system, "system", "", "system text instead of the template's own (may be empty)")
	fs.IntVarP(&f.n, "number", "n", 1, "queries and documents to show")
	fs.IntVar(&f.maxTokens, "max-tokens", 0, "cut the bare text to so many tokens")
	fs.BoolVar(&f.asJSON, "json", false, "one JSON object per prompt")
	addDataFlag(c, &f.folders)
	return c
}

func recipeHelp() string {
	var b strings.Builder
	for _, name := range prompt.Names() {
		fmt.Fprintf(&b, "  %-17s %s\n", name, prompt.Help(name))
	}
	return b.String()
}

// shown is one prompt as it is printed.
type shown struct {
	ID     string  `json:"id"`
	Side   string  `json:"side"`
	Prompt string  `json:"prompt"`
	IDs    []int32 `json:"ids"`
	From   int     `json:"pool_from"`
	To     int     `json:"pool_to"`
	Cut    int     `json:"cut_bytes"`
}

func (f *promptFlags) run(cmd *cobra.Command) error {
	tok, err := model.Tokenizer(f.model)
	if err != nil {
		return err
	}
	template, err := dense.Template(f.model)
	if err != nil && !errors.Is(err, prompt.ErrNoTemplate) {
		return err
	}
	ref := dataset.ParseRef(f.dataset)
	ref.Folders = dataFolders(f.folders)
	d, err := dataset.Open(ref)
	if err != nil {
		return err
	}
	o := prompt.Options{Template: template, Dataset: d.Name, Task: f.task}
	if cmd.Flags().Changed("system") {
		o.SystemText = &f.system
	}
	recipe, err := prompt.New(f.recipe, o)
	if err != nil {
		return err
	}
	show := func(side labrador.Side, id string, item labrador.Item) error {
		p := recipe.Make(tok, side, item, f.maxTokens)
		in := p.Encode(tok)
		return f.print(cmd.OutOrStdout(), shown{id, side.String(), p.String(), in.IDs, in.From, in.To, p.Cut}, tok)
	}
	queries, err := knownQueries(d)
	if err != nil {
		return err
	}
	for _, q := range queries[:min(f.n, len(queries))] {
		if err := show(labrador.QuerySide, q.ID, labrador.Item{Text: q.Text}); err != nil {
			return err
		}
	}
	n := 0
	for doc, err := range d.Documents() {
		if err != nil {
			return err
		}
		if n++; n > f.n {
			break
		}
		if err := show(labrador.DocumentSide, doc.ID, labrador.Item{Title: doc.Title, Text: doc.Text}); err != nil {
			return err
		}
	}
	return nil
}

func (f *promptFlags) print(w io.Writer, s shown, tok *token.Tokenizer) error {
	if f.asJSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false) // templates are full of <|tags|>
		return enc.Encode(s)
	}
	fmt.Fprintf(w, "%s %s: %d tokens", s.Side, s.ID, len(s.IDs))
	if s.Cut > 0 {
		fmt.Fprintf(w, ", %d bytes of the text were cut", s.Cut)
	}
	if s.From > 0 || s.To < len(s.IDs) {
		fmt.Fprintf(w, ", pooled over tokens %d to %d", s.From, s.To)
	}
	fmt.Fprintf(w, "\n%s\n%v\n\n", s.Prompt, s.IDs)
	return nil
}
