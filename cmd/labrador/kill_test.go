package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// childEnv makes the test binary the program itself.
const childEnv = "LABRADOR_COMMAND_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	os.Exit(run(context.Background(), os.Args[1:]))
}

// encodingStudy is a study that encodes texts with a model, in a folder with its data.
type encodingStudy struct{ dir string }

// newEncodingStudy makes one with so many documents: in shards of 1,024, some are whole and the last is not.
func newEncodingStudy(t *testing.T, model string, documents int) encodingStudy {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 7))
	words := strings.Fields("protein receptor fever trial patients header error list table name question binds parses returns selects grows")
	text := func() string { return words[r.IntN(len(words))] }
	var corpus, queries strings.Builder
	qrels := "query-id\tcorpus-id\tscore\n"
	for i := range documents {
		fmt.Fprintf(&corpus, `{"_id":"d%d","title":"","text":"%s %d"}`+"\n", i, text(), i)
	}
	for i := range 20 {
		fmt.Fprintf(&queries, `{"_id":"q%d","text":"%s"}`+"\n", i, text())
		qrels += fmt.Sprintf("q%d\td%d\t1\n", i, i*documents/20)
	}
	writeFile(t, filepath.Join(dir, "data", "corpus.jsonl"), corpus.String())
	writeFile(t, filepath.Join(dir, "data", "queries.jsonl"), queries.String())
	writeFile(t, filepath.Join(dir, "data", "qrels", "test.tsv"), qrels)
	writeFile(t, filepath.Join(dir, "study.yaml"), "name: encoding\ndatasets: [{path: data}]\nmeasures: [nDCG@10]\nbaseline: bm25\nsystems:\n"+
		"  - bm25\n  - {name: dense, kind: dense, model: "+model+"}\n")
	return encodingStudy{dir}
}

func (s encodingStudy) start(t *testing.T, cache, out string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "compare", filepath.Join(s.dir, "study.yaml"), "--out", out)
	cmd.Env = append(os.Environ(), childEnv+"=1", "LABRADOR_CACHE="+cache)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", stderr.String())
		}
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// undisturbed runs the study on its own and returns results.json and how long it took.
func (s encodingStudy) undisturbed(t *testing.T) (string, time.Duration) {
	t.Helper()
	out, start := t.TempDir(), time.Now()
	if err := s.start(t, t.TempDir(), out).Wait(); err != nil {
		t.Fatal(err)
	}
	return resultsOf(t, out), time.Since(start)
}

func resultsOf(t *testing.T, out string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// written are the times at which the finished shards of a cache were written.
type written map[string]time.Time

// check adds the shards that are finished now, and fails where one was written again or is gone.
func (w written) check(t *testing.T, cache string) {
	t.Helper()
	sums, _ := filepath.Glob(filepath.Join(cache, "vectors", "*", "*.sum"))
	for _, path := range sums {
		if _, known := w[path]; !known {
			w[path] = time.Time{}
		}
	}
	for path, before := range w {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			t.Fatalf("a finished shard is gone: %v", err)
		case before.IsZero():
			w[path] = info.ModTime()
		case !info.ModTime().Equal(before):
			t.Fatalf("%s was encoded twice", path)
		}
	}
}

// TestKillEncoding kills labrador compare at random moments while it encodes and starts it again, until it comes through. No finished
// shard may be lost or encoded again, so that a kill costs the shard at work and no more, and results.json must have the bytes of a
// run that nobody disturbed.
func TestKillEncoding(t *testing.T) {
	kills, model, documents := 10, tiny.Model(t, "st-bert-mean"), 2500
	if testing.Short() {
		kills = 2
	} else if home, err := os.UserHomeDir(); err == nil {
		real := filepath.Join(orElse(os.Getenv("LABRADOR_REAL_MODELS"), filepath.Join(home, ".cache", "labrador", "real-models")), "all-MiniLM-L6-v2")
		if _, err := os.Stat(real); err == nil {
			model, documents = real, 1100
		}
	}
	s := newEncodingStudy(t, model, documents)
	s.killed(t, filepath.Base(model), kills, (documents+1023)/1024+1) // the queries' is one
}

// TestKillSweep: the same where one pass over the texts makes the vectors of three layers: a kill may come while some layers of a shard are
// written and others are not.
func TestKillSweep(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute under the race detector; TestKillEncoding is like it")
	}
	s := newEncodingStudy(t, tiny.Model(t, "st-bert-mean")+", layer: [1, 2, 0]", 1100)
	s.killed(t, "layers", 3, 3*(2+1))
}

// killed kills the study so many times, and holds what becomes of its shards against what is promised.
func (s encodingStudy) killed(t *testing.T, name string, kills, shards int) {
	t.Helper()
	want, whole := s.undisturbed(t)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	cache, out, done := t.TempDir(), t.TempDir(), written{}
	var at []int // shards that were finished when a kill came
	for range kills {
		if len(done) == shards { // nothing is left to kill the encoding of
			cache, out, done = t.TempDir(), t.TempDir(), written{}
		}
		cmd := s.start(t, cache, out)
		time.Sleep(time.Duration(random.Float64() * float64(whole) * 0.6)) // the report takes the rest
		cmd.Process.Kill()
		cmd.Wait()
		done.check(t, cache)
		at = append(at, len(done))
	}
	if err := s.start(t, cache, out).Wait(); err != nil {
		t.Fatal(err)
	}
	done.check(t, cache)
	if len(done) != shards {
		t.Errorf("%d shards, want %d", len(done), shards)
	}
	if resultsOf(t, out) != want {
		t.Error("results.json has other bytes")
	}
	t.Logf("%s: shards finished at the kills: %v; undisturbed %s", name, at, whole)
}

