package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/internal/progress"
	"github.com/labrador-lab/labrador/model"
	"github.com/labrador-lab/labrador/prompt"
	"github.com/labrador-lab/labrador/store"
	"github.com/labrador-lab/labrador/vectors"
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
"text" (and "_id" or "id", "title"), a .tsv file of id<TAB>text, or any other file, whose lines are the texts. Writes OUT.npy, float32, one row of unit length
per text in order, and OUT.ids, one id per line. Stop it at any moment: the same command goes on from there.

  labrador encode --model all-MiniLM-L6-v2 scifact vectors/scifact
  labrador encode --model all-MiniLM-L6-v2 --side query scifact vectors/scifact-queries
  labrador encode --model SmolLM2.gguf --recipe one-word --dtype int8 lines.txt out

What a model does not say has a default: language models pool their last token, encoders the mean of all tokens; special tokens are
those that the tokenizer adds.`,
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
	f.StringVar(&o.Prompt, "prompt", "", "name of one of the model's prompts, or a text to put before every text")
	f.StringVar(&o.Recipe, "recipe", "", "recipe instead of the model's own prompts (see labrador prompt)")
	f.StringVar(&o.Task, "task", "", "task line of an instruction recipe")
	f.StringVar(&system, "system", "", "system text of a chat recipe instead of the template's own")
	f.StringVar(&o.Pooling, "pooling", "", "last, mean, cls, weightedmean, meansqrt or max instead of the model's own")
	f.IntVar(&o.MaxTokens, "max-tokens", 0, "cut texts to so many tokens (default: what the model was made for)")
	f.StringVar(&o.DType, "dtype", "", "f32 (exact, default), bf16, int8, or auto: the fastest here whose vectors keep a mean cosine of .997 with f32's")
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

// survey reads the texts of a file once: where they are, their ids and digest.
func survey(ctx context.Context, in string, side labrador.Side) (items dense.Items, ids []string, digest string, err error) {
	if items, err = itemsOf(in, side); err != nil {
		return nil, nil, "", err
	}
	if ids, digest, err = dense.Survey(ctx, items); err != nil {
		return nil, nil, "", err
	}
	if len(ids) == 0 {
		return nil, nil, "", fmt.Errorf("encode: %s holds no text", in)
	}
	if err := checkIDLines(ids); err != nil {
		return nil, nil, "", fmt.Errorf("encode: %s: %w", in, err)
	}
	return items, ids, digest, nil
}

func encodeFile(cmd *cobra.Command, o dense.Options, side labrador.Side, in, out string) error {
	items, ids, digest, err := survey(cmd.Context(), in, side)
	if err != nil {
		return err
	}
	if err := checkOut(out); err != nil {
		return err
	}
	e, err := dense.Open(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer e.Close()
	notePrompt(cmd.ErrOrStderr(), o.Prompt, e.Model().Prompts())
	parts := out + ".parts"
	unlock, err := lockParts(parts, out)
	if err != nil {
		return err
	}
	defer unlock()
	kept, err := store.Open(parts)
	if err != nil {
		return err
	}
	set, err := e.Set(kept, side, digest, len(ids))
	if err != nil {
		return err
	}
	bar := progress.New(cmd.ErrOrStderr(), "encoding", "texts", int64(set.Missing()))
	start, tokens := time.Now(), 0
	err = e.Fill(cmd.Context(), set, side, items, func(n, t int) {
		tokens += t
		bar.Note(fmt.Sprintf("%.0f tokens/s", float64(tokens)/time.Since(start).Seconds()))
		bar.Add(int64(n))
	})
	bar.Done()
	if err != nil {
		return err
	}
	if err := vectors.StreamNPY(out+".npy", set.Rows, e.Dimensions(), truncated(e, set.Parts())); err != nil {
		return err
	}
	if err := atomicfile.Write(out+".ids", func(w io.Writer) error { return writeLines(w, ids) }); err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d texts, %d dimensions, %d tokens encoded in %s in %.1f s (%.0f a second): %s.npy, %s.ids\n",
		set.Rows, e.Dimensions(), tokens, e.Model().DType(), time.Since(start).Seconds(), float64(tokens)/time.Since(start).Seconds(), out, out)
	removeParts(kept, unlock)
	return nil
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
	fmt.Fprintf(w, "--prompt %q is put before every text: the model %s\n", prompt, has)
}

// checkOut says, before anything is encoded, that a folder is in the way of what is written at the end.
func checkOut(out string) error {
	for _, path := range []string{out + ".npy", out + ".ids"} {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return fmt.Errorf("encode: %s, which is to be written, is a folder: give another OUT", path)
		}
	}
	return nil
}

// removeParts removes what encoding left in the folder of unfinished vectors, once they are written, and the folder unless somebody keeps
// other files there.
func removeParts(kept *store.Store, unlock func() error) {
	sets, _ := kept.List()
	for _, s := range sets {
		kept.Remove(s.ID)
	}
	lock := filepath.Join(kept.Dir(), lockName)
	if os.Remove(lock) != nil { // some systems remove no file that is open
		unlock()
		os.Remove(lock)
	}
	os.Remove(kept.Dir())
}

// checkIDLines refuses ids that the lines of OUT.ids cannot tell apart.
func checkIDLines(ids []string) error {
	seen := make(map[string]bool, len(ids))
	for i, id := range ids {
		if strings.ContainsAny(id, "\r\n") {
			return fmt.Errorf("the id %q of text %d holds the end of a line, and OUT.ids has an id a line: change it", id, i+1)
		}
		if seen[id] {
			return fmt.Errorf("two texts have the id %q (the second is text %d), and OUT.ids could not tell them apart: change one", id, i+1)
		}
		seen[id] = true
	}
	return nil
}

// lockName is the file in the folder of unfinished vectors that its user holds.
const lockName = "lock"

// lockParts makes the folder of the unfinished vectors of out its caller's alone until unlock, or says that another process has it. The
// system gives the folder up when its holder dies.
func lockParts(parts, out string) (unlock func() error, err error) {
	for {
		if err := os.MkdirAll(parts, 0o755); err != nil {
			return nil, fmt.Errorf("encode: %w", err)
		}
		path := filepath.Join(parts, lockName)
		lock := flock.New(path)
		locked, err := lock.TryLock()
		if errors.Is(err, fs.ErrNotExist) { // whoever was here finished just now
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("encode: %s: %w", path, err)
		}
		if !locked {
			return nil, fmt.Errorf("encode: another labrador encode is writing %s.npy: wait for it, or give another OUT", out)
		}
		held, err := lock.Stat()
		if err != nil {
			return nil, fmt.Errorf("encode: %s: %w", path, err)
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(held, there) {
			return lock.Unlock, nil
		}
		lock.Unlock() // a file that whoever was here removed meanwhile
	}
}

// truncated are the parts with the encoder's dimensions.
func truncated(e *dense.Encoder, parts iter.Seq2[labrador.Matrix, error]) iter.Seq2[labrador.Matrix, error] {
	return func(yield func(labrador.Matrix, error) bool) {
		for m, err := range parts {
			if err == nil {
				m = e.Truncate(m)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func writeLines(w io.Writer, lines []string) error {
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

// itemsOf reads texts in the form that the path's name and kind say.
func itemsOf(path string, side labrador.Side) (dense.Items, error) {
	if path == "-" {
		return nil, errors.New("encode: texts are read twice: give a file, not standard input")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("encode: texts are read twice: %s is no file that can be", path)
	}
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".gz"), ".zst")
	switch {
	case info.IsDir(), strings.HasSuffix(name, ".zip"):
		d, err := dataset.Open(dataset.Ref{Path: path})
		if err != nil {
			return nil, err
		}
		if side == labrador.QuerySide {
			return queryItems(d.AllQueries), nil
		}
		return dense.Documents(d.Documents), nil
	case strings.HasSuffix(name, ".jsonl"):
		return jsonItems(path), nil
	case strings.HasSuffix(name, ".tsv"):
		return queryItems(func() iter.Seq2[labrador.Query, error] { return labrador.ReadQueries(path) }), nil
	}
	return lineItems(path), nil
}

func queryItems(queries func() iter.Seq2[labrador.Query, error]) dense.Items {
	return func() iter.Seq2[dense.Item, error] {
		return func(yield func(dense.Item, error) bool) {
			for q, err := range queries() {
				if !yield(dense.Item{ID: q.ID, Item: labrador.Item{Text: q.Text, Picture: q.Picture}}, err) {
					return
				}
			}
		}
	}
}

// maxLine bounds a line of input.
const maxLine = 64 << 20

// errBlank is what a line is skipped for.
var errBlank = errors.New("a blank line")

// readLines reads one item per line; ids are line numbers from 1 where a line has none.
func readLines(path string, parse func(line []byte) (dense.Item, error)) dense.Items {
	return func() iter.Seq2[dense.Item, error] {
		return func(yield func(dense.Item, error) bool) {
			f, err := labrador.Open(path)
			if err != nil {
				yield(dense.Item{}, err)
				return
			}
			defer f.Close()
			in := bufio.NewScanner(f)
			in.Buffer(nil, maxLine)
			n := 0
			for in.Scan() {
				n++
				item, err := parse(in.Bytes())
				if err == errBlank {
					continue
				}
				if err != nil {
					err = fmt.Errorf("%s:%d: %w", path, n, err)
				}
				if item.ID == "" {
					item.ID = strconv.Itoa(n)
				}
				if !yield(item, err) || err != nil {
					return
				}
			}
			if err := in.Err(); err != nil {
				if errors.Is(err, bufio.ErrTooLong) {
					err = fmt.Errorf("a line of more than %d MiB", maxLine>>20)
				}
				yield(dense.Item{}, fmt.Errorf("%s:%d: %w", path, n+1, err))
			}
		}
	}
}

func lineItems(path string) dense.Items {
	return readLines(path, func(line []byte) (dense.Item, error) {
		if !utf8.Valid(line) {
			return dense.Item{}, errors.New("bytes that are not UTF-8: not a file of texts, or one in another encoding")
		}
		return dense.Item{Item: labrador.Item{Text: strings.TrimSuffix(string(line), "\r")}}, nil
	})
}

// jsonLineError says what is wrong with a line of JSON lines, without the blanks around it, that could not be read for err.
func jsonLineError(line []byte, err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case len(line) == 0:
		return errBlank
	case string(line) == "{":
		return errors.New("an object over several lines: JSON lines have each on one")
	case line[0] != '{':
		return errors.New("no object: JSON lines have one on each line")
	case errors.As(err, &wrong):
		return fmt.Errorf("%q is a %s, not a string", wrong.Field, wrong.Value)
	case !bytes.HasSuffix(line, []byte("}")):
		return fmt.Errorf("%w: is the line cut off?", err)
	}
	return err
}

func jsonItems(path string) dense.Items {
	return readLines(path, func(line []byte) (dense.Item, error) {
		var o struct {
			ID    json.RawMessage `json:"id"`
			BEIR  json.RawMessage `json:"_id"`
			Title string          `json:"title"`
			Text  *string         `json:"text"`
		}
		if err := json.Unmarshal(line, &o); err != nil {
			return dense.Item{}, jsonLineError(bytes.TrimSpace(line), err)
		}
		if o.Text == nil {
			return dense.Item{}, fmt.Errorf(`the object has no "text"`)
		}
		item := dense.Item{Item: labrador.Item{Title: o.Title, Text: *o.Text}}
		for _, id := range []json.RawMessage{o.BEIR, o.ID} { // a number is an id as it is written
			if item.ID == "" && json.Unmarshal(id, &item.ID) != nil {
				item.ID = string(id)
			}
		}
		return item, nil
	})
}
