package eval

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// printGroups evaluates from the file and from memory, requires the same output and returns it.
func printGroups(t *testing.T, form Form, judgements, run string, opts Options, measures ...string) string {
	t.Helper()
	ms, err := ParseAll(measures)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := ReadGroups(judgements, form)
	if err != nil {
		t.Fatal(err)
	}
	r, err := groups.File(t.Context(), ms, run, opts)
	if err != nil {
		t.Fatal(err)
	}
	hits, err := labrador.ReadRun(run)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := groups.PerQuery(ms, hits, opts)
	if err != nil {
		t.Fatal(err)
	}
	r2.RunID = r.RunID
	var fromFile, fromMemory bytes.Buffer
	WriteTrec(&fromFile, r, true, true)
	WriteTrec(&fromMemory, r2, true, true)
	if fromFile.String() != fromMemory.String() {
		t.Errorf("%s: file and memory differ:\n%s", judgements, diff(fromFile.String(), fromMemory.String()))
	}
	return fromFile.String()
}

// TestTrecEvalGroups compares byte by byte with the outputs that come with trec_eval 10 for its other forms of judgements (Makefile, quicktest).
func TestTrecEvalGroups(t *testing.T) {
	dir := outside.Data(t, "reference/trec_eval/test")
	for _, c := range []struct {
		form                            Form
		judgements, run, want, measures string
	}{
		{Prefs, "prefs.test", "prefs.results.test", "out.test.prefs", "all_prefs"},
		{Prefs, "prefs.comment.test", "prefs.results.test", "out.test.prefs", "all_prefs"},
		{QrelsPrefs, "qrels.test", "results.test", "out.test.qrels_prefs", "all_prefs"},
		{QrelsGroup, "qrels.123", "results.test", "out.test.qrels_jg", "qrels_jg"},
		{QrelsGroup, "qrels.comments.123", "results.test", "out.test.qrels_jg", "qrels_jg"},
	} {
		want, err := os.ReadFile(filepath.Join(dir, c.want))
		if err != nil {
			t.Fatal(err)
		}
		if got := printGroups(t, c.form, filepath.Join(dir, c.judgements), filepath.Join(dir, c.run), Options{}, c.measures); got != string(want) {
			t.Errorf("%s: %s", c.judgements, diff(got, string(want)))
		}
	}
}

// TestGroupsByHand compares with trec_eval 10's outputs for a few hand-written judgements: transitive preferences, users who disagree, groups without any
// preference, ties, missing queries, -M and -J.
func TestGroupsByHand(t *testing.T) {
	at := func(name string) string { return filepath.Join("testdata", "prefs", name) }
	for _, c := range []struct {
		form             Form
		judgements, want string
		opts             Options
		measures         []string
	}{
		{Prefs, "prefs", "prefs.out", Options{Complete: true}, []string{"all_prefs"}},
		{Prefs, "prefs", "prefs.depth.out", Options{Complete: true, Depth: 2}, []string{"all_prefs"}},
		{QrelsPrefs, "levels", "qrels_prefs.out", Options{Complete: true}, []string{"all_prefs"}},
		{QrelsGroup, "qrels", "qrels_jg.out", Options{Complete: true, JudgedOnly: true}, []string{"map_avgjg", "P_avgjg.1,3", "Rprec_mult_avgjg.0.5,1,2"}},
	} {
		if got, want := printGroups(t, c.form, at(c.judgements), at("run"), c.opts, c.measures...), readFile(t, at(c.want)); got != want {
			t.Errorf("%s: %s", c.want, diff(got, want))
		}
	}
}

