package eval

import (
	"cmp"
	"slices"
	"strings"
)

// synonyms are names that other tools give to measures of ours.
var synonyms = map[string]string{
	"hit": "Success", "hits": "Success", "hitrate": "Success", "accuracy": "Success", "acc": "Success", "f1": "SetF", "fscore": "SetF", "fmeasure": "SetF",
	"mean_reciprocal_rank": "RR", "mean_average_precision": "AP",
}

// maxSuggestions is the number of names that an error offers.
const maxSuggestions = 3

// near is a name like the one asked for.
type near struct {
	name     string
	distance int
}

// suggest returns the measures whose names are closest to name's, best first, with its cut-off where they take one; none where nothing is close.
func suggest(name string) []string {
	base := strings.ToLower(name)
	if i := strings.IndexAny(base, ".(@:"); i >= 0 {
		base = base[:i]
	}
	bare := strings.TrimRight(base, "0123456789_- ")
	if bare == "" {
		return nil
	}
	all := nearNames(base, bare)
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	cut := name[len(strings.TrimRight(name, "0123456789")):]
	var out []string
	for _, n := range all {
		shown := withCut(n.name, cut)
		if len(out) < maxSuggestions && n.distance <= all[0].distance+1 && !slices.Contains(out, shown) {
			out = append(out, shown)
		}
	}
	return out
}

// withCut adds a cut-off to the name of a family that takes one.
func withCut(name, cut string) string {
	if f := familyOf(name); f != nil && cut != "" && f.params == cutoffs {
		return name + "_" + cut
	}
	for _, f := range ownFamilies {
		if f.name == name && (f.cut == cutRequired || f.cut == cutOptional && cut != "") {
			return name + "@" + cmp.Or(cut, "10")
		}
	}
	return name
}

func nearNames(base, bare string) []near {
	var all []near
	consider := func(shown, candidate string) {
		if d, ok := nearness(bare, plainName(candidate)); ok {
			all = append(all, near{shown, d})
		}
	}
	for _, n := range []string{base, bare, plainName(bare)} {
		if s, ok := synonyms[n]; ok {
			all = append(all, near{s, 0})
		}
	}
	for _, f := range ownFamilies {
		consider(f.name, f.name)
		for _, alias := range f.aliases {
			consider(f.name, alias)
		}
	}
	for _, f := range families {
		consider(f.name, f.name)
	}
	for _, list := range []string{"official", "set", "all_trec", "all_prefs"} {
		consider(list, list)
	}
	return all
}

func plainName(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// nearness is the number of letters between two names, if that is at most a third of the shorter; a name that begins another is one away.
func nearness(name, candidate string) (int, bool) {
	name = plainName(name)
	if len(name) > 2 && (strings.HasPrefix(candidate, name) || strings.HasPrefix(name, candidate) && len(candidate) > 2) {
		return boolInt(name != candidate), true
	}
	if len(name) > 64 {
		return 0, false
	}
	d := editDistance(name, candidate)
	return d, d <= min(len(name), len(candidate))/3 || d == 0
}

// editDistance counts insertions, deletions, replacements and exchanges of neighbours (Damerau 1964, the restricted form).
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			best := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+boolInt(a[i-1] != b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				best = min(best, rows[i-2][j-2]+1)
			}
			rows[i][j] = best
		}
	}
	return rows[len(a)][len(b)]
}
