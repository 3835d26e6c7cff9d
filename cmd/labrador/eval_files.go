package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
)

// judgements is what the first file of `labrador eval` holds: grades, or the judgements of groups.
type judgements struct {
	qrels  labrador.Qrels
	groups *eval.Groups
}

func (j judgements) measure(ctx context.Context, measures []eval.Measure, path string, opts eval.Options) (*eval.Result, error) {
	if j.groups != nil {
		return j.groups.File(ctx, measures, path, opts)
	}
	return eval.File(ctx, measures, j.qrels, path, opts)
}

// read reads the first of args; an error says so where the files look as if they were swapped, or of another form.
func (f *evalFlags) read(args []string) (j judgements, err error) {
	path := args[0]
	if f.form == eval.Qrels {
		j.qrels, err = labrador.ReadQrels(path)
	} else {
		j.groups, err = eval.ReadGroups(path, f.form)
	}
	switch {
	case err == nil && (j.groups == nil && len(j.qrels) == 0 || j.groups != nil && j.groups.Queries() == 0):
		return j, fmt.Errorf("%s: holds no judgements", path)
	case err == nil || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission):
		return j, err
	}
	switch kind := kindOf(path); {
	case kind == "run" && kindOf(args[1]) != "run":
		err = fmt.Errorf("%w; %s looks like a run: the order is QRELS RUN", err, path)
	case kind == "run":
		err = fmt.Errorf("%w; %s looks like a run: judgements come first, then runs", err, path)
	case kind == "prefs" && f.form != eval.Prefs:
		err = fmt.Errorf("%w; preferences are read with -R prefs", err)
	case kind == "qrels" && f.form == eval.Prefs:
		err = fmt.Errorf("%w; qrels are read as preferences with -R qrels_prefs", err)
	}
	return j, err
}

// hintRun adds to the error of a run that looks like judgements.
func hintRun(err error, path string) error {
	if kind := kindOf(path); kind == "qrels" || kind == "prefs" {
		return fmt.Errorf("%w; %s looks like judgements: give QRELS first, then each RUN", err, path)
	}
	return err
}

var errEnough = errors.New("enough")

// kindOf guesses from its first line what a regular file is: "run", "prefs", "qrels", or empty where it is none, or cannot be read twice.
func kindOf(path string) (kind string) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	number := func(b []byte) bool { _, err := strconv.ParseFloat(string(b), 64); return err == nil }
	labrador.ScanLines(path, func(line []byte, _ int) error {
		c := bytes.Fields(line)
		switch n := len(c); {
		case n >= 6 && number(c[4]):
			kind = "run"
		case n == 5 && number(c[4]) && string(c[1]) != "Q0": // else a run without its last column
			kind = "prefs"
		case n == 4 && number(c[3]) || n == 3 && (number(c[2]) || labrador.IsQrelsHeader(line)):
			kind = "qrels"
		}
		return errEnough
	})
	return kind
}
