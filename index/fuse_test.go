package index

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/labrador-lab/labrador"
)

type ranxCase struct {
	Method  FuseMethod
	Norm    FuseNorm
	K       float64
	Weights []float64
	Want    map[string]map[string]float64 // query, document
}

// testdata/ranx.json: three random runs with ties, negative scores, a list of one document, a list of equal scores and a query that
// one run lacks, and what ranx 0.3.21's fuse(runs, norm, method, params) gives for each query over the runs that have it.
func readRanx(t *testing.T) ([]labrador.Run, []ranxCase) {
	t.Helper()
	b, err := os.ReadFile("testdata/ranx.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Runs  []map[string]map[string]float32
		Cases []ranxCase
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var runs []labrador.Run
	for _, r := range file.Runs {
		run := labrador.Run{}
		for q, docs := range r {
			for id, score := range docs { // in map order: Fuse sorts what is not sorted
				run[q] = append(run[q], labrador.Hit{ID: id, Score: score})
			}
		}
		runs = append(runs, run)
	}
	return runs, file.Cases
}

func TestFuseAgainstRanx(t *testing.T) {
	runs, cases := readRanx(t)
	if len(cases) < 20 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		name := string(c.Method) + " of " + string(c.Norm)
		got, err := Fuse(runs, FuseOptions{Method: c.Method, Norm: c.Norm, K: c.K, Weights: c.Weights})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got) != len(c.Want) {
			t.Errorf("%s: %d queries, want %d", name, len(got), len(c.Want))
		}
		for q, want := range c.Want {
			if len(got[q]) != len(want) || !slices.IsSortedFunc(got[q], labrador.CompareHits) {
				t.Errorf("%s, query %s: %v, want %v", name, q, got[q], want)
			}
			for _, h := range got[q] {
				// Scores of the runs are float32 here and float64 there: 28.17 differs in its eighth digit.
				if w, ok := want[h.ID]; !ok || math.Abs(float64(h.Score)-w) > 2e-6*max(1, math.Abs(w)) {
					t.Errorf("%s, query %s: %v, want %v", name, q, h, w)
				}
			}
		}
	}
}

// fuseLists fuses the lists for one query.
func fuseLists(lists [][]labrador.Hit, o FuseOptions) ([]labrador.Hit, error) {
	var runs []labrador.Run
	for _, hits := range lists {
		runs = append(runs, labrador.Run{"q": hits})
	}
	fused, err := Fuse(runs, o)
	return fused["q"], err
}

// Bruch, Gai and Ingber's example of the theory, by hand: scores 4, 2 of a system that never goes below 0 are 1 and 0.5; cosines 0.5,
// 0.2 over -1 are 1 and 0.8.
func TestFuseTMM(t *testing.T) {
	lists := [][]labrador.Hit{{{ID: "a", Score: 4}, {ID: "b", Score: 2}}, {{ID: "b", Score: 0.5}, {ID: "c", Score: 0.2}}}
	got, err := fuseLists(lists, FuseOptions{Method: FuseConvex, Norm: NormTMM, Weights: []float64{3, 1}, Minima: []float64{0, -1}})
	want := []labrador.Hit{{ID: "a", Score: 0.75}, {ID: "b", Score: 0.375 + 0.25}, {ID: "c", Score: 0.2}}
	if err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for i := range want {
		if got[i].ID != want[i].ID || math.Abs(float64(got[i].Score-want[i].Score)) > 1e-7 {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
}

func TestFuseRefuses(t *testing.T) {
	list := []labrador.Hit{{ID: "a", Score: 1}}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		lists [][]labrador.Hit
		o     FuseOptions
	}{
		"nothing":              {nil, FuseOptions{}},
		"method":               {[][]labrador.Hit{list}, FuseOptions{Method: "sum"}},
		"norm":                 {[][]labrador.Hit{list}, FuseOptions{Method: FuseConvex, Norm: "softmax"}},
		"norm of ranks":        {[][]labrador.Hit{list}, FuseOptions{Norm: NormMinMax}},
		"weights of mnz":       {[][]labrador.Hit{list}, FuseOptions{Method: FuseCombMNZ, Weights: []float64{1}}},
		"too many weights":     {[][]labrador.Hit{list}, FuseOptions{Weights: []float64{1, 1}}},
		"negative weight":      {[][]labrador.Hit{list, list}, FuseOptions{Weights: []float64{1, -1}}},
		"no weight":            {[][]labrador.Hit{list}, FuseOptions{Weights: []float64{0}}},
		"nan weight":           {[][]labrador.Hit{list}, FuseOptions{Weights: []float64{math.NaN()}}},
		"k":                    {[][]labrador.Hit{list}, FuseOptions{K: -1}},
		"depth":                {[][]labrador.Hit{list}, FuseOptions{Depth: -1}},
		"tmm without minima":   {[][]labrador.Hit{list}, FuseOptions{Method: FuseConvex, Norm: NormTMM}},
		"document twice":       {[][]labrador.Hit{{{ID: "a", Score: 2}, {ID: "a", Score: 1}}}, FuseOptions{}},
		"score not a number":   {[][]labrador.Hit{{{ID: "a", Score: nan}}}, FuseOptions{}},
		"score infinite":       {[][]labrador.Hit{{{ID: "a", Score: float32(math.Inf(1))}}}, FuseOptions{Method: FuseCombSUM}},
		"minimum not a number": {[][]labrador.Hit{list}, FuseOptions{Method: FuseConvex, Norm: NormTMM, Minima: []float64{math.NaN()}}},
	} {
		if got, err := fuseLists(c.lists, c.o); err == nil {
			t.Errorf("%s accepted: %v", name, got)
		}
	}
	if got, err := fuseLists([][]labrador.Hit{nil, nil}, FuseOptions{Method: FuseConvex}); err != nil || len(got) != 0 {
		t.Errorf("empty lists: %v, %v", got, err)
	}
}

// randomRuns have many ties.
func randomRuns(seed uint64, runs, queries, docs int) []labrador.Run {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]labrador.Run, runs)
	for r := range out {
		out[r] = labrador.Run{}
		for q := range queries {
			var hits []labrador.Hit
			for _, d := range rng.Perm(docs * 2)[:docs] {
				hits = append(hits, labrador.Hit{ID: "d" + strconv.Itoa(d), Score: float32(rng.IntN(docs))})
			}
			labrador.SortHits(hits)
			out[r]["q"+strconv.Itoa(q)] = hits
		}
	}
	return out
}

