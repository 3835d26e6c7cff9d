package eval

import (
	"slices"
	"strings"
	"testing"
)

func names(ms []Measure) []string {
	var out []string
	for _, m := range ms {
		out = append(out, m.String())
	}
	return out
}

func TestParse(t *testing.T) {
	for name, want := range map[string]string{
		"map": "map", "P_10": "P_10", "P.7,5": "P_5 P_7", "ndcg_cut_10": "ndcg_cut_10", "ndcg_cut.10": "ndcg_cut_10", "success": "success_1 success_5 success_10",
		"ndcg_cut":             "ndcg_cut_5 ndcg_cut_10 ndcg_cut_15 ndcg_cut_20 ndcg_cut_30 ndcg_cut_100 ndcg_cut_200 ndcg_cut_500 ndcg_cut_1000",
		"iprec_at_recall_0.50": "iprec_at_recall_0.50", "iprec_at_recall..1": "iprec_at_recall_0.10", "set_F_2": "set_F_2", "rbp.p=0.8": "rbp_p=0.8", "relstring": "relstring",
		"recall_1000": "recall_1000", "nDCG@10": "nDCG@10", "ndcg@10": "nDCG@10", "NDCG@10": "nDCG@10", "MAP": "AP", "AP(rel=2)@1000": "AP(rel=2)@1000",
		"mrr@10": "RR@10", "Recall@100": "R@100", "RBP(p=0.8,rel=1)": "RBP(rel=1)", "RBP(rel=2, p=0.9)": "RBP(p=0.9,rel=2)", "Judged@10": "Judged@10", "IPrec@0.5": "IPrec@0.5",
		`nDCG(dcg="exp-log2")@20`: "nDCG(dcg='exp-log2')@20", "nDCG(gains={1: 3, 2:9}, judged_only=True)@5": "nDCG(gains={1: 3, 2: 9},judged_only=True)@5", "GMAP": "GMAP",
		"SetP(relative=True)": "SetP(relative=True)", "NumRet(rel=2)": "NumRet(rel=2)",
	} {
		ms, err := Parse(name)
		if got := strings.Join(names(ms), " "); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
			continue
		}
		for _, m := range ms { // what is printed can be asked for
			again, err := Parse(m.String())
			if err != nil || len(again) == 0 || again[0].String() != m.String() {
				t.Errorf("%s does not come back: %v, %v", m, names(again), err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, says := range map[string]string{
		"": "unknown measure", "nonsense": "known: nDCG", "P@": "cut-off", "P@0": "cut-off", "P@x": "cut-off", "R": "needs a cut-off", "Rprec@10": "takes no cut-off",
		"P.0": "cut-off", "P.-1": "cut-off", "P.5,5": "twice", "P.a": "not a number", "map.5": "takes no parameters", "P.": "not a number", "P.nan": "not a number",
		"nDCG(rel=2)@10": "no parameter", "AP(rel=x)": "grade", "AP(rel=0)": "grade", "AP(rel)": "no value", "AP(rel=2": "closing bracket", "RBP(p=1)": "between 0 and 1",
		"nDCG(dcg='e')@10": "log2", "nDCG(gains=3)@10": "grade: gain", "rbp.p=2": "between 0 and 1", "ndcg.1": "grade=gain", "utility.1,2": "coefficients", "IPrec@2": "between 0 and 1",
		strings.Repeat("P", 5000): "bytes", "relstring.1,2": "coefficients",
	} {
		if ms, err := Parse(name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: got %v, %v; want an error with %q", name, names(ms), err, says)
		}
	}
}

func TestParseAllOrder(t *testing.T) {
	ms, err := ParseAll([]string{"nDCG@10", "P.20", "map", "AP", "P.5", "P", "num_q", "map", "nDCG@10"})
	want := []string{"num_q", "map", "P_5", "P_20", "nDCG@10", "AP"}
	if err != nil || !slices.Equal(names(ms), want) {
		t.Errorf("got %v, %v", names(ms), err)
	}
	official, _ := ParseAll(nil)
	if len(official) != 30 {
		t.Errorf("official: %d measures, trec_eval prints 30", len(official))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"P.5,10", "nDCG(gains={1: 3})@10", "RBP(p=0.8,rel=1)", "iprec_at_recall_0.50", "ndcg.1=3,2=9", "AP(rel=2)@1000", "all_trec", "relstring.1e9", "11pt_avg.-1e300"} {
		f.Add(s)
	}
	qrels := map[string]map[string]int{"q": {"a": 1, "b": 0, "c": -1, "d": 3}}
	run := fuzzRun()
	f.Fuzz(func(t *testing.T, name string) {
		ms, err := Parse(name)
		if err != nil {
			return
		}
		for _, m := range ms {
			if m.String() == "" {
				t.Fatalf("%q: a measure without a name", name)
			}
		}
		if _, err := PerQuery(ms, qrels, run, Options{}); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	})
}
