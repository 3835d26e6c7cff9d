package analysis

// unit is what a stemmer works on: bytes of an ASCII word, or UTF-16 units, in which Java counts.
type unit interface{ byte | uint16 }

// porter stems the lower-case word w in place and returns what is left of it: Porter, "An algorithm for suffix stripping",
// Program 14 (1980), as Lucene's PorterStemmer runs it. That one departs from the paper where Porter's own later program
// does: words of one or two letters stay, "bli" becomes "ble" (not "abli" "able"), "logi" becomes "log". Letters other
// than a to z count as consonants.
func porter[U unit](w []U) []U {
	if len(w) <= 2 {
		return w
	}
	w = porterPlural(w)
	w = porterPast(w)
	if n := len(w); w[n-1] == 'y' && hasVowel(w[:n-1]) {
		w[n-1] = 'i'
	}
	w = replaceLongest(w, porterStep2, 0)
	w = replaceLongest(w, porterStep3, 0)
	w = porterStep4(w)
	return porterLast(w)
}

// consonant says whether w[i] is one: a y after a consonant is a vowel.
func consonant[U unit](w []U, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !consonant(w, i-1)
	}
	return true
}

// measureOf is m in [C](VC)^m[V].
func measureOf[U unit](w []U) int {
	m, vowel := 0, false
	for i, c := range w {
		var v bool
		switch c {
		case 'a', 'e', 'i', 'o', 'u':
			v = true
		case 'y':
			v = i > 0 && !vowel
		}
		if vowel && !v {
			m++
		}
		vowel = v
	}
	return m
}

func hasVowel[U unit](w []U) bool {
	for i := range w {
		if !consonant(w, i) {
			return true
		}
	}
	return false
}

func doubled[U unit](w []U) bool {
	n := len(w)
	return n >= 2 && w[n-1] == w[n-2] && consonant(w, n-1)
}

// shortSyllable: w ends consonant, vowel, consonant, the last not w, x or y.
func shortSyllable[U unit](w []U) bool {
	n := len(w)
	if n < 3 || !consonant(w, n-1) || consonant(w, n-2) || !consonant(w, n-3) {
		return false
	}
	c := w[n-1]
	return c != 'w' && c != 'x' && c != 'y'
}

func hasSuffix[U unit](w []U, s string) bool {
	if len(w) < len(s) {
		return false
	}
	tail := w[len(w)-len(s):]
	for i := range tail {
		if tail[i] != U(s[i]) {
			return false
		}
	}
	return true
}

func setSuffix[U unit](stem []U, s string) []U {
	for i := range len(s) {
		stem = append(stem, U(s[i]))
	}
	return stem
}

// porterPlural is step 1a.
func porterPlural[U unit](w []U) []U {
	n := len(w)
	switch {
	case w[n-1] != 's':
		return w
	case hasSuffix(w, "sses"):
		return w[:n-2]
	case hasSuffix(w, "ies"):
		return w[:n-2]
	case w[n-2] != 's':
		return w[:n-1]
	}
	return w
}

// porterPast is step 1b.
func porterPast[U unit](w []U) []U {
	n := len(w)
	if hasSuffix(w, "eed") {
		if measureOf(w[:n-3]) > 0 {
			return w[:n-1]
		}
		return w
	}
	var stem []U
	switch {
	case hasSuffix(w, "ed"):
		stem = w[:n-2]
	case hasSuffix(w, "ing"):
		stem = w[:n-3]
	default:
		return w
	}
	if !hasVowel(stem) {
		return w
	}
	switch {
	case hasSuffix(stem, "at"), hasSuffix(stem, "bl"), hasSuffix(stem, "iz"):
		return append(stem, 'e')
	case doubled(stem):
		if c := stem[len(stem)-1]; c == 'l' || c == 's' || c == 'z' {
			return stem
		}
		return stem[:len(stem)-1]
	case measureOf(stem) == 1 && shortSyllable(stem):
		return append(stem, 'e')
	}
	return stem
}

type suffixRule struct{ from, to string }

var porterStep2 = []suffixRule{
	{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"}, {"bli", "ble"},
	{"alli", "al"}, {"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"},
	{"alism", "al"}, {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"},
	{"biliti", "ble"}, {"logi", "log"},
}

var porterStep3 = []suffixRule{
	{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""},
}

// replaceLongest applies the first rule whose suffix w has, if what is before has a measure above m. No suffix of a step is
// the end of a later one, so the first is the longest.
func replaceLongest[U unit](w []U, rules []suffixRule, m int) []U {
	for _, r := range rules {
		if w[len(w)-1] == U(r.from[len(r.from)-1]) && hasSuffix(w, r.from) {
			if stem := w[:len(w)-len(r.from)]; measureOf(stem) > m {
				return setSuffix(stem, r.to)
			}
			return w
		}
	}
	return w
}

var porterEndings = []suffixRule{
	{"al", ""}, {"ance", ""}, {"ence", ""}, {"er", ""}, {"ic", ""}, {"able", ""}, {"ible", ""}, {"ant", ""}, {"ement", ""},
	{"ment", ""}, {"ent", ""}, {"ou", ""}, {"ism", ""}, {"ate", ""}, {"iti", ""}, {"ous", ""},
	{"ive", ""}, {"ize", ""},
}

// porterStep4 drops a suffix where the measure before it is above 1.
func porterStep4[U unit](w []U) []U {
	if hasSuffix(w, "ion") { // the s or t before it counts as part of the stem
		stem := w[:len(w)-3]
		if n := len(stem); n > 0 && (stem[n-1] == 's' || stem[n-1] == 't') && measureOf(stem) > 1 {
			return stem
		}
		return w
	}
	return replaceLongest(w, porterEndings, 1)
}

// porterLast is step 5.
func porterLast[U unit](w []U) []U {
	if n := len(w); w[n-1] == 'e' {
		if m := measureOf(w[:n-1]); m > 1 || m == 1 && !shortSyllable(w[:n-1]) {
			w = w[:n-1]
		}
	}
	if n := len(w); w[n-1] == 'l' && doubled(w) && measureOf(w[:n-1]) > 1 {
		w = w[:n-1]
	}
	return w
}
