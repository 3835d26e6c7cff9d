package study

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeDataset makes a folder in BEIR's layout of n documents and queries about made-up things, the same for the same arguments.
func writeDataset(t testing.TB, dir string, n, shift int) {
	t.Helper()
	words := strings.Fields("apple bread cheese dates eggs figs grapes honey ice jam kale lemon mango nuts oats pears quince rice salt tea")
	var corpus, queries, test, dev strings.Builder
	head := "query-id\tcorpus-id\tscore\n"
	test.WriteString(head)
	dev.WriteString(head)
	word := func(i int) string { return words[((i*i+shift)%97+i)%len(words)] }
	for i := range n {
		fmt.Fprintf(&corpus, `{"_id":"d%d","title":"%s","text":"%s %sing %s %s"}`+"\n", i, word(i), word(2*i), word(3*i+1), word(i/3), word(7*i))
		fmt.Fprintf(&queries, `{"_id":"q%d","text":"%s %s number %d"}`+"\n", i, word(i), word(3*i+1), i)
		to := &test
		if i%3 == 0 {
			to = &dev
		}
		fmt.Fprintf(to, "q%d\td%d\t1\nq%d\td%d\t2\n", i, i, i, (i*5+1)%n)
	}
	fmt.Fprintf(&corpus, `{"_id":"twin","title":"%s","text":"%s %sing %s %s"}`+"\n", word(1), word(2), word(4), word(0), word(7))
	for name, text := range map[string]string{"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String(), "qrels/test.tsv": test.String(), "qrels/dev.tsv": dev.String()} {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const runStudy = `
name: run
datasets: [{name: food, group: eat}, {name: drink, group: eat}, {name: other, group: rest}]
systems:
  - words
  - {name: w2, kind: words, prefix: 2}
  - {name: sweep, kind: words, prefix: [1, 3]}
  - {name: both, kind: mix, of: [words, w2], weight: 0.5}
  - {name: tuned, kind: mix, of: [words, w2], tune: dev, only: [eat]}
  - {name: few, kind: words, prefix: 4, only: [other]}
measures: [nDCG@10, R@100]
twins: one
groups: {short: [w2, sweep-prefix=1]}
claims:
  - {say: a, higher: words, than: w2, on: eat}
  - {say: b, lower: short, than: words, on: all, measure: R@100}
  - {say: c, equal: words, to: both, on: food, within: 0.02}
  - {say: d, higher: few, than: words, on: all}
expect:
  - {system: words, on: food, measure: nDCG@10, value: 0.2, within: 0.5, source: a guess}
`

func testData(t testing.TB) string {
	data := t.TempDir()
	for i, name := range []string{"food", "drink", "other"} {
		writeDataset(t, filepath.Join(data, name), 60+20*i, i)
	}
	return data
}

func runOnce(t testing.TB, text, data, cache, out string) *Outcome {
	t.Helper()
	s, err := parseText(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(context.Background(), s, Options{Folders: []string{data}, Cache: cache, Out: out, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRun(t *testing.T) {
	data, cache, out := testData(t), t.TempDir(), t.TempDir()
	first := runOnce(t, runStudy, data, cache, out)
	fresh := read(t, out+"/results.json")
	for _, r := range first.Times.Runs {
		if r.Cached {
			t.Errorf("%s on %s was in an empty cache", r.System, r.Dataset)
		}
	}
	again := runOnce(t, runStudy, data, cache, out)
	for _, r := range again.Times.Runs {
		if !r.Cached {
			t.Errorf("%s on %s was made twice", r.System, r.Dataset)
		}
	}
	if read(t, out+"/results.json") != fresh {
		t.Error("results.json differs from the cache")
	}
	if runOnce(t, runStudy, data, t.TempDir(), out); read(t, out+"/results.json") != fresh {
		t.Error("results.json differs with another cache")
	}
	var parsed Results
	if err := json.Unmarshal([]byte(fresh), &parsed); err != nil {
		t.Fatal(err)
	}
	checkShape(t, &parsed)
	for _, name := range []string{"runs/food.words.run", "runs/food@dev.w2.run", "values/other.tsv", "times.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if line, _, _ := strings.Cut(read(t, out+"/runs/food.sweep-prefix=1.run"), "\n"); !strings.HasSuffix(line, " sweep-prefix=1") {
		t.Errorf("tag: %q", line)
	}
}

func checkShape(t *testing.T, r *Results) {
	t.Helper()
	// 5 systems on all three datasets, one on two, one on one; 2 measures
	if got, want := len(r.Results), (5*3+2+1)*2; got != want {
		t.Errorf("%d results, want %d", got, want)
	}
	if got, want := len(r.Comparisons), (4*3+2+1)*2; got != want {
		t.Errorf("%d comparisons, want %d", got, want)
	}
	if len(r.Claims) != 4 || len(r.Claims[1].Datasets) != 3 || len(r.Claims[1].Left) != 2 || len(r.Claims[3].Datasets) != 1 {
		t.Errorf("claims %+v", r.Claims)
	}
	if r.Claims[0].Beyond == nil || r.Claims[2].Beyond != nil {
		t.Error("a claim on a group is judged beyond it, one on a dataset is not")
	}
	groups := map[string]int{}
	for _, g := range r.Groups {
		groups[g.Group]++
	}
	if groups["eat"] != 6*2 || groups["all"] != 5*2 || groups["rest"] != 0 {
		t.Errorf("groups %v", groups)
	}
	if len(r.Expectations) != 1 || !r.Expectations[0].Met {
		t.Errorf("expectations %+v", r.Expectations)
	}
	if r.Datasets[0].TwinDocuments != 1 || r.Results[0].MeanTwinsApart == nil {
		t.Errorf("twins: %+v", r.Datasets[0])
	}
	if note := r.Systems[5].Chosen["food"]; !strings.HasPrefix(note, "weight ") {
		t.Errorf("note of the tuned system: %q", note)
	}
	if d := r.Comparisons[0].NotTheSame; len(d) != 1 || d[0] != "prefix: 2 / 0" {
		t.Errorf("not the same: %v", d)
	}
}

// TestDamagedCache: what is cut short, emptied or deleted in the cache is made again.
func TestDamagedCache(t *testing.T) {
	data, cache, out := testData(t), t.TempDir(), t.TempDir()
	runOnce(t, runStudy, data, cache, out)
	want := read(t, out+"/results.json")
	files, _ := filepath.Glob(cache + "/*/*/*")
	if len(files) < 20 {
		t.Fatalf("only %d files in the cache", len(files))
	}
	for i, file := range files {
		switch i % 5 {
		case 0:
			os.Remove(file)
		case 1:
			os.Truncate(file, int64(len(read(t, file))/2))
		case 2:
			os.WriteFile(file, nil, 0o644)
		}
	}
	runOnce(t, runStudy, data, cache, out)
	if read(t, out+"/results.json") != want {
		t.Error("results.json differs after damage")
	}
}

// TestCancel: a cancelled study ends with the context's error and goes on later.
func TestCancel(t *testing.T) {
	data, cache, out := testData(t), t.TempDir(), t.TempDir()
	s, err := parseText(runStudy)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p, err := NewPlan(ctx, s, Options{Folders: []string{data}, Cache: cache, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := p.Run(ctx); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Fatalf("got %v", err)
	}
	runOnce(t, runStudy, data, cache, out)
}

// TestTwoSplitsOfOneDataset: under names of their own, two splits of one dataset are two datasets of the study.
func TestTwoSplitsOfOneDataset(t *testing.T) {
	data := t.TempDir()
	for name, text := range map[string]string{"corpus.jsonl": "{\"_id\":1,\"text\":\"apple\"}\n{\"_id\":2,\"text\":\"bread\"}\n",
		"queries.jsonl": "{\"_id\":1,\"text\":\"apple\"}\n{\"_id\":2,\"text\":\"bread\"}\n", "qrels/test.tsv": "1\t1\t1\n", "qrels/train.tsv": "2\t2\t1\n"} {
		path := filepath.Join(data, "food", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := parseText("name: x\ndatasets: [food, {name: food-train, dataset: food, split: train}]\nsystems: [words]\n")
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(context.Background(), s, Options{Folders: []string{data}, Cache: t.TempDir(), Out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	a, b := p.Data[0], p.Data[1]
	if a.Name != "food" || b.Name != "food-train" || a.Dataset != "food" || b.Dataset != "food" || a.Queries[0].ID != "1" || b.Queries[0].ID != "2" || a.Corpus != b.Corpus {
		t.Errorf("%+v, %+v", a, b)
	}
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestPlanErrors(t *testing.T) {
	data := testData(t)
	for name, text := range map[string]string{"corpus.jsonl": "{\"_id\":2,\"text\":\"a\"}\n", "queries.jsonl": "{\"_id\":1,\"text\":\"a\"}\n", "qrels/test.tsv": "1\t2.0\t1\n"} {
		path := filepath.Join(data, "floats", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	head := "name: x\ndatasets: [food, drink]\nsystems:\n  - words\n  - {name: two, kind: words, only: [food]}\n"
	for _, c := range []struct{ text, want string }{
		{strings.Replace(head, "drink", "drnk", 1), "s.yaml:2: dataset drnk"},
		{strings.Replace(head, "drink", "floats", 1), `s.yaml:2: dataset floats: none of the 1 judged documents of split test is in its corpus; 2.0 looks like the id 2 written as a decimal: write the ids of the judgements as corpus and queries have them`},
		{head + "measures: [nDGC@10]\n", "measures: "},
		{head + "measures: [num_ret]\n", "measures: num_ret is no mean"},
		{head + "claims: [{say: a, higher: two, than: words, on: fod}]\n", `s.yaml:6: claim: on: no dataset or group "fod" (did you mean "food"?)`},
		{head + "claims: [{say: a, higher: two, than: words, on: drink}]\n", `s.yaml:6: claim: two and words run together on none of drink`},
		{head + "claims: [{say: a, higher: two, than: words, measure: AP}]\n", `s.yaml:6: claim: AP is not among the study's measures`},
		{head + "  - {name: t, kind: mix, of: [words, two], tune: test}\n", "split test is tested on"},
		{head + "  - {name: t, kind: mix, of: [words, two], tune: train}\n", `no split "train"`},
		{head + "  - {name: t, kind: words, only: [fod]}\n", `s.yaml:6: only: no dataset or group "fod"`},
	} {
		s, err := parseText(c.text)
		if err == nil {
			_, err = NewPlan(context.Background(), s, Options{Folders: []string{data}, Cache: t.TempDir(), Out: t.TempDir()})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}
