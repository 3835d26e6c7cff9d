package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/dataset"
	"github.com/labrador-lab/labrador/dense"
)

// survey reads the texts of a file once.
func survey(ctx context.Context, in string, side labrador.Side) (*dense.Texts, error) {
	items, err := itemsOf(in, side)
	if err != nil {
		return nil, err
	}
	texts, err := dense.Survey(ctx, items)
	if err != nil {
		return nil, err
	}
	if len(texts.IDs) == 0 {
		return nil, fmt.Errorf("encode: %s holds no text", in)
	}
	if err := checkIDLines(texts.IDs); err != nil {
		return nil, fmt.Errorf("encode: %s: %w", in, err)
	}
	return texts, nil
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
		return queryItems(func() iter.Seq2[labrador.Query, error] { return readTSV(path) }), nil
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

// readTSV is labrador.ReadQueries that refuses what is not UTF-8, as the other files of texts do.
func readTSV(path string) iter.Seq2[labrador.Query, error] {
	return func(yield func(labrador.Query, error) bool) {
		f, err := labrador.Open(path)
		if err != nil {
			yield(labrador.Query{}, err)
			return
		}
		defer f.Close()
		bad := 0
		for q, err := range labrador.DecodeQueries(labrador.Stream{Reader: f, Name: path, BadUTF8: func(line int) { bad = line }}) {
			if bad > 0 {
				err = fmt.Errorf("%s:%d: %w", path, bad, errNotUTF8)
			}
			if !yield(q, err) || err != nil {
				return
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
			for in.Scan() && in.Err() == nil { // what was read of a line before an error is no line
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

var errNotUTF8 = errors.New("bytes that are not UTF-8: not a file of texts, or one in another encoding")

func lineItems(path string) dense.Items {
	return readLines(path, func(line []byte) (dense.Item, error) {
		if !utf8.Valid(line) {
			return dense.Item{}, errNotUTF8
		}
		return dense.Item{Item: labrador.Item{Text: strings.TrimSuffix(string(line), "\r")}}, nil
	})
}

// jsonLineError says what is wrong with a line of JSON lines, without the blanks around it, that could not be read for err.
func jsonLineError(line []byte, err error) error {
	switch {
	case len(line) == 0:
		return errBlank
	case string(line) == "{":
		return errors.New("an object over several lines: JSON lines have each on one")
	case line[0] != '{':
		return errors.New("no object: JSON lines have one on each line")
	case !bytes.HasSuffix(line, []byte("}")):
		return fmt.Errorf("%w: is the line cut off?", err)
	}
	return err
}

func jsonItems(path string) dense.Items {
	return readLines(path, func(line []byte) (dense.Item, error) {
		var o map[string]json.RawMessage // whose keys are exact, as everybody's are
		if !utf8.Valid(line) {
			return dense.Item{}, errNotUTF8
		}
		if err := json.Unmarshal(line, &o); err != nil {
			return dense.Item{}, jsonLineError(bytes.TrimSpace(line), err)
		}
		name := "text"
		if o["text"] == nil && o["contents"] != nil { // as Anserini and Pyserini have it
			name = "contents"
		}
		if o[name] == nil || string(o[name]) == "null" {
			return dense.Item{}, errors.New(`the object has no "text"`)
		}
		text, err1 := jsonString(o, name, false)
		title, err2 := jsonString(o, "title", false)
		id, err3 := jsonString(o, "_id", true)
		if id == "" && err3 == nil {
			id, err3 = jsonString(o, "id", true)
		}
		return dense.Item{ID: id, Item: labrador.Item{Title: title, Text: text}}, cmp.Or(err1, err2, err3)
	})
}

// jsonString is a string of an object, "" where it has none or null; or a number as it is written.
func jsonString(o map[string]json.RawMessage, name string, number bool) (s string, err error) {
	var wrong *json.UnmarshalTypeError
	switch value, ok := o[name]; {
	case !ok:
		return "", nil
	case !errors.As(json.Unmarshal(value, &s), &wrong):
		return s, nil
	case number && wrong.Value == "number":
		return string(value), nil
	case number:
		return "", fmt.Errorf("%q is of type %s, neither a string nor a number", name, wrong.Value)
	}
	return "", fmt.Errorf("%q is a %s, not a string", name, wrong.Value)
}
