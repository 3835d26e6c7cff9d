package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxName bounds a measure's name in bytes, so that no list of cut-offs is longer than anybody could mean.
const maxName = 4096

// Parse reads a measure's name, in trec_eval's grammar or in ir_measures':
//
//	map  P  P_10  P.5,10  ndcg_cut  ndcg_cut_10  ndcg_cut.10,100  iprec_at_recall_0.50  rbp.p=0.8  ndcg.1=3,2=9
//	official  all_trec  set
//	nDCG@10  AP(rel=2)@1000  RR@10  R@100  P(rel=2)@5  Success@1  ERR@20  RBP(p=0.8,rel=1)  Judged@10  nDCG(dcg='exp-log2')@10
//
// A name that stands for several measures (a list, or trec_eval's cut-offs) gives them all. Where both programs have a name
// (P, Rprec, infAP) it is trec_eval's.
func Parse(name string) ([]Measure, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("eval: measure name of %d bytes", len(name))
	}
	if list, ok := nicknames[name]; ok {
		var all []Measure
		for _, n := range list {
			m, err := familyOf(n).expand(nil, nil, "")
			if err != nil {
				return nil, err
			}
			all = append(all, m...)
		}
		return all, nil
	}
	m, known, err := parseTrec(name)
	if !known {
		m, err = parseOwn(name)
	}
	if err != nil {
		return nil, fmt.Errorf("eval: measure %q: %w", name, err)
	}
	return m, nil
}

// ParseAll reads several names. Measures asked for twice come once; those of trec_eval's grammar come first, in the order in which
// trec_eval prints them (cut-offs ascending), then the others in the order given. As in trec_eval, parameters replace the
// defaults of a measure that is also named without them (all_trec and P.5); unlike there, all that are given count (P.5 and P.10).
// No names mean "official".
func ParseAll(names []string) ([]Measure, error) {
	if len(names) == 0 {
		names = []string{"official"}
	}
	var all []Measure
	for _, name := range names {
		m, err := Parse(name)
		if err != nil {
			return nil, err
		}
		all = append(all, m...)
	}
	given := map[*family]bool{}
	for _, m := range all {
		given[m.fam] = given[m.fam] || m.given
	}
	seen := map[string]bool{}
	all = slices.DeleteFunc(all, func(m Measure) bool {
		drop := seen[m.name] || !m.own && !m.given && given[m.fam]
		seen[m.name] = true
		return drop
	})
	slices.SortStableFunc(all, func(a, b Measure) int {
		if a.own || b.own {
			return boolCompare(a.own, b.own)
		}
		return cmp.Or(cmp.Compare(slices.Index(families, a.fam), slices.Index(families, b.fam)), cmp.Compare(a.k, b.k), cmp.Compare(a.x, b.x))
	})
	return all, nil
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// parseTrec reads trec_eval's grammar, name.parameters, and pytrec_eval's name_cutoff. known is false where no measure of
// trec_eval has the name.
func parseTrec(name string) (m []Measure, known bool, err error) {
	base, args, dotted := strings.Cut(name, ".")
	f := familyOf(base)
	if f != nil && !dotted {
		m, err = f.expand(nil, nil, "")
		return m, true, err
	}
	if f == nil {
		f, args = underscored(name)
		if f == nil {
			return nil, false, nil
		}
	}
	m, err = f.withArguments(args)
	return m, true, err
}

// underscored finds the family of a name as it is printed: ndcg_cut_10, iprec_at_recall_0.50, set_F_1.0.
func underscored(name string) (*family, string) {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '_' {
			continue
		}
		if f := familyOf(name[:i]); f != nil && f.params != noParams && i+1 < len(name) {
			return f, name[i+1:]
		}
	}
	return nil, ""
}

func (f *family) withArguments(args string) ([]Measure, error) {
	switch f.params {
	case noParams:
		return nil, fmt.Errorf("%s takes no parameters", f.name)
	case pairs:
		return f.withPairs(args)
	}
	var values []float64
	for _, s := range strings.Split(args, ",") {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, fmt.Errorf("parameter %q is not a number", s)
		}
		if f.params == cutoffs {
			v = math.Trunc(v) // trec_eval reads 23.4 as 23
		}
		values = append(values, v)
	}
	if f.params == cutoffs || f.params == points {
		slices.Sort(values)
		for i := 1; i < len(values); i++ {
			if values[i] == values[i-1] {
				return nil, fmt.Errorf("cut-off %v is given twice", values[i])
			}
		}
	}
	return f.expand(values, nil, args)
}

// withPairs reads grade=gain pairs, and p=persistence for rbp.
func (f *family) withPairs(args string) ([]Measure, error) {
	gains := []gainParam{}
	p := 0.0
	for _, s := range strings.Split(args, ",") {
		left, right, ok := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(right, 64)
		if !ok || err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, fmt.Errorf("parameter %q is not of the form grade=gain", s)
		}
		grade, err := strconv.Atoi(left)
		switch {
		case err == nil:
			gains = append(gains, gainParam{grade, v})
		case left == "p" && (f.name == "rbp" || f.name == "rbp_resid"):
			if !(v > 0 && v < 1) {
				return nil, fmt.Errorf("persistence p=%v is not between 0 and 1", v)
			}
			p = v
		default:
			return nil, fmt.Errorf("parameter %q is not of the form grade=gain", s)
		}
	}
	m, err := f.expand(nil, gains, args)
	for i := range m {
		m[i].x = p
	}
	return m, err
}

