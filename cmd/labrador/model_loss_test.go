package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/dense"
	"github.com/labrador-lab/labrador/internal/tiny"
)

func TestModelLoss(t *testing.T) {
	dir := tiny.Model(t, "st-bert-mean")
	in := filepath.Join(t.TempDir(), "lines.txt")
	var lines strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lines, "text number %d about %s\n", i, strings.Repeat("dogs and their owners ", i%7))
	}
	if err := os.WriteFile(in, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := modelCommand()
		var out, errs bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&errs)
		cmd.SetArgs(append([]string{"loss"}, args...))
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err := cmd.Execute()
		return out.String(), err
	}
	text, err := run("--json", "-n", "20", dir, in)
	if err != nil {
		t.Fatal(err)
	}
	var losses []dense.Loss
	if err := json.Unmarshal([]byte(text), &losses); err != nil {
		t.Fatal(err)
	}
	if len(losses) != 3 || losses[0].DType != "f32" || losses[2].DType != "int8" {
		t.Fatalf("%+v", losses)
	}
	for _, l := range losses {
		if l.Texts != 20 || l.Cosine < .99 || l.LeastCosine > l.Cosine || l.Neighbours < .5 || l.TokensPerSecond <= 0 {
			t.Errorf("%+v", l)
		}
	}
	if losses[0].Cosine < 1-1e-5 || losses[0].Centred < 1-1e-5 || losses[0].Neighbours != 1 {
		t.Errorf("f32 against itself: %+v", losses[0])
	}
	if text, err = run("-n", "20", dir, in); err != nil || !strings.Contains(text, "neighbours") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := run("-n", "3", dir, in); !errors.As(err, new(usageError)) {
		t.Errorf("-n 3: %v", err)
	}
	if _, err := run(dir, filepath.Join(t.TempDir(), "no.txt")); err == nil {
		t.Error("a missing file passed")
	}
}
