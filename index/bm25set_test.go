package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// TestSetEqualsAnIndexBuiltAnew: after random additions, replacements, deletions, merges and reopenings, the hits and scores
// of every variant are those of one index over the documents that are left.
func TestSetEqualsAnIndexBuiltAnew(t *testing.T) {
	ctx := context.Background()
	for v, variant := range Variants() {
		r := rand.New(rand.NewPCG(31, uint64(v)))
		o := BM25Options{Analyzer: "whitespace", Variant: variant, ExactLengths: v%2 == 0, NoDocuments: v%4 == 3}
		if v%3 == 1 {
			o.TitleWeight = .5
		}
		dir := filepath.Join(t.TempDir(), "set")
		set := buildSet(t, dir, nil, o)
		left := map[string]labrador.Document{}
		for step := range 8 {
			changeAtRandom(t, r, set, left)
			if step == 3 || step == 7 {
				if err := set.Merge(ctx); err != nil {
					t.Fatal(err)
				}
				compareSections(t, set, left, o)
			}
			if step%3 == 2 {
				set.Close()
				set = openSet(t, dir)
			}
			if step%2 == 0 || !testing.Short() {
				compareSet(t, r, set, left, o)
			}
		}
		set.Close()
	}
}

func openSet(t *testing.T, dir string) *BM25Set {
	t.Helper()
	set, err := OpenBM25Set(dir)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func buildSet(t *testing.T, dir string, docs []labrador.Document, o BM25Options) *BM25Set {
	t.Helper()
	if err := BuildBM25Set(context.Background(), dir, sequence(docs), o); err != nil {
		t.Fatal(err)
	}
	return openSet(t, dir)
}

// changeAtRandom adds, replaces and deletes, a few documents or many, in the set and in left.
func changeAtRandom(t *testing.T, r *rand.Rand, set *BM25Set, left map[string]labrador.Document) {
	t.Helper()
	docs := randomDocuments(r, 1+r.IntN(2+398*r.IntN(2)), 80)
	for i := range docs {
		docs[i].ID = fmt.Sprint("d", r.IntN(3000))
	}
	docs = slices.CompactFunc(sortedByID(docs), func(a, b labrador.Document) bool { return a.ID == b.ID })
	r.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	have := len(left)
	for _, d := range docs {
		left[d.ID] = d
	}
	added, replaced, err := set.Add(t.Context(), sequence(docs), BM25Options{})
	if err != nil || added != len(left)-have || added+replaced != len(docs) {
		t.Fatalf("%d added, %d replaced of %d: %v", added, replaced, len(docs), err)
	}
	var gone []string
	share := 3 + r.IntN(200)
	for _, d := range documentsOf(left) {
		if r.IntN(share) == 0 {
			gone = append(gone, d.ID)
			delete(left, d.ID)
		}
	}
	n, err := set.Delete(t.Context(), append(gone, "none")...)
	if err != nil || n != len(gone) {
		t.Fatal(n, len(gone), err)
	}
}

// compareSections wants a merged set to have the bytes of an index built anew, but for the stored documents.
func compareSections(t *testing.T, set *BM25Set, left map[string]labrador.Document, o BM25Options) {
	t.Helper()
	want, got := buildDocuments(t, documentsOf(left), o).file, set.sole().file
	if !slices.Equal(got.Names(), want.Names()) {
		t.Fatalf("sections %v, want %v", got.Names(), want.Names())
	}
	for _, name := range want.Names() {
		if name == "store" || name == "storeblocks" || name == "arrivals" {
			continue
		}
		a, err := got.Section(name)
		b, err2 := want.Section(name)
		if err != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s: section %s has other bytes: %v %v", o, name, err, err2)
		}
	}
}

func documentsOf(left map[string]labrador.Document) []labrador.Document {
	return sortedByID(slices.Collect(maps.Values(left)))
}

func sortedByID(docs []labrador.Document) []labrador.Document {
	slices.SortFunc(docs, func(a, b labrador.Document) int { return strings.Compare(a.ID, b.ID) })
	return docs
}

