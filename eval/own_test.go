package eval

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/outside"
)

// stored are the files of testdata/trec_eval that trec_eval itself printed (SOURCE.txt says which version).
var stored = []trecCase{
	{want: "all.out", measures: []string{"all_trec"}},
	{want: "level.out", measures: []string{"all_trec"}, opts: Options{Level: 2}},
	{want: "depth.out", measures: []string{"all_trec"}, opts: Options{Depth: 3}},
	{want: "judged.out", measures: []string{"all_trec"}, opts: Options{JudgedOnly: true}},
	{want: "dcg.out", measures: []string{"dcg", "ideal_dcg"}},
	{want: "params.out", opts: Options{Documents: 100}, measures: []string{"yaap", "ndcg.1=3,2=.5,4=7", "G.1=2,3=1.5", "Rndcg.1=3,2=9", "ndcg_rel.0=.2,1=1", "rbp.p=.8",
		"rbp_resid.p=0.7", "unj.3", "set_F.2.5", "utility.1,-.5,-.1,.001", "relstring.3", "11pt_avg.0.2,0.5,0.8", "iprec_at_recall.0.33,.77", "Rprec_mult.0.3,3", "P.2,1"}},
	{want: "float32.out", run: "float32.run", measures: []string{"map", "bpref", "ndcg_cut.1,2,3"}},
}

// TestTrecEvalStored covers ties, unjudged, missing and negative judgements, levels, depth and parameters.
func TestTrecEvalStored(t *testing.T) {
	for _, c := range stored {
		c.name, c.perQuery = c.want, true
		if c.run == "" {
			c.run, c.opts.Complete = "run", true
		}
		c.run = filepath.Join("testdata", "trec_eval", c.run)
		c.qrels = filepath.Join("testdata", "trec_eval", "qrels")
		want := readFile(t, filepath.Join("testdata", "trec_eval", c.want))
		if got := c.print(t); got != want {
			t.Errorf("%s: %s", c.want, diff(got, want))
		}
	}
}

// expected is an overall value that ir_measures 0.4.3 gave (calc_aggregate).
type expected struct {
	measure string
	value   float64
}

