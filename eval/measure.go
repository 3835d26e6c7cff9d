package eval

import (
	"fmt"
	"strconv"
	"strings"
)

// Measure is one measure with its parameters: one number per query and one overall. The zero Measure is not usable; Parse makes them.
type Measure struct {
	fam   *family
	name  string      // as it is printed
	k     int         // cut-off in ranks; 0: none
	rel   int         // smallest relevant grade; 0: that of Options
	x     float64     // recall point, multiple of R, persistence p or F's parameter, by family
	list  []float64   // coefficients (utility, 11pt_avg)
	gains []gainParam // gain of grades, where it is not the grade (ndcg and its kin)
	exp   bool        // gain 2^grade - 1 (nDCG of dcg='exp-log2')
	own   bool        // named in ir_measures' grammar
	only  bool        // judged documents only
	given bool        // parameters were given, in trec_eval's grammar
}

// gainParam gives a grade another gain.
type gainParam struct {
	grade int
	gain  float64
}

// String is the name as it is printed: trec_eval's (ndcg_cut_10) or ir_measures' (nDCG@10), the grammar that it was asked for in.
func (m Measure) String() string { return m.name }

// Averaged says whether the overall value is the mean of the queries' values, so that differences between runs can be tested query by
// query. Counts, the run's name and relstring are not, nor are geometric means: test map and bpref for gm_map and gm_bpref.
func (m Measure) Averaged() bool { return m.fam.kind == mean }

// Geometric says whether the overall value is the geometric mean of the queries' values (gm_map, gm_bpref, GMAP).
func (m Measure) Geometric() bool { return m.fam.kind == geometric }

// Count says whether the values are whole numbers that add up over the queries.
func (m Measure) Count() bool { return m.fam.kind == sum || m.fam.kind == queries }

// kind is how a family's values are brought together and printed.
type kind int

const (
	mean      kind = iota // arithmetic mean
	geometric             // values are logarithms; overall is exp of their mean; queries are not printed
	sum                   // counts, added up
	queries               // number of queries; queries are not printed
	runName               // the tag of the run file; queries are not printed
	text                  // a string per query, nothing overall
)

// params is what may follow a name in trec_eval's grammar.
type params int

const (
	noParams     params = iota
	cutoffs             // P.5,10: a value per rank
	points              // iprec_at_recall.0.1,0.5: a value per number, two decimals in the name
	coefficients        // utility.1,-1,0,0: numbers of one value
	pairs               // ndcg.1=3,2=9: names and numbers of one value
)

// family is a measure without its parameters.
type family struct {
	name     string
	kind     kind
	params   params
	defaults []float64
	calc     func(m *Measure, r *ranking, level int) float64
	grouped  bool // calc's mean over judgement groups
	prefs    func(v *prefView) float64
}

var (
	usualCuts   = []float64{5, 10, 15, 20, 30, 100, 200, 500, 1000}
	tenths      = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}
	multiplesOf = []float64{0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6, 1.8, 2}
)

// families are trec_eval's measures in the order in which it prints them (its measures.c, version 10), whatever the order asked for.
var families = []*family{
	{name: "runid", kind: runName},
	{name: "num_q", kind: queries},
	{name: "num_ret", kind: sum, calc: numRet},
	{name: "num_rel", kind: sum, calc: numRel},
	{name: "num_rel_ret", kind: sum, calc: numRelRet},
	{name: "map", calc: averagePrecision},
	{name: "gm_map", kind: geometric, calc: logAveragePrecision},
	{name: "Rprec", calc: rPrecision},
	{name: "bpref", calc: bpref},
	{name: "recip_rank", calc: reciprocalRank},
	{name: "iprec_at_recall", params: points, defaults: tenths, calc: interpolatedPrecision},
	{name: "P", params: cutoffs, defaults: usualCuts, calc: precision},
	{name: "relstring", kind: text, params: coefficients, defaults: []float64{10}},
	{name: "recall", params: cutoffs, defaults: usualCuts, calc: recall},
	{name: "infAP", calc: inferredAP},
	{name: "gm_bpref", kind: geometric, calc: logBpref},
	{name: "Rprec_mult", params: points, defaults: multiplesOf, calc: rPrecisionMultiple},
	{name: "utility", params: coefficients, defaults: []float64{1, -1, 0, 0}, calc: utility},
	{name: "11pt_avg", params: coefficients, defaults: tenths, calc: elevenPoints},
	{name: "binG", calc: binaryG},
	{name: "G", params: pairs, calc: normalizedG},
	{name: "dcg", params: pairs, calc: dcg},
	{name: "ideal_dcg", params: pairs, calc: idealDCG},
	{name: "ndcg", params: pairs, calc: ndcg},
	{name: "ndcg_rel", params: pairs, calc: ndcgRel},
	{name: "Rndcg", params: pairs, calc: rNDCG},
	{name: "ndcg_cut", params: cutoffs, defaults: usualCuts, calc: ndcgCut},
	{name: "map_cut", params: cutoffs, defaults: usualCuts, calc: averagePrecision},
	{name: "relative_P", params: cutoffs, defaults: usualCuts, calc: relativePrecision},
	{name: "success", params: cutoffs, defaults: []float64{1, 5, 10}, calc: success},
	{name: "set_P", calc: setPrecision},
	{name: "set_relative_P", calc: setRelativePrecision},
	{name: "set_recall", calc: setRecall},
	{name: "set_map", calc: setMAP},
	{name: "set_F", params: coefficients, defaults: []float64{1}, calc: setF},
	{name: "num_nonrel_judged_ret", kind: sum, calc: numNonrelJudgedRet},
	{name: "prefs_num_prefs_poss", kind: sum, prefs: prefsPossible},
	{name: "prefs_num_prefs_ful", kind: sum, prefs: prefsFulfilled(noneRetrieved)},
	{name: "prefs_num_prefs_ful_ret", kind: sum, prefs: prefsFulfilled(bothRetrieved)},
	{name: "prefs_simp", prefs: prefsSimple(noneRetrieved)},
	{name: "prefs_pair", prefs: prefsPair(noneRetrieved)},
	{name: "prefs_avgjg", prefs: prefsByGroup(noneRetrieved)},
	{name: "prefs_avgjg_Rnonrel", prefs: prefsBalanced(noneRetrieved)},
	{name: "prefs_simp_ret", prefs: prefsSimple(bothRetrieved)},
	{name: "prefs_pair_ret", prefs: prefsPair(bothRetrieved)},
	{name: "prefs_avgjg_ret", prefs: prefsByGroup(bothRetrieved)},
	{name: "prefs_avgjg_Rnonrel_ret", prefs: prefsBalanced(bothRetrieved)},
	{name: "prefs_simp_imp", prefs: prefsSimple(oneRetrieved)},
	{name: "prefs_pair_imp", prefs: prefsPair(oneRetrieved)},
	{name: "prefs_avgjg_imp", prefs: prefsByGroup(oneRetrieved)},
	{name: "map_avgjg", grouped: true, calc: averagePrecision},
	{name: "P_avgjg", grouped: true, params: cutoffs, defaults: usualCuts, calc: precision},
	{name: "Rprec_mult_avgjg", grouped: true, params: points, defaults: multiplesOf, calc: rPrecisionMultiple},
	{name: "yaap", calc: yaap},
	{name: "rbp", params: pairs, calc: rankBiased},
	{name: "rbp_resid", params: pairs, calc: rankBiasedResidual},
	{name: "unj", params: cutoffs, defaults: []float64{5, 10, 20}, calc: unjudged},
}

