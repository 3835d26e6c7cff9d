package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/store"
)

// TestCache lists, verifies and prunes sets, by name, by size and by the budget of the environment.
func TestCache(t *testing.T) {
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	s, err := openVectorStore()
	if err != nil {
		t.Fatal(err)
	}
	fill := func(model string) {
		t.Helper()
		set, err := s.Set(store.Key{"model": model}, 4, 8)
		if err != nil {
			t.Fatal(err)
		}
		err = set.Fill(t.Context(), func(_ context.Context, lo, hi int) (labrador.Matrix, error) { return labrador.NewMatrix(hi-lo, 8), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	fill("one")
	fill("two")
	if code, out := capture(t, "cache", "list"); code != 0 || !strings.Contains(out, "2 sets") || !strings.Contains(out, "one") {
		t.Errorf("list: %d %q", code, out)
	}
	if code, _ := capture(t, "cache", "verify"); code != 0 {
		t.Errorf("verify: %d", code)
	}
	infos, _ := s.List()
	if code, _ := capture(t, "cache", "prune", infos[0].ID); code != 0 {
		t.Errorf("prune: %d", code)
	}
	for args, want := range map[string]int{"cache prune": 2, "cache prune --keep much": 2, "cache prune nothing": 1} {
		if code, _ := capture(t, strings.Fields(args)...); code != want {
			t.Errorf("%s: exit status %d", args, code)
		}
	}
	fill("li\nne\x1b[2J")
	if code, out := capture(t, "cache", "list"); code != 0 || !strings.Contains(out, `"li\nne\x1b[2J"`) || strings.Count(out, "\n") != 4 {
		t.Errorf("a name with control characters: %d %q", code, out)
	}
	infos, _ = s.List()
	writeFile(t, filepath.Join(s.Dir(), infos[0].ID, "set.json"), "{")
	if code, out := capture(t, "cache", "list"); code != 0 || !strings.Contains(out, "set.json: unexpected end") {
		t.Errorf("a damaged set in the list: %d %q", code, out)
	}
	if code, out := capture(t, "cache", "verify"); code != 1 || !strings.Contains(out, infos[0].ID) {
		t.Errorf("a damaged set: %d %q", code, out)
	}
	writeFile(t, filepath.Join(s.Dir(), infos[0].ID, "mine"), "")
	if code, out := capture(t, "cache", "prune", "--keep", "0B"); code != 1 || !strings.Contains(out, infos[1].ID) {
		t.Errorf("a set with a file that is not the cache's: %d %q", code, out)
	}
	t.Setenv("LABRADOR_CACHE_SIZE", "1B")
	if code, out := capture(t, "cache", "list"); code != 0 || !strings.Contains(out, "0 sets") {
		t.Errorf("budget: %d %q", code, out)
	}
	t.Setenv("LABRADOR_CACHE_SIZE", "a lot")
	if code, _ := capture(t, "cache", "list"); code != 2 {
		t.Errorf("a budget that is none: %d", code)
	}
}
