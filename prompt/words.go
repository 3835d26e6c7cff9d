package prompt

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// words splits a lower-cased text as NLTK's word_tokenize does: sentences first (Punkt), then Treebank words. Of Punkt its
// rules for lower-cased text are here, with its abbreviations, not its trained tables: PromptReps lower-cases before it
// splits, so that no capital letter is left for the tables to judge.
func words(text string) []string {
	var out []string
	for _, s := range sentences(text) {
		out = append(out, treebank(s)...)
	}
	return out
}

// abbreviations end with a period that ends no sentence. They are the usual ones of English prose.
var abbreviations = wordSet(`a.m adm al apr assn assoc ave aug bros c.f calif cf ch co col conn corp cos ct d.c dec def del dept dr e.g ed eq eqs
	est et etc feb fig figs fla ft ga gen gov hon i.e ill inc ind jan jr kan ky l.a lt ltd ma maj mass messrs mich minn mo mr mrs
	ms mt n.j n.y n.c no nos nov oct ok p.m pa ph.d pp prof rep rev s.a sen sept sgt sr st tenn tex u.k u.n u.s va vol vols vs wash`)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// sentences cuts after '.', '?' and '!' (with the quotes and brackets that close behind them) before white space. A period
// after an abbreviation, a single letter or a number ends no sentence, nor does an ellipsis.
func sentences(text string) []string {
	var out []string
	start := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '.' && text[i] != '?' && text[i] != '!' {
			continue
		}
		end := i + 1
		for end < len(text) && strings.IndexByte(`.?!"')]}`, text[end]) >= 0 {
			end++
		}
		next, _ := utf8.DecodeRuneInString(text[end:])
		if end < len(text) && !unicode.IsSpace(next) || text[i] == '.' && !endsSentence(text[start:i], text[i:end]) {
			i = end - 1
			continue
		}
		out = append(out, text[start:end])
		start, i = end, end-1
	}
	if strings.TrimSpace(text[start:]) != "" {
		out = append(out, text[start:])
	}
	return out
}

// endsSentence judges the period of marks after text.
func endsSentence(text, marks string) bool {
	if strings.HasPrefix(marks, "..") {
		return false
	}
	word := text[strings.LastIndexFunc(text, unicode.IsSpace)+1:]
	word = strings.TrimLeft(word, `"'([{`)
	if utf8.RuneCountInString(word) == 1 && unicode.IsLetter([]rune(word)[0]) || abbreviations[word] {
		return false
	}
	return strings.Trim(word, "0123456789.,-") != ""
}

type rule struct {
	find *regexp.Regexp
	with string
}

func rules(pairs ...string) []rule {
	var out []rule
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, rule{regexp.MustCompile(pairs[i]), pairs[i+1]})
	}
	return out
}

// The rules of NLTK's NLTKWordTokenizer (nltk.tokenize.destructive, version 3.10), in its order, in RE2's grammar. What
// needs a look-ahead there is code here (openingQuote).
var (
	quotesBefore = rules(
		`([«“‘„]|[`+"`"+`]+)`, " $1 ",
		`^"`, "``",
		"(``)", " $1 ",
		`([ \(\[{<])("|'{2})`, "$1 `` ",
	)
	punctuation = rules(
		`([^\.])(\.)([\]\)}>"'»”’ ]*)\s*$`, "$1 $2 $3 ",
		`([:,])([^\p{Nd}])`, " $1 $2",
		`([:,])$`, " $1 ",
		`\.{2,}`, " $0 ",
		`[;@#$%&]`, " $0 ",
		`[\x{2012}-\x{2015}]`, " $0 ",
		`([^\.])(\.)([\]\)}>"']*)\s*$`, "$1 $2$3 ",
		`[?!]`, " $0 ",
		`([^'])' `, "$1 ' ",
		`[*]`, " $0 ",
		`[\]\[\(\)\{\}<>]`, " $0 ",
		`--`, " -- ",
	)
	quotesAfter = rules(
		`([»”’])`, " $1 ",
		`''`, " '' ",
		`"`, " '' ",
		`\s+`, " ",
		`([^' ])('[sS]|'[mM]|'[dD]|') `, "$1 $2 ",
		`([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) `, "$1 $2 ",
		`(?i)\b(can)(not)\b`, " $1 $2 ",
		`(?i)\b(d)('ye)\b`, " $1 $2 ",
		`(?i)\b(gim)(me)\b`, " $1 $2 ",
		`(?i)\b(gon)(na)\b`, " $1 $2 ",
		`(?i)\b(got)(ta)\b`, " $1 $2 ",
		`(?i)\b(lem)(me)\b`, " $1 $2 ",
		`(?i)\b(more)('n)\b`, " $1 $2 ",
		`(?i)\b(wan)(na)(\s)`, " $1 $2 $3",
		`(?i) ('t)(is)\b`, " $1 $2 ",
		`(?i) ('t)(was)\b`, " $1 $2 ",
	)
	enclitic = regexp.MustCompile(`^(?i)(?:re|ve|ll|m|t|s|d|n)(?:[^\pL\p{Nd}_]|$)`)
)

func treebank(s string) []string {
	for _, r := range quotesBefore {
		s = r.find.ReplaceAllString(s, r.with)
	}
	s = openingQuote(s)
	for _, r := range punctuation {
		s = r.find.ReplaceAllString(s, r.with)
	}
	s = " " + s + " "
	for _, r := range quotesAfter {
		s = r.find.ReplaceAllString(s, r.with)
	}
	return strings.Fields(s)
}

// openingQuote parts a single quote that opens a word from it, unless it begins an enclitic ('re, 'll):
// (?i)(?<!\w)(')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w).
func openingQuote(s string) string {
	if !strings.Contains(s, "'") {
		return s
	}
	isWord := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }
	var b strings.Builder
	for i, r := range s {
		b.WriteRune(r)
		if r != '\'' {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, size := utf8.DecodeRuneInString(s[i+1:])
		if (i == 0 || !isWord(before)) && size > 0 && isWord(after) && !enclitic.MatchString(s[i+1:]) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