// compareRM3 wants expanded queries to find the same, where the index has what they need.
func compareRM3(t *testing.T, set *BM25Set, x *BM25) {
	t.Helper()
	a, err := set.RM3(RM3Options{})
	b, err2 := x.RM3(RM3Options{})
	if (err == nil) != (err2 == nil) {
		t.Fatal(err, err2)
	}
	if err != nil {
		return
	}
	q := labrador.Query{Text: "w30 w50 w17"}
	got, err := a.Search(t.Context(), q, 20)
	want, err2 := b.Search(t.Context(), q, 20)
	if err != nil || err2 != nil || !slices.Equal(got, want) {
		t.Fatalf("RM3: %v %v\n got %v\nwant %v", err, err2, got[:min(8, len(got))], want[:min(8, len(want))])
	}
}

func compareSet(t *testing.T, r *rand.Rand, set *BM25Set, left map[string]labrador.Document, o BM25Options) {
	t.Helper()
	docs := documentsOf(left)
	if set.Len() != len(docs) {
		t.Fatalf("%d documents, want %d", set.Len(), len(docs))
	}
	x := buildDocuments(t, docs, o)
	for range 6 {
		var query []string
		for range 1 + r.IntN(5) {
			query = append(query, fmt.Sprint("w", r.IntN(60)*r.IntN(60)/60))
		}
		q := labrador.Query{Text: strings.Join(query, " ")}
		for _, k := range []int{1, 10, 500} {
			got, err := set.Search(context.Background(), q, k)
			want, err2 := x.Search(context.Background(), q, k)
			if err != nil || err2 != nil || !slices.Equal(got, want) {
				t.Fatalf("%s, query %q, k %d: %v %v\n got %v\nwant %v", o, q.Text, k, err, err2, got[:min(8, len(got))], want[:min(8, len(want))])
			}
			got, err = set.SearchAll(context.Background(), q, k)
			want, err2 = x.SearchAll(context.Background(), q, k)
			if err != nil || err2 != nil || !slices.Equal(got, want) {
				t.Fatalf("%s, all of %q, k %d: %v %v\n got %v\nwant %v", o, q.Text, k, err, err2, got[:min(8, len(got))], want[:min(8, len(want))])
			}
		}
	}
	compareRM3(t, set, x)
	for i, d := range docs {
		if o.NoDocuments || i%7 != 0 {
			continue
		}
		if got, ok, err := set.Document(d.ID); !ok || err != nil || got != d {
			t.Fatal(got, ok, err)
		}
	}
}

// TestSetKeepsItsStateWhenAChangeFails: an error in the middle of an addition leaves the set as it was.
func TestSetKeepsItsStateWhenAChangeFails(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "set")
	set := buildSet(t, dir, []labrador.Document{{ID: "a", Text: "one fish"}, {ID: "b", Text: "two fish"}}, BM25Options{})
	twice := []labrador.Document{{ID: "a", Text: "x"}, {ID: "a", Text: "y"}}
	if _, _, err := set.Add(ctx, sequence(twice), BM25Options{}); err == nil {
		t.Fatal("a document twice is taken")
	}
	hits, err := set.Search(ctx, labrador.Query{Text: "fish"}, 10)
	if err != nil || len(hits) != 2 {
		t.Fatal(hits, err)
	}
	set.Close()
	if set = openSet(t, dir); set.Len() != 2 {
		t.Fatal(set.Len())
	}
	if n, err := set.Delete(ctx, "a", "b"); n != 2 || err != nil || set.Len() != 0 {
		t.Fatal(n, err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 2 { // segments.json and the lock
		t.Fatalf("left behind: %v", names)
	}
	set.Close()
}

// listedContext ends as soon as the list of the set in dir names a file, or does not: a change fails after it was made.
type listedContext struct {
	context.Context
	dir, name string
	listed    bool
}

func (c listedContext) Err() error {
	if list, _ := os.ReadFile(filepath.Join(c.dir, setFile)); strings.Contains(string(list), c.name) == c.listed {
		return context.Canceled
	}
	return nil
}

// TestSetKeepsAChangeWhoseMergeFails: what the list names stays where the merging after it fails, and the counts say so.
func TestSetKeepsAChangeWhoseMergeFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	var docs []labrador.Document
	for i := range setFactor + 1 {
		docs = append(docs, labrador.Document{ID: fmt.Sprint("d", i), Text: "hello"})
	}
	set := buildSet(t, dir, docs[:1], BM25Options{})
	defer set.Close()
	for i := 1; i <= setFactor; i++ {
		ctx := listedContext{t.Context(), dir, fmt.Sprintf("%06d.bm25", set.list.Next), true}
		added, replaced, err := set.Add(ctx, sequence(docs[i:i+1]), BM25Options{})
		if merges := i >= setFactor-1; errors.Is(err, context.Canceled) != merges || !merges && err != nil || added != 1 || replaced != 0 {
			t.Fatal(i, added, replaced, err)
		}
	}
	if n, err := set.Delete(listedContext{t.Context(), dir, "000001.bm25", false}, "d0"); !errors.Is(err, context.Canceled) || n != 1 {
		t.Fatal(n, err)
	}
	again := openSet(t, dir)
	defer again.Close()
	for _, s := range []*BM25Set{set, again} {
		hits, err := s.Search(t.Context(), labrador.Query{Text: "hello"}, 20)
		if parts, _ := s.Parts(); err != nil || len(hits) != setFactor || parts != setFactor {
			t.Fatal(hits, parts, err)
		}
	}
	if n, err := set.Delete(t.Context(), "none"); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if parts, _ := set.Parts(); parts != 1 {
		t.Fatalf("%d parts: the next change does not merge", parts)
	}
}

