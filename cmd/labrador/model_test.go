package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

func TestModelShow(t *testing.T) {
	dir := tiny.Model(t, "st-bert-dense")
	show := func(args ...string) (string, error) {
		cmd := modelCommand()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs(append([]string{"show"}, args...))
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err := cmd.Execute()
		return out.String(), err
	}
	text, err := show(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bert, 3 layers, width 64, bidirectional", "24 dimensions, cls pooling", "texts cut to 64 tokens", "dense layer from 64 to 24"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	text, err = show("--json", "--pooling", "mean", dir)
	if err != nil {
		t.Fatal(err)
	}
	var info struct {
		Pooling    string
		Parameters int64
		Memory     map[string]int64 `json:"memory_bytes"`
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		t.Fatal(err)
	}
	if info.Pooling != "mean" || info.Parameters != 150584 || info.Memory["int8"] == 0 {
		t.Errorf("%+v", info)
	}
	if _, err := show("--pooling", "median", dir); err == nil || !strings.Contains(err.Error(), "median") {
		t.Errorf("unknown pooling: %v", err)
	}
	if _, err := show(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a model's folder") {
		t.Errorf("empty folder: %v", err)
	}
}