// overallOf measures like ir_measures: over all judged queries.
func overallOf(t *testing.T, name, qrelsPath, runPath string) float64 {
	t.Helper()
	m, err := ParseAll([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	qrels, err := labrador.ReadQrels(qrelsPath)
	if err != nil {
		t.Fatal(err)
	}
	r, err := File(t.Context(), m, qrels, runPath, Options{Complete: true})
	if err != nil {
		t.Fatal(err)
	}
	return r.Overall[0]
}

// TestOwnGrammarStored: ERR and nDCG of dcg='exp-log2' come from gdeval.pl 1.2a through ir_measures.
func TestOwnGrammarStored(t *testing.T) {
	dir := filepath.Join("testdata", "trec_eval")
	for _, e := range []expected{
		{"nDCG@10", 0.3356346235138964}, {"nDCG", 0.3356346235138964}, {"AP", 0.2905952380952381}, {"AP(rel=2)@100", 0.21857142857142856},
		{"P@5", 0.24}, {"P(rel=2)@10", 0.1}, {"R@20", 0.5}, {"RR", 0.36666666666666664}, {"RR(rel=2)", 0.20666666666666664}, {"Success@1", 0.2},
		{"Success(rel=2)@5", 0.6}, {"Rprec(rel=1)", 0.3}, {"Rprec(rel=2)", 0.1}, {"Bpref", 0.325}, {"Bpref(rel=2)", 0.25}, {"infAP", 0.2995236527792394},
		{"ERR@20", 0.11179}, {"nDCG(dcg='exp-log2')@10", 0.317224}, {"Judged@10", 0.53}, {"Judged", 0.53}, {"SetP", 0.275}, {"SetR", 0.5}, {"SetF", 0.3476190476190476},
		{"SetF(beta=2.5)", 0.39666666666666667}, {"SetAP(rel=2)", 0.17}, {"NumRet", 20}, {"NumRet(rel=1)", 8}, {"NumRel", 11},
		{"nDCG(judged_only=True)@5", 0.434357927223245}, {"AP(judged_only=True)", 0.4125}, {"P(judged_only=True)@5", 0.32},
		{"nDCG(gains={1: 5, 2: 1})@10", 0.3180222947697194}, {"SetP(relative=True)", 0.5},
	} {
		if got := overallOf(t, e.measure, filepath.Join(dir, "qrels"), filepath.Join(dir, "run")); math.Abs(got-e.value) > 1e-5 || strings.HasPrefix(e.measure, "N") && got != e.value {
			t.Errorf("%s: got %v, want %v", e.measure, got, e.value)
		}
	}
}

func TestOwnGrammarReference(t *testing.T) {
	dir := outside.Data(t, "reference/ir_measures")
	for file, all := range map[string][]expected{
		"compat": {{"nDCG@10", 0.16264277665368124}, {"nDCG", 0.3755507001238552}, {"AP", 0.24237005035840017}, {"AP(rel=2)@100", 0.20382613731593502},
			{"P@5", 0.5}, {"P(rel=2)@10", 0.5}, {"R@20", 0.10674157303370786}, {"RR", 0.5192307692307693}, {"RR@10", 0.5}, {"Success@1", 0.5},
			{"Rprec(rel=1)", 0.2533197139938713}, {"Rprec(rel=2)", 0.24972972972972973}, {"Bpref", 0.5588233621984405}, {"Bpref(rel=2)", 0.46141993243243246},
			{"Judged@10", 1}, {"Judged", 0.10452449195095145}, {"SetP", 0.06561375342111501}, {"SetR", 0.7537574784765796}, {"SetF", 0.12069362429840973},
			{"SetF(beta=2.5)", 0.18852443762492027}, {"SetAP(rel=2)", 0.04363852144927722}, {"NumRet", 1927}, {"NumRet(rel=1)", 127}, {"NumRel", 166}, {"NumQ", 2},
			{"IPrec@0.1", 0.5510204081632653}, {"AP(judged_only=True)", 0.5438437139237001}, {"nDCG(gains={1: 5, 2: 1})@10", 0.1605042077906313}},
		"cwl": {{"nDCG@10", 0.757714944496533}, {"AP", 0.5864748677248678}, {"P@5", 0.4}, {"R@20", 1}, {"RR@10", 0.7222222222222222}, {"Success@1", 0.6666666666666666},
			{"Bpref", 0.5555555555555556}, {"infAP", 0.5864744070461826}, {"Judged@10", 0.7666666666666666}, {"SetF", 0.6626984126984127}, {"IPrec@0.1", 0.8},
			{"AP(judged_only=True)", 0.7341534391534391}, {"nDCG(judged_only=True)@5", 0.7180941883059132}},
	} {
		for _, e := range all {
			if got := overallOf(t, e.measure, filepath.Join(dir, file+".qrels"), filepath.Join(dir, file+".run")); math.Abs(got-e.value) > 1e-12 {
				t.Errorf("%s: %s: got %v, want %v", file, e.measure, got, e.value)
			}
		}
	}
}

// TestRBP checks ir_measures' RBP against its definition, (1-p) * sum of p^(i-1) over relevant ranks i (Moffat and Zobel 2008, equation 2).
func TestRBP(t *testing.T) {
	run := labrador.Run{"q": {{ID: "a", Score: 4}, {ID: "b", Score: 3}, {ID: "c", Score: 2}, {ID: "d", Score: 1}}}
	qrels := labrador.Qrels{"q": {"a": 1, "c": 2, "d": 2}}
	for name, want := range map[string]float64{
		"RBP(rel=1)": 0.2 * (1 + .64 + .512), "RBP(p=0.5,rel=2)": 0.5 * (.25 + .125), "RBP(rel=1)@3": 0.2 * (1 + .64), "RBP": 0.2 * (.5 + .64 + .512),
	} {
		m, _ := Parse(name)
		r, err := PerQuery(m, qrels, run, Options{})
		if err != nil || math.Abs(r.Overall[0]-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v, %v", name, r, want, err)
		}
	}
}