// TestSetLeavesOtherFiles: building and changing remove a set's own files, and no others whatever their names.
func TestSetLeavesOtherFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	buildSet(t, dir, []labrador.Document{{ID: "a", Text: "hello"}}, BM25Options{}).Close()
	foreign := []string{"bm25", "notes.bm25", "1.bm25", "000001.bm25.old", "000009.bm25"}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set := buildSet(t, dir, []labrador.Document{{ID: "b", Text: "hello"}}, BM25Options{})
	defer set.Close()
	if _, _, err := set.Add(t.Context(), sequence([]labrador.Document{{ID: "c", Text: "hello"}}), BM25Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := set.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{atomicfile.LockName, "000001.bm25.old", "000003.bm25", "1.bm25", "bm25", "notes.bm25", setFile}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want) // 000009.bm25 is as a killed change leaves it
	}

	old := filepath.Join(t.TempDir(), "old") // a folder without a list: its file goes when a list takes its place
	if err := os.Mkdir(old, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := BuildBM25(t.Context(), filepath.Join(old, setSingle), sequence([]labrador.Document{{ID: "a"}}), BM25Options{}); err != nil {
		t.Fatal(err)
	}
	buildSet(t, old, []labrador.Document{{ID: "b"}}, BM25Options{}).Close()
	if got, want := names(t, old), []string{atomicfile.LockName, "000001.bm25", setFile}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

// TestBuildOverAListThatCannotBeRead: a build over a set of another version, or damaged, keeps its files until the new list is written.
func TestBuildOverAListThatCannotBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	buildSet(t, dir, []labrador.Document{{ID: "a", Text: "old"}}, BM25Options{}).Close()
	list, file := filepath.Join(dir, setFile), filepath.Join(dir, "000001.bm25")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(list)
	if err := os.MkdirAll(filepath.Join(list, "full"), 0o755); err != nil { // can neither be read nor replaced
		t.Fatal(err)
	}
	docs := sequence([]labrador.Document{{ID: "b", Text: "new"}})
	if err := BuildBM25Set(t.Context(), dir, docs, BM25Options{}); err == nil {
		t.Fatal("the list was replaced")
	}
	if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, old) {
		t.Fatal("the old file is another", err)
	}
	os.RemoveAll(list)
	if err := os.WriteFile(list, []byte(`{"Version":9}`), 0o644); err != nil {
		t.Fatal(err)
	}
	set := buildSet(t, dir, []labrador.Document{{ID: "b", Text: "new"}}, BM25Options{})
	defer set.Close()
	if got := names(t, dir); set.Len() != 1 || !slices.Equal(got, []string{atomicfile.LockName, "000003.bm25", setFile}) {
		t.Fatal(got)
	}
}

