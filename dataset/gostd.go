package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labrador-lab/labrador"
)

// gostdRecipe is part of the digest: raise it with every change that could change the set made from the same sources.
const gostdRecipe = "gostd 2"

// Gostd and GostdSmall are the names of the built-in sets.
const (
	Gostd      = "gostd"
	GostdSmall = "gostd-small"
)

// builtin says whether name is a built-in set, and whether it is the small one.
func builtin(name string) (small, ok bool) {
	return name == GostdSmall, name == Gostd || name == GostdSmall
}

// gostd is the standard library of the machine's own Go toolchain as a code search set. The query is the first sentence of a
// function's or type's doc comment (go/doc.Synopsis) without its name, the document is its source without that comment.
//
//   - Files: all of GOROOT/src, with the toolchain's own commands, tests and vendored packages, whatever their build tags (so the
//     machine's system does not matter), but no testdata and no generated code.
//   - Declarations: functions with a doc comment and a body and types with a doc comment, exported or not. Those with the same source
//     are one document. The variants of one that is declared once per system, or that is vendored twice, are all relevant to the
//     sentence of any of them.
//   - The name: nearly every Go comment starts with the name of what it documents, and so would give the answer away. See nameless
//     for what is done about it.
//   - Dropped: sentences of fewer than minWords words, deprecation notes and to-dos, and sentences that more than maxShared documents
//     share. A sentence (case aside) that up to maxShared documents share is one query, and all of them are relevant.
//   - Splits: queries in the order of a seeded hash of their ids; the first are test, the next dev, the others train.
//
// gostd-small takes only the functions of smallPackages, without their tests. Ids are the full name, as in net/http.(*Client).Do, with
// @file.go behind it where several files declare it.
type gostd struct {
	root    string // GOROOT
	version string // such as "go1.26.0"
	small   bool

	once sync.Once
	set  *goSet
	err  error
}

// openGostd finds the toolchain; nothing is parsed before the content is asked for.
func openGostd(small bool) (*gostd, error) {
	root, err := goroot()
	if err != nil {
		return nil, err
	}
	version := "unknown"
	if b, err := os.ReadFile(filepath.Join(root, "VERSION")); err == nil {
		line, _, _ := bytes.Cut(b, []byte{'\n'})
		version = strings.TrimSpace(string(line))
	}
	return &gostd{root: root, version: version, small: small}, nil
}

// goroot is the root of the Go toolchain that `go` on the path belongs to (which heeds the environment variable GOROOT), else of the
// one that built this program.
func goroot() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Dir = os.TempDir() // outside of any module, which could ask for another toolchain
	out, _ := cmd.Output()
	return firstLibrary(strings.TrimSpace(string(out)), build.Default.GOROOT)
}

// firstLibrary is the first of roots that holds the library's sources.
func firstLibrary(roots ...string) (string, error) {
	for _, root := range roots {
		if root == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, "src", "fmt", "print.go")); err == nil {
			return root, nil
		}
	}
	return "", fmt.Errorf("dataset gostd: %w: no Go toolchain with its sources on this machine (go env GOROOT); install Go, or name another dataset: a folder or zip in BEIR's layout", ErrNotFound)
}

func (g *gostd) splits() []string { return []string{"dev", "test", "train"} }

// load parses the library, once.
func (g *gostd) load() (*goSet, error) {
	g.once.Do(func() {
		size := 1000
		if g.small {
			size = 300
		}
		var decls []goDecl
		if decls, g.err = parseLibrary(filepath.Join(g.root, "src"), g.small); g.err != nil {
			g.err = fmt.Errorf("dataset gostd: %w", g.err)
			return
		}
		if g.set = newGoSet(decls, size); len(g.set.docs) == 0 || len(g.set.queries) <= 2*size {
			g.err = fmt.Errorf("dataset gostd: only %d documented declarations in %s: is the toolchain whole?", len(g.set.docs), g.root)
		}
	})
	return g.set, g.err
}

func (g *gostd) documents(tolerance) iter.Seq2[labrador.Document, error] {
	set, err := g.load()
	if err != nil {
		return failed[labrador.Document](err)
	}
	return values(set.docs)
}

func (g *gostd) queries(string, tolerance) iter.Seq2[labrador.Query, error] {
	set, err := g.load()
	if err != nil {
		return failed[labrador.Query](err)
	}
	return values(set.queries)
}

func values[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (g *gostd) qrels(split string, _ func(query, doc string)) (labrador.Qrels, error) {
	set, err := g.load()
	if err != nil {
		return nil, err
	}
	qrels := labrador.Qrels{}
	for _, q := range set.splits[split] {
		qrels[q] = map[string]int{}
		for _, doc := range set.relevant[q] {
			qrels[q][doc] = 1
		}
	}
	return qrels, nil
}

func (g *gostd) digest(split string) (string, error) {
	set, err := g.load()
	if err != nil {
		return "", err
	}
	parts := []string{gostdRecipe, g.version}
	for _, d := range set.docs {
		parts = append(parts, d.ID, d.Text)
	}
	for _, q := range set.queries {
		parts = append(parts, q.ID, q.Text)
	}
	for _, q := range set.splits[split] {
		parts = append(parts, q, strings.Join(set.relevant[q], " "))
	}
	return hashOf(parts...), nil
}

func (g *gostd) about() string {
	return fmt.Sprintf("Go standard library of %s at %s, BSD-3-Clause (Copyright The Go Authors)", g.version, g.root)
}

// libraryFiles lists the files to parse, slash-separated from src, ascending.
func libraryFiles(src string, small bool) ([]string, error) {
	src, err := filepath.EvalSymlinks(src) // Debian's GOROOT/src is a link, which WalkDir does not follow
	if err != nil {
		return nil, err
	}
	var files []string
	err = filepath.WalkDir(src, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		name := e.Name()
		switch {
		case e.IsDir():
			if rel != "." && (name == "testdata" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")) {
				return fs.SkipDir
			}
		case !strings.HasSuffix(name, ".go") || small && strings.HasSuffix(name, "_test.go") || !e.Type().IsRegular():
		case !small || slices.Contains(smallPackages, strings.TrimSuffix(rel, "/"+name)):
			files = append(files, rel)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = errors.New("no Go files in " + src)
	}
	slices.Sort(files)
	return files, err
}