func TestGroupsRefuse(t *testing.T) {
	var wide strings.Builder // every document in a subgroup of its own pair: as many levels as documents, all far apart
	for i := range 40_000 {
		fmt.Fprintf(&wide, "q g s%d d%d 1\nq g s%d d%d 2\n", i, i, i, i+1)
	}
	for name, c := range map[string]struct {
		form Form
		text string
		says []string
	}{
		"columns of prefs":  {Prefs, "q g s a 1\n\nq g a 1\n", []string{":3:", "4 columns", "prefs have 5"}},
		"columns of qrels":  {QrelsGroup, "q g s a 1\n", []string{":1:", "5 columns", "qrels_jg have 4"}},
		"level":             {QrelsPrefs, "q g a one\n", []string{":1:", `"one" is not a number`}},
		"infinite level":    {Prefs, "q g s a inf\n", []string{":1:", "not a number"}},
		"negative level":    {QrelsPrefs, "q g a 1\nq g b -1\n", []string{":2:", "below 0"}},
		"broken grade":      {QrelsGroup, "q g a 1.5\n", []string{":1:", "whole number"}},
		"huge grade":        {QrelsGroup, "q g a 1e9\n", []string{":1:", "up to 1000"}},
		"twice":             {QrelsGroup, "q g a 1\nq h a 1\nq g a 1\n", []string{":3:", "query q", "document a", "twice in group g", "line 1"}},
		"twice in subgroup": {Prefs, "q g s a 1\nq g t a 1\nq g s a 2\n", []string{":3:", "document a", "twice in group g s"}},
		"two natures":       {Prefs, "q g s a 1\nq g s b 0\nq g t a 0\n", []string{":3:", "document a", "level 0 in one subgroup"}},
		"contradiction":     {Prefs, "p g s a 1\nq g s a 1\nq g s b 2\nq g t c 1\nq g t a 2\nq g u b 1\nq g u c 2\n", []string{":2:", "query q: group g", "is preferred to"}},
		"too wide":          {Prefs, wide.String(), []string{":1:", "40001 documents", "40000 subgroups"}},
		"missing":           {Prefs, "", nil},
	} {
		path := write(t, []byte(c.text))
		if name == "missing" {
			path += ".not"
			c.says = []string{"no such file"}
		}
		_, err := ReadGroups(path, c.form)
		for _, s := range c.says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: got %v, want %q in it", name, err, s)
			}
		}
	}
	groups, err := ReadGroups(write(t, []byte("q g s a 1\n")), Prefs)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"map", "nDCG@10", "map_avgjg", "num_ret"} {
		ms, _ := ParseAll([]string{m})
		if _, err := groups.PerQuery(ms, labrador.Run{"q": {{ID: "a"}}}, Options{}); err == nil || !strings.Contains(err.Error(), "needs judgements of the form") {
			t.Errorf("%s of preferences: %v", m, err)
		}
	}
	ms, _ := ParseAll([]string{"prefs"})
	if _, err := PerQuery(ms, labrador.Qrels{"q": {"a": 1}}, labrador.Run{"q": {{ID: "a"}}}, Options{}); err == nil {
		t.Error("took preferences of qrels")
	}
	if _, err := groups.PerQuery(ms, labrador.Run{"q": {{ID: "a"}, {ID: "a"}}}, Options{}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a document twice: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := groups.File(ctx, ms, write(t, []byte("q Q0 a 1 1 t\n")), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// naive follows preferences as trec_eval does, document by document until nothing changes.
func (g *prefGroup) naive() [][]bool {
	above := make([][]bool, len(g.docs))
	for i := range above {
		above[i] = make([]bool, len(g.docs))
	}
	for _, s := range g.subs {
		for _, a := range s {
			for _, b := range s {
				above[a.place][b.place] = above[a.place][b.place] || a.level > b.level
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range above {
			for j := range above {
				for k := range above {
					if above[i][k] && above[k][j] && !above[i][j] {
						above[i][j], changed = true, true
					}
				}
			}
		}
	}
	return above
}

// TestClosure compares with the naive one on random subgroups, contradictions included.
func TestClosure(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	bad := 0
	for range 300 {
		g := &prefGroup{docs: make([]int32, 1+rng.IntN(70))}
		for range 2 + rng.IntN(3) {
			var s subgroup
			for _, place := range rng.Perm(len(g.docs))[:min(len(g.docs), 2+rng.IntN(4))] {
				s = append(s, subDoc{int32(place), float64(rng.IntN(4))})
			}
			slices.SortFunc(s, func(a, b subDoc) int { return cmp.Compare(b.level, a.level) })
			g.subs = append(g.subs, s)
		}
		want := g.naive()
		contradicts := false
		for i := range want {
			contradicts = contradicts || want[i][i]
		}
		a, b, err := g.check()
		if err != nil || (a != b) != contradicts {
			t.Fatalf("check says %d, %d, %v; want a contradiction: %v", a, b, err, contradicts)
		}
		if contradicts {
			bad++
			if !want[a][b] || !want[b][a] {
				t.Fatalf("%d and %d do not contradict each other", a, b)
			}
			continue
		}
		got := g.closure()
		for i := range want {
			for j := range want {
				if got.has(int32(i), int32(j)) != want[i][j] {
					t.Fatalf("%d over %d: want %v", i, j, want[i][j])
				}
			}
		}
	}
	if bad < 10 || bad > 290 {
		t.Errorf("%d of 300 contradict themselves: the test sees one side only", bad)
	}
}

// FuzzReadGroups: any bytes give an error or judgements whose values are sound.
func FuzzReadGroups(f *testing.F) {
	for _, name := range []string{"prefs", "qrels", "levels"} {
		b, err := os.ReadFile(filepath.Join("testdata", "prefs", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(len(name)))
	}
	f.Add([]byte("q g s a 1\nq g s b 2\nq g t a 2\nq g t b 1\n"), uint8(0))
	run := labrador.Run{}
	for _, q := range []string{"1", "2", "3", "q"} {
		run[q] = []labrador.Hit{{ID: "d", Score: 3}, {ID: "a", Score: 2}, {ID: "x", Score: 2}, {ID: "b", Score: 1}}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		form := []Form{Prefs, QrelsPrefs, QrelsGroup}[which%3]
		path := filepath.Join(dir, "judgements")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		groups, err := ReadGroups(path, form)
		if err != nil {
			return
		}
		ms, _ := ParseAll([]string{form.widest()})
		r, err := groups.PerQuery(ms, run, Options{Complete: true})
		if err != nil {
			if !errors.Is(err, ErrNothing) || groups.Queries() > 0 {
				t.Fatal(err)
			}
			return
		}
		for j, m := range ms {
			for i, v := range r.Values[j] {
				if !(v >= 0) || m.Averaged() && v > 1 {
					t.Fatalf("query %s: %s is %v", r.Queries[i], m, v)
				}
			}
		}
	})
}

func TestSuggestions(t *testing.T) {
	for name, want := range map[string]string{
		"nDGC@10": "nDCG@10", "ndgc_cut_10": "ndcg_cut_10", "recall10": "R@10", "P10": "P_10", "hit@5": "Success@5", "mapp": "map", "mrr10": "RR@10", "F1": "SetF",
		"al_trec": "all_trec", "prefs_simple": "prefs_simp", "recip": "recip_rank", "bref": "bpref", "NDCG10": "nDCG@10", "mean_average_precision": "AP",
	} {
		_, err := Parse(name)
		if err == nil || !strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error()+" ", want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	for _, name := range []string{"xyzzy", "", "@10", "123", "(", strings.Repeat("ndc", 1000)} {
		if _, err := Parse(name); err == nil || strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%.20q: got %.200v", name, err)
		}
	}
}