// TestPartWithoutDocuments: a set that says it keeps documents has no part that does not, which RM3 would read them from; also not one that
// another process has built meanwhile.
func TestPartWithoutDocuments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	docs := []labrador.Document{{ID: "a", Text: "hello there"}}
	set := buildSet(t, dir, docs, BM25Options{})
	defer set.Close()
	buildSet(t, dir, docs, BM25Options{NoDocuments: true}).Close()
	if _, _, err := set.Add(t.Context(), sequence([]labrador.Document{{ID: "b"}}), BM25Options{}); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Error(err)
	}
	l, err := readSetList(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.NoDocuments = false
	if err := writeSetList(dir, l); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBM25Set(dir); err == nil || !strings.Contains(err.Error(), "keeps no documents") {
		t.Error(err)
	}
}

// TestSearchAll compares with going through the documents.
func TestSearchAll(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	docs := randomDocuments(r, 4000, 200)
	for _, title := range []float64{0, 1} {
		x := buildDocuments(t, docs, BM25Options{Analyzer: "whitespace", TitleWeight: title})
		for range 30 {
			words := []string{fmt.Sprint("w", r.IntN(6)), fmt.Sprint("w", r.IntN(30)), fmt.Sprint("w", r.IntN(60))}
			query := labrador.Query{Text: strings.Join(words, " ")}
			all, err := x.Search(context.Background(), query, len(docs))
			if err != nil {
				t.Fatal(err)
			}
			have := map[string]bool{}
			for _, d := range docs {
				text := " " + d.Contents() + " "
				have[d.ID] = strings.Contains(text, " "+words[0]+" ") && strings.Contains(text, " "+words[1]+" ") && strings.Contains(text, " "+words[2]+" ")
			}
			var want []string
			for _, h := range all {
				if have[h.ID] && len(want) < 50 {
					want = append(want, h.ID)
				}
			}
			hits, err := x.SearchAll(context.Background(), query, 50)
			var got []string
			for _, h := range hits {
				got = append(got, h.ID)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q: %v\n got %v\nwant %v", query.Text, err, got, want)
			}
		}
	}
}

// TestSearchAllOfTermsWithoutWeight: a term that most documents have weighs nothing by some formulas, and documents must have it all the same.
func TestSearchAllOfTermsWithoutWeight(t *testing.T) {
	docs := []labrador.Document{{ID: "1", Text: "common rare"}, {ID: "2", Text: "common other"}, {ID: "3", Text: "common thing"}, {ID: "4", Text: "common"}}
	for _, v := range Variants() {
		dir := filepath.Join(t.TempDir(), "set")
		set := buildSet(t, dir, docs[:2], BM25Options{Variant: v})
		defer set.Close()
		if _, _, err := set.Add(t.Context(), sequence(docs[2:]), BM25Options{}); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int{"common rare": 1, "common": 4, "common none": 0, "rare other": 0} {
			x := buildDocuments(t, docs, BM25Options{Variant: v})
			one, err := x.SearchAll(t.Context(), labrador.Query{Text: query}, 10)
			many, err2 := set.SearchAll(t.Context(), labrador.Query{Text: query}, 10)
			if err != nil || err2 != nil || len(one) != want || !slices.Equal(one, many) {
				t.Errorf("%s, %q: %v and %v, want %d; %v, %v", v, query, one, many, want, err, err2)
			}
		}
	}
}

// TestSetAnswersDuringAChange is for the race detector.
func TestSetAnswersDuringAChange(t *testing.T) {
	set := buildSet(t, filepath.Join(t.TempDir(), "set"), []labrador.Document{{ID: "a", Text: "hello"}}, BM25Options{})
	defer set.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 1000 {
			set.Options()
			set.Len()
			if _, err := set.RM3(RM3Options{}); err != nil {
				t.Error(err)
			}
		}
	})
	if _, _, err := set.Add(t.Context(), sequence([]labrador.Document{{ID: "b", Text: "hello"}}), BM25Options{}); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

