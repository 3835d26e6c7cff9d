package index

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// killed is a build or a change that TestKilled interrupts. A child process does it in the folder dir, where prepare made the old index.
type killed struct {
	prepare, work func(dir string) error
	use           func(dir string) (string, error) // verifies, and returns hits
}

// killedWorks are the builds and changes by name.
func killedWorks() map[string]killed {
	works := killedVectorWorks()
	maps.Copy(works, killedBM25Works())
	return works
}

func killedBM25Works() map[string]killed {
	ctx := context.Background()
	docs := longTerms(randomDocuments(rand.New(rand.NewPCG(101, 102)), 3000, 300), 500)
	small := BM25Options{Analyzer: "whitespace", Memory: 1} // spills every thousand documents
	build := func(docs []labrador.Document) func(string) error {
		return func(dir string) error { return BuildBM25Set(ctx, dir, sequence(docs), small) }
	}
	add := func(docs []labrador.Document) func(*BM25Set) error {
		return func(set *BM25Set) error { _, _, err := set.Add(ctx, sequence(docs), small); return err }
	}
	three := func(dir string) error {
		if err := build(docs[:1000])(dir); err != nil {
			return err
		}
		return changeSet(func(set *BM25Set) error {
			if err := add(docs[900:2000])(set); err != nil {
				return err
			}
			return add(docs[1950:])(set)
		})(dir)
	}
	return map[string]killed{
		"first build":  {func(string) error { return nil }, build(docs), useSet},
		"build":        {build(docs[:500]), build(docs), useSet},
		"add":          {build(docs[:1500]), changeSet(add(docs[1400:])), useSet},
		"add, merging": {three, changeSet(func(set *BM25Set) error { return deleteMany(set, docs[:600]) }), useSet},
		"merge":        {three, changeSet(func(set *BM25Set) error { return set.Merge(ctx) }), useSet},
	}
}

func changeSet(f func(*BM25Set) error) func(string) error {
	return func(dir string) error {
		set, err := OpenBM25Set(dir)
		if err != nil {
			return err
		}
		defer set.Close()
		return f(set)
	}
}

func useSet(dir string) (hits string, err error) {
	set, err := OpenBM25Set(dir)
	if err != nil {
		return "", err
	}
	defer set.Close()
	if err := set.Verify(); err != nil {
		return "", err
	}
	return useTerms(set)
}

func killedVectorWorks() map[string]killed {
	ctx := context.Background()
	ids, m, queries := clustered(1500, 96, 10)
	flat := func(n int) func(string) error {
		return locked(func(path string) error {
			return BuildFlat(ctx, path, ids[:n], MatrixSource(rowsOf(m, 0, n)), FlatOptions{Format: Int8, Keep: F32})
		})
	}
	hnsw := func(n int) func(string) error {
		return locked(func(path string) error {
			return BuildHNSW(ctx, path, ids[:n], MatrixSource(rowsOf(m, 0, n)), HNSWOptions{M: 6, EfConstruction: 40})
		})
	}
	changes := Changes{Remove: ids[:100], IDs: ids[900:1100], Add: rowsOf(m, 900, 1100)}
	use := func(dir string) (string, error) { return useVectors(dir, queries) }
	return map[string]killed{
		"flat":         {flat(1000), flat(1500), use},
		"flat, change": {flat(1000), locked(func(path string) error { _, err := UpdateFlat(ctx, path, changes); return err }), use},
		"hnsw":         {hnsw(300), hnsw(1000), use},
		"hnsw, change": {hnsw(1000), locked(func(path string) error { _, err := UpdateHNSW(ctx, path, changes, HNSWOptions{}); return err }), use},
	}
}

// locked holds the folder's lock, as the command does.
func locked(f func(path string) error) func(string) error {
	return func(dir string) error {
		unlock, err := atomicfile.Lock(dir)
		if err != nil {
			return err
		}
		defer unlock()
		return f(filepath.Join(dir, "vectors"))
	}
}

func useVectors(dir string, queries labrador.Matrix) (string, error) {
	ctx, path := context.Background(), filepath.Join(dir, "vectors")
	if f, err := OpenFlat(path); err == nil {
		defer f.Close()
		hits, err := f.Search(ctx, queries, 5, nil)
		if err == nil {
			err = f.Verify()
		}
		return fmt.Sprint(f.Len(), hits), err
	}
	h, err := OpenHNSW(path)
	if err != nil {
		return "", err
	}
	defer h.Close()
	hits, err := h.Search(ctx, queries, 5, HNSWQuery{Ef: 1100})
	if err == nil {
		err = h.Verify()
	}
	return fmt.Sprint(h.Len(), hits), err
}

func deleteMany(set *BM25Set, docs []labrador.Document) error {
	var ids []string
	for _, d := range docs {
		ids = append(ids, d.ID)
	}
	_, err := set.Delete(context.Background(), ids...)
	return err
}

// killVariable tells a child of TestKilled its work and folder.
const killVariable = "LABRADOR_TEST_KILL"

// TestKilledChild is the child of TestKilled.
func TestKilledChild(t *testing.T) {
	name, dir, ok := strings.Cut(os.Getenv(killVariable), ":")
	if !ok {
		t.Skip("the child process of TestKilled")
	}
	work := killedWorks()[name].work
	fmt.Println("ready")
	if err := work(dir); err != nil {
		t.Fatal(err)
	}
}

// TestKilled kills builds and changes with signal 9 at random moments: the index is then the old one (or none, before the first build) or
// the new one, whole, and the next change leaves no file of the killed one behind.
func TestKilled(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for name, k := range killedWorks() {
		t.Run(name, func(t *testing.T) {
			old, dir := t.TempDir(), filepath.Join(t.TempDir(), "index")
			if err := k.prepare(old); err != nil {
				t.Fatal(err)
			}
			before, noIndex := k.use(old)
			if noIndex != nil && name != "first build" {
				t.Fatal(noIndex)
			}
			copyFolder(t, old, dir)
			took := child(t, name, dir, time.Hour)
			after, err := k.use(dir)
			if err != nil || after == before && name != "merge" {
				t.Fatal("nothing changed", err)
			}
			files := names(t, dir)
			olds, news := 0, 0
			for range rounds {
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				copyFolder(t, old, dir)
				at := time.Duration(r.Int64N(int64(took)))
				child(t, name, dir, at)
				switch got, err := k.use(dir); {
				case err == nil && got == after:
					news++
				case err == nil && got == before, noIndex != nil && !IsBM25Set(dir):
					olds++
				default:
					t.Fatalf("seed %d, killed after %v of %v: %v", seed, at, took, err)
				}
			}
			child(t, name, dir, time.Hour)
			if got := names(t, dir); len(got) > len(files) {
				t.Errorf("left behind: %v, want %v", got, files)
			}
			t.Logf("%d kills within %v: the old index %d times, the new one %d times", rounds, took.Round(time.Millisecond), olds, news)
		})
	}
}

// child does the work in a process that is killed after a while, and returns how long the work took.
func child(t *testing.T, name, dir string, limit time.Duration) time.Duration {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), killVariable+"="+name+":"+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatal("the child does not begin")
	}
	start := time.Now()
	timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
	}
	took := time.Since(start)
	if err := cmd.Wait(); err != nil && timer.Stop() {
		t.Fatal(err, said)
	}
	timer.Stop()
	return took
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func names(t testing.TB, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.Name())
	}
	return all
}