// ownFamily is a measure of ir_measures' grammar: Name(parameters)@cutoff.
type ownFamily struct {
	name    string
	aliases []string
	params  string // the parameters it takes, beside judged_only
	cut     cutRule
	fam     *family
}

type cutRule int

const (
	cutOptional cutRule = iota
	cutRequired
	cutNone
	cutPoint // a recall between 0 and 1
)

// ownFamilies are the measures that ir_measures 0.4 documents for judgements and rankings of this kind, under its names and aliases,
// and GMAP.
var ownFamilies = []ownFamily{
	{"nDCG", []string{"NDCG"}, "dcg gains", cutOptional, &family{name: "nDCG", calc: cutNDCG}},
	{"AP", []string{"MAP"}, "rel", cutOptional, familyOf("map")},
	{"P", []string{"Precision"}, "rel", cutRequired, familyOf("P")},
	{"R", []string{"Recall"}, "rel", cutRequired, familyOf("recall")},
	{"RR", []string{"MRR"}, "rel", cutOptional, familyOf("recip_rank")},
	{"Success", nil, "rel", cutRequired, familyOf("success")},
	{"Rprec", []string{"RPrec"}, "rel", cutNone, familyOf("Rprec")},
	{"Bpref", []string{"BPref"}, "rel", cutNone, familyOf("bpref")},
	{"infAP", nil, "rel", cutNone, familyOf("infAP")},
	{"GMAP", nil, "rel", cutNone, familyOf("gm_map")},
	{"ERR", nil, "", cutOptional, &family{name: "ERR", calc: expectedRR}},
	{"RBP", nil, "rel p", cutOptional, &family{name: "RBP", calc: rankBiasedCut}},
	{"Judged", nil, "", cutOptional, &family{name: "Judged", calc: judgedRate}},
	{"SetP", nil, "rel relative", cutNone, familyOf("set_P")},
	{"SetR", nil, "rel", cutNone, familyOf("set_recall")},
	{"SetF", nil, "rel beta", cutNone, familyOf("set_F")},
	{"SetAP", nil, "rel", cutNone, familyOf("set_map")},
	{"IPrec", nil, "rel", cutPoint, familyOf("iprec_at_recall")},
	{"NumRet", nil, "rel", cutNone, familyOf("num_ret")},
	{"NumRel", nil, "rel", cutNone, familyOf("num_rel")},
	{"NumQ", nil, "", cutNone, familyOf("num_q")},
}

func ownFamilyOf(name string) *ownFamily {
	for _, fold := range []bool{false, true} {
		for i := range ownFamilies {
			f := &ownFamilies[i]
			for _, n := range append([]string{f.name}, f.aliases...) {
				if n == name || fold && strings.EqualFold(n, name) {
					return f
				}
			}
		}
	}
	return nil
}

// parseOwn reads ir_measures' grammar.
func parseOwn(name string) ([]Measure, error) {
	base, cut, hasCut := cutLast(name, '@')
	args := ""
	if i := strings.IndexByte(base, '('); i >= 0 {
		if !strings.HasSuffix(base, ")") {
			return nil, fmt.Errorf("parameters without a closing bracket")
		}
		base, args = base[:i], base[i+1:len(base)-1]
	}
	f := ownFamilyOf(base)
	if f == nil {
		if near := suggest(name); near != nil {
			return nil, fmt.Errorf("unknown measure; did you mean %s?", strings.Join(near, " or "))
		}
		return nil, fmt.Errorf("unknown measure (known: %s)", knownNames())
	}
	m := Measure{fam: f.fam, own: true}
	if f.name == "SetF" {
		m.list = []float64{1}
	}
	if err := f.arguments(&m, args); err != nil {
		return nil, err
	}
	if err := f.cutoff(&m, cut, hasCut); err != nil {
		return nil, err
	}
	m.name = f.printed(&m, cut)
	return []Measure{m}, nil
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (f *ownFamily) cutoff(m *Measure, cut string, has bool) error {
	switch {
	case !has && (f.cut == cutRequired || f.cut == cutPoint):
		return fmt.Errorf("%s needs a cut-off, as in %s@10", f.name, f.name)
	case !has:
		return nil
	case f.cut == cutNone:
		return fmt.Errorf("%s takes no cut-off", f.name)
	case f.cut == cutPoint:
		v, err := strconv.ParseFloat(cut, 64)
		if err != nil || !(v >= 0 && v <= 1) {
			return fmt.Errorf("recall %q is not between 0 and 1", cut)
		}
		m.x = v
		return nil
	}
	k, err := strconv.Atoi(cut)
	if err != nil || k < 1 || k > maxCutoff {
		return fmt.Errorf("cut-off %q is not a whole number from 1", cut)
	}
	m.k = k
	return nil
}

func knownNames() string {
	var names []string
	for _, f := range ownFamilies {
		names = append(names, f.name)
	}
	return strings.Join(names, " ") + "; trec_eval's " + strings.Join(nicknames["all_trec"], " ")
}