func TestFuseDependsOnNothingElse(t *testing.T) {
	runs := randomRuns(1, 3, 50, 40)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, o := range []FuseOptions{{}, {Method: FuseConvex}, {Method: FuseCombMED, Norm: NormZScore, Depth: 10}, {Method: FuseLogISR}} {
		runtime.GOMAXPROCS(1)
		want, err := Fuse(runs, o)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GOMAXPROCS(4)
		got, err := Fuse(runs, o)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: differs on four threads (%v)", o, err)
		}
		if o.Depth > 0 && len(got["q0"]) != o.Depth {
			t.Errorf("%d hits for depth %d", len(got["q0"]), o.Depth)
		}
	}
}

// listSearcher answers from a run.
type listSearcher labrador.Run

func (l listSearcher) Search(_ context.Context, q labrador.Query, k int) ([]labrador.Hit, error) {
	hits, ok := l[q.ID]
	if !ok {
		return nil, errors.New("no such query")
	}
	return hits[:min(k, len(hits))], nil
}

func TestFusedSearchEqualsFuse(t *testing.T) {
	runs := randomRuns(2, 2, 10, 30)
	o := FuseOptions{Method: FuseConvex, Weights: []float64{2, 1}}
	want, err := Fuse(runs, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFused([]labrador.Searcher{listSearcher(runs[0]), listSearcher(runs[1])}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{0, 1, 5, 1000} {
		for q, hits := range want {
			got, err := f.Search(context.Background(), labrador.Query{ID: q}, k)
			if err != nil || !slices.Equal(got, hits[:min(k, len(hits))]) {
				t.Fatalf("k %d: %v, %v; want %v", k, got, err, hits)
			}
		}
	}
	if _, err := f.Search(context.Background(), labrador.Query{ID: "x"}, 1); err == nil {
		t.Error("a searcher's error was lost")
	}
}

func TestTuneFuse(t *testing.T) {
	runs := randomRuns(3, 3, 20, 30)
	// The objective likes what the second run puts first.
	objective := func(r labrador.Run) (float64, error) {
		found := 0.0
		for q, hits := range r {
			if hits[0].ID == runs[1][q][0].ID {
				found++
			}
		}
		return found, nil
	}
	best, trials, err := TuneFuse(context.Background(), runs, FuseOptions{Method: FuseConvex}, 10, objective)
	if err != nil || len(trials) != 66 { // 12 choose 2
		t.Fatal(len(trials), err)
	}
	for _, trial := range trials {
		fused, err := Fuse(runs, FuseOptions{Method: FuseConvex, Weights: trial.Weights})
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := objective(fused); v != trial.Value || v > best.Value {
			t.Fatalf("%v: worth %v, tuning says %v, best %v", trial.Weights, v, trial.Value, best)
		}
		if trial.Value == best.Value && unevenness(trial.Weights) < unevenness(best.Weights)-1e-12 {
			t.Errorf("%v is as good as %v and nearer to equal", trial.Weights, best.Weights)
		}
	}
	if best.Value != 20 || best.Weights[1] < .4 {
		t.Errorf("best %+v", best)
	}
	if _, _, err := TuneFuse(context.Background(), runs, FuseOptions{Method: FuseISR}, 10, objective); err == nil {
		t.Error("weights of ISR were tuned")
	}
	if _, _, err := TuneFuse(context.Background(), randomRuns(1, 9, 1, 2), FuseOptions{}, 100, objective); err == nil {
		t.Error("a grid of billions was tried")
	}
}

func BenchmarkFuse(b *testing.B) {
	runs := randomRuns(4, 2, 100, 1000)
	for _, o := range []FuseOptions{{}, {Method: FuseConvex}} {
		b.Run(string(o.withDefaults().Method), func(b *testing.B) {
			for b.Loop() {
				if _, err := Fuse(runs, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
