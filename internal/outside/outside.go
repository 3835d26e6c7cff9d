// Package outside finds the reference material that lives outside the repository (datasets, models, outputs of other
// programs). Tests use it where it is there and say why they skip where it is not; nothing else may import this package.
package outside

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Data returns the path of name (slash-separated, such as "text/scifact") in the reference data: below the folder that
// LABRADOR_TESTDATA names, else below ../shared/data beside the repository. It skips the test where it is missing.
func Data(t testing.TB, name string) string {
	t.Helper()
	base := os.Getenv("LABRADOR_TESTDATA")
	if base == "" {
		_, file, _, _ := runtime.Caller(0)
		base = filepath.Join(filepath.Dir(file), "..", "..", "..", "shared", "data")
	}
	path := filepath.Join(base, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("reference data %s is not on this machine (set LABRADOR_TESTDATA)", name)
	}
	return path
}

// RealModel returns the path of a real model's file or folder, below LABRADOR_REAL_MODELS, else below
// ~/.cache/labrador/real-models. It skips the test where it is missing.
func RealModel(t testing.TB, name string) string {
	t.Helper()
	base := os.Getenv("LABRADOR_REAL_MODELS")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Skipf("real model %s: %v", name, err)
		}
		base = filepath.Join(home, ".cache", "labrador", "real-models")
	}
	path := filepath.Join(base, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real model %s is not on this machine (set LABRADOR_REAL_MODELS)", name)
	}
	return path
}