// TestTwoEncodeAtOnce: two processes on one empty cache share the encoding: no shard is written twice, and both get the results of one
// that is alone.
func TestTwoEncodeAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute under the race detector, which sees one process at a time")
	}
	s := newEncodingStudy(t, tiny.Model(t, "st-bert-mean"), 2500)
	want, _ := s.undisturbed(t)
	cache, outs, done := t.TempDir(), []string{t.TempDir(), t.TempDir()}, written{}
	ended := make(chan error)
	for _, out := range outs {
		cmd := s.start(t, cache, out)
		go func() { ended <- cmd.Wait() }()
	}
	for running := len(outs); running > 0; {
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			running--
		case <-time.After(2 * time.Millisecond):
			done.check(t, cache)
		}
	}
	done.check(t, cache)
	if len(done) != 4 {
		t.Errorf("%d shards, want 4", len(done))
	}
	for _, out := range outs {
		if resultsOf(t, out) != want {
			t.Error("results.json has other bytes")
		}
	}
}

// TestOnePassForLayers: of a sweep over layers, beside a sparse system too, one system encodes and the others find their vectors kept; a
// layer that is added later is encoded alone, and the results are those of a study of each layer alone.
func TestOnePassForLayers(t *testing.T) {
	model := filepath.Join(tinyModels(t), "Qwen2.5-7B-Instruct")
	dir := t.TempDir()
	tinyData(t, filepath.Join(dir, "data"), 1)
	compare := func(systems string) (encoded []string, means map[string]float64) {
		out := t.TempDir()
		writeFile(t, filepath.Join(dir, "study.yaml"), "name: layers\ndatasets: [{path: data}]\nmeasures: [nDCG@10]\nsystems:\n"+systems)
		compareOutput(t, "compare", filepath.Join(dir, "study.yaml"), "--out", out)
		var times struct {
			Runs []struct {
				System, Note string
				Cached       bool
			}
		}
		readJSON(t, filepath.Join(out, "times.json"), &times)
		for _, r := range times.Runs {
			if !r.Cached && strings.Contains(r.Note, "tokens of documents encoded") {
				encoded = append(encoded, r.System)
			}
		}
		var r struct {
			Results []struct {
				System string
				Mean   float64
			}
		}
		readJSON(t, filepath.Join(out, "results.json"), &r)
		means = map[string]float64{}
		for _, x := range r.Results {
			means[x.System] = x.Mean
		}
		return encoded, means
	}
	system := "  - {name: d, kind: dense, model: " + model + ", recipe: promptreps, layer: "
	sparse := "  - {name: s, kind: sparse, model: " + model + "}\n"
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	encoded, means := compare(system + "[1, 0]}\n" + sparse)
	if !slices.Equal(encoded, []string{"d-layer=1"}) || len(means) != 3 {
		t.Errorf("%v encoded, %v", encoded, means)
	}
	if encoded, _ := compare(system + "[1, 2, 0]}\n" + sparse); !slices.Equal(encoded, []string{"d-layer=2"}) {
		t.Errorf("with a layer more %v encoded", encoded)
	}
	t.Setenv("LABRADOR_CACHE", t.TempDir())
	for _, layer := range []string{"1", "0"} {
		if _, alone := compare(system + "[" + layer + "]}\n"); alone["d-layer="+layer] != means["d-layer="+layer] {
			t.Errorf("layer %s: %v alone, %v in the sweep", layer, alone, means)
		}
	}
}

// TestOnePassForHybrid: in a study of a dense and a sparse system with the same prompts, the second finds its vectors kept, whichever comes
// first; and so does a system with fewer dimensions.
func TestOnePassForHybrid(t *testing.T) {
	model := filepath.Join(tinyModels(t), "Qwen2.5-7B-Instruct")
	dense := "  - {name: d, kind: dense, model: " + model + ", recipe: promptreps}\n"
	sparse := "  - {name: s, kind: sparse, model: " + model + "}\n"
	cut := "  - {name: cut, kind: dense, model: " + model + ", recipe: promptreps, dimensions: [4, 8]}\n"
	for _, systems := range []string{dense + sparse + cut, sparse + dense + cut, cut + sparse + dense} {
		dir, out := t.TempDir(), t.TempDir()
		t.Setenv("LABRADOR_CACHE", t.TempDir())
		tinyData(t, filepath.Join(dir, "data"), 1)
		writeFile(t, filepath.Join(dir, "study.yaml"), "name: hybrid\ndatasets: [{path: data}]\nmeasures: [nDCG@10]\nbaseline: d\nsystems:\n"+systems+
			"  - {name: both, kind: fuse, of: [d, s], method: convex, norm: min-max, weights: [0.5, 0.5]}\n")
		compareOutput(t, "compare", filepath.Join(dir, "study.yaml"), "--out", out)
		var times struct {
			Runs []struct{ System, Note string }
		}
		readJSON(t, filepath.Join(out, "times.json"), &times)
		encoded := 0
		for _, r := range times.Runs {
			if strings.Contains(r.Note, "tokens of documents encoded") {
				encoded++
			}
		}
		if encoded != 1 || len(times.Runs) != 5 {
			t.Errorf("%d of %d systems encoded: %+v", encoded, len(times.Runs), times.Runs)
		}
	}
}
