package labrador

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/labrador-lab/labrador"

// allowed lists, per package, the packages of this module that it may import beside those below internal/. Packages not
// listed may import none. Tests may import anything but cmd.
var allowed = map[string][]string{
	".":             {},
	"kernel":        {},
	"weights":       {"kernel"},
	"token":         {},
	"eval":          {".", "eval/stats"},
	"eval/stats":    {},
	"dataset":       {"."},
	"analysis":      {},
	"index":         {".", "kernel", "analysis"},
	"model":         {".", "kernel", "weights", "token", "prompt"},
	"prompt":        {".", "token"},
	"dense":         {".", "model", "prompt", "store", "token", "weights"},
	"study/explain": {".", "eval", "eval/stats", "index", "vectors", "analysis", "study", "study/explain/svg"},
	"study/cost":    {".", "eval/stats", "study"},
	"study":         {".", "dataset", "eval", "eval/stats"},
	"study/report":  {".", "study", "eval", "eval/stats"},
	"vectors":       {".", "index"},
	"store":         {".", "vectors"},
	"bench":         {".", "kernel", "weights", "token", "eval", "eval/stats", "dataset", "analysis", "index", "model", "vectors"},
}

// TestImports keeps the layout of doc/design.md: who may import whom.
func TestImports(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(file))
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		test := strings.HasSuffix(file, "_test.go")
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			rel, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			rel = strings.TrimPrefix(rel, "/")
			if rel == "" {
				rel = "."
			}
			switch {
			case strings.HasPrefix(rel, "cmd/"):
				t.Errorf("%s imports %s: nobody imports cmd", file, rel)
			case (rel == "internal/outside" || rel == "internal/tiny") && !test:
				t.Errorf("%s imports %s: only tests may", file, rel)
			case test, strings.HasPrefix(rel, "internal/"), strings.HasPrefix(pkg, "cmd/"), strings.HasPrefix(rel, pkg+"/internal/"):
			case strings.HasPrefix(pkg, "internal/"):
				t.Errorf("%s imports %s: packages below internal import none of ours", file, rel)
			case !slices.Contains(allowed[pkg], rel):
				t.Errorf("%s: package %s may not import %s (allowed: %v)", file, pkg, rel, allowed[pkg])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