// nicknames are trec_eval's names for lists of measures.
var nicknames = map[string][]string{
	"all_prefs": {"runid", "num_q", "prefs_num_prefs_poss", "prefs_num_prefs_ful", "prefs_num_prefs_ful_ret", "prefs_simp", "prefs_pair", "prefs_avgjg",
		"prefs_avgjg_Rnonrel", "prefs_simp_ret", "prefs_pair_ret", "prefs_avgjg_ret", "prefs_avgjg_Rnonrel_ret", "prefs_simp_imp", "prefs_pair_imp", "prefs_avgjg_imp"},
	"prefs":    {"runid", "num_q", "prefs_num_prefs_poss", "prefs_num_prefs_ful", "prefs_num_prefs_ful_ret", "prefs_simp", "prefs_pair", "prefs_avgjg"},
	"qrels_jg": {"runid", "num_q", "map_avgjg", "P_avgjg", "Rprec_mult_avgjg"},
	"official": {"runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank", "iprec_at_recall", "P"},
	"set":      {"runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "utility", "set_P", "set_recall", "set_relative_P", "set_map", "set_F"},
	"all_trec": {"runid", "num_q", "num_ret", "num_rel", "num_rel_ret", "map", "gm_map", "Rprec", "bpref", "recip_rank", "iprec_at_recall", "P",
		"relstring", "recall", "unj", "rbp", "rbp_resid", "infAP", "gm_bpref", "utility", "11pt_avg", "ndcg", "relative_P", "Rprec_mult", "success",
		"map_cut", "ndcg_cut", "ndcg_rel", "Rndcg", "binG", "G", "set_P", "set_recall", "set_relative_P", "set_map", "set_F", "num_nonrel_judged_ret"},
}

func familyOf(name string) *family {
	for _, f := range families {
		if f.name == name {
			return f
		}
	}
	return nil
}

// expand makes the family's measures for parameters values (nil: its defaults, which are then not part of the name).
func (f *family) expand(values []float64, gains []gainParam, printed string) ([]Measure, error) {
	given := values != nil || gains != nil
	if !given {
		values = f.defaults
	}
	base := Measure{fam: f, name: f.name, gains: gains, given: given}
	switch f.params {
	case cutoffs, points:
		var out []Measure
		for _, v := range values {
			m := base
			m.x = v
			m.name = fmt.Sprintf("%s_%3.2f", f.name, v)
			if f.params == cutoffs {
				if v < 1 || v > maxCutoff || v != float64(int(v)) {
					return nil, fmt.Errorf("cut-off %v: cut-offs are whole numbers from 1", v)
				}
				m.k = int(v)
				m.name = f.name + "_" + strconv.Itoa(m.k)
			}
			out = append(out, m)
		}
		return out, nil
	}
	base.list = values
	if given {
		base.name = f.name + "_" + printed
	}
	if n := len(f.defaults); f.params == coefficients && f.name != "11pt_avg" && len(values) != n {
		return nil, fmt.Errorf("%d coefficients, %s has %d (as in %s.%s)", len(values), f.name, n, f.name, joinFloats(f.defaults))
	}
	return []Measure{base}, nil
}

// maxCutoff bounds a cut-off in ranks; no run is that deep.
const maxCutoff = 1 << 30

func joinFloats(v []float64) string {
	s := make([]string, len(v))
	for i, x := range v {
		s[i] = strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strings.Join(s, ",")
}
