package model

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestProgress: every stage of opening a model counts from nothing to its end, one call at a time, in every arithmetic.
func TestProgress(t *testing.T) {
	for _, arch := range []string{"bert", "qwen2"} {
		for _, dtype := range []string{"f32", "bf16", "int8"} {
			dir := tiny.Model(t, arch)
			done, totals := map[string]int64{}, map[string]int64{}
			ctx := WithProgress(t.Context(), func(stage, unit string, n, total int64) { // which the race detector watches
				if n <= done[stage] || n > total || totals[stage] != 0 && totals[stage] != total {
					t.Errorf("%s %s: %s: %d of %d %s after %d of %d", arch, dtype, stage, n, total, unit, done[stage], totals[stage])
				}
				done[stage], totals[stage] = n, total
			})
			m, err := OpenContext(ctx, dir, Options{DType: dtype, Threads: 3})
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Identify(ctx); err != nil {
				t.Fatal(err)
			}
			m.Close()
			for _, stage := range []string{"packing", "reading the model's files"} {
				if totals[stage] == 0 || done[stage] != totals[stage] {
					t.Errorf("%s %s: %s ended at %d of %d", arch, dtype, stage, done[stage], totals[stage])
				}
			}
			info, err := os.Stat(filepath.Join(dir, "model.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			if n := totals["reading the model's files"]; n < info.Size() {
				t.Errorf("%s: %d bytes, the weights' file alone has %d", arch, n, info.Size())
			}
		}
	}
	if _, err := DigestFiles(t.Context(), []string{filepath.Join(t.TempDir(), "none")}); !os.IsNotExist(err) {
		t.Errorf("the digest of no file: %v", err)
	}
	if newMeter(context.Background(), "", "", 1) != nil {
		t.Error("a meter that tells nobody")
	}
}