// TestPlanMerges counts what the policy writes for documents that come one by one: at most one time per tier each, over a
// number of parts that grows with the logarithm, as planMerges says.
func TestPlanMerges(t *testing.T) {
	for _, deletes := range []bool{false, true} {
		var parts []partSize
		r := rand.New(rand.NewPCG(71, 72))
		const n = 20000
		written, gone := 0, 0
		for range n {
			parts = append(parts, partSize{left: 1})
			if i := r.IntN(len(parts)); deletes && r.IntN(3) == 0 && parts[i].left > 1 {
				parts[i].left--
				parts[i].deleted++
				gone++
			}
			for plan := planMerges(parts); len(plan) > 0; plan = planMerges(parts) {
				var rest []partSize
				for _, group := range plan {
					all := partSize{}
					for _, i := range group {
						all.left += parts[i].left
						parts[i].left = -1
					}
					written += all.left
					rest = append(rest, all)
				}
				for _, p := range parts {
					if p.left >= 0 {
						rest = append(rest, p)
					}
				}
				parts = rest
			}
			if most := (setFactor - 1) * (tier(n) + 1); len(parts) > most {
				t.Fatalf("%d parts, want at most %d", len(parts), most)
			}
		}
		if most := tier(n)*(n+gone) + (maxDeleted-1)*gone; written > most {
			t.Errorf("%d documents written for %d added and %d deleted, want at most %d", written, n, gone, most)
		}
		t.Logf("%d added, %d deleted: %d written, %d parts", n, gone, written, len(parts))
	}
}

// TestSetMergesByItself: many small changes leave few parts, and the documents come back.
func TestSetMergesByItself(t *testing.T) {
	set := buildSet(t, filepath.Join(t.TempDir(), "set"), nil, BM25Options{})
	defer set.Close()
	for i := range 40 {
		d := labrador.Document{ID: fmt.Sprint("d", i), Text: fmt.Sprint("one fish number ", i)}
		if _, _, err := set.Add(t.Context(), sequence([]labrador.Document{d}), BM25Options{Threads: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if parts, _ := set.Parts(); parts > (setFactor-1)*3 || set.Len() != 40 {
		t.Fatalf("%d parts of %d documents", parts, set.Len())
	}
	for i := range 25 {
		if n, err := set.Delete(t.Context(), fmt.Sprint("d", i)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, deleted := set.Parts(); deleted > 40/maxDeleted {
		t.Errorf("%d deleted documents are kept", deleted)
	}
	if d, ok, err := set.Document("d39"); !ok || err != nil || d.Text != "one fish number 39" {
		t.Fatal(d, ok, err)
	}
}

// TestSetsOfTwoProcesses: an open set goes on while another changes the folder, its own next change sees what the other did, and
// two changes at once are refused.
func TestSetsOfTwoProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	a := buildSet(t, dir, []labrador.Document{{ID: "a", Text: "one fish"}}, BM25Options{})
	defer a.Close()
	b := openSet(t, dir)
	defer b.Close()
	inside := func(yield func(labrador.Document, error) bool) {
		if _, err := a.Delete(t.Context(), "a"); !errors.Is(err, atomicfile.ErrBusy) {
			t.Errorf("two changes at once: %v", err)
		}
		yield(labrador.Document{ID: "b", Text: "two fish"}, nil)
	}
	if _, _, err := b.Add(t.Context(), inside, BM25Options{}); err != nil {
		t.Fatal(err)
	}
	if hits, err := a.Search(t.Context(), labrador.Query{Text: "fish"}, 10); err != nil || len(hits) != 1 {
		t.Fatal(hits, err)
	}
	if n, err := a.Delete(t.Context(), "b"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestWeightedTerms(t *testing.T) {
	x := buildDocuments(t, []labrador.Document{{ID: "a", Text: "running dogs"}}, BM25Options{})
	got, err := x.WeightedTerms("Dogs^2.5 are running state-of-the-art^0")
	want := []WeightedTerm{{"dog", 2.5}, {"run", 1}, {"state", 0}, {"art", 0}} // "are", "of" and "the" are stop words
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"dogs^", "^2", "dogs^x", "dogs^-1", "dogs^inf", "a^2^3"} {
		if _, err := x.WeightedTerms(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
