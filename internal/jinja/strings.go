package jinja

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > 127 })
}

func upper(s string) string {
	if ascii(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func lower(s string) string {
	if ascii(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und, cases.HandleFinalSigma(true)).String(s)
}

// titled is the text's first letter as in a title, and the rest.
func titled(s string) (first, rest string) {
	c, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return "", ""
	}
	if c == 'ß' {
		return "Ss", s[n:]
	}
	return string(unicode.ToTitle(c)), s[n:]
}

func capitalized(s string) string {
	first, rest := titled(s)
	return first + lower(rest)
}

// titleWords is Jinja's filter title: words are what stands between white space, hyphens and opening brackets.
func titleWords(s string) string {
	var b strings.Builder
	part := func(c rune) bool { return IsSpace(c) || strings.ContainsRune("-({[<", c) }
	for s != "" {
		n := strings.IndexFunc(s, func(c rune) bool { return !part(c) })
		if n < 0 {
			n = len(s)
		}
		b.WriteString(s[:n])
		s = s[n:]
		if n = strings.IndexFunc(s, part); n < 0 {
			n = len(s)
		}
		_, size := utf8.DecodeRuneInString(s)
		b.WriteString(upper(s[:size]) + lower(s[size:n]))
		s = s[n:]
	}
	return b.String()
}

// titleText is Python's str.title: a word is a run of letters.
func titleText(s string) string {
	if strings.ContainsRune(s, 'Σ') {
		fail("title of a text with Σ is not supported")
	}
	var b strings.Builder
	before := false
	for _, c := range s {
		letter := unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c)
		switch {
		case letter && !before:
			first, _ := titled(string(c))
			b.WriteString(first)
		case c == 'İ':
			b.WriteString("i̇")
		default:
			b.WriteRune(unicode.ToLower(c))
		}
		before = letter
	}
	return b.String()
}

// trimmed is Python's strip, of white space or of a set of characters.
func trimmed(s string, chars any, left, right bool) string {
	is := IsSpace
	switch set := chars.(type) {
	case nil:
	case string:
		if len(set) > 100 {
			fail("strip of a set of %d bytes is not supported", len(set))
		}
		is = func(c rune) bool { return strings.ContainsRune(set, c) }
	default:
		if chars != absent {
			fail("strip of %s", kindOf(chars))
		}
	}
	if left {
		s = strings.TrimLeftFunc(s, is)
	}
	if right {
		s = strings.TrimRightFunc(s, is)
	}
	return s
}

func (r *render) replaced(s, from, to string, count any) string {
	n := -1
	if count != absent && count != nil {
		n = integer1(count, "count")
	}
	found := strings.Count(s, from)
	if n >= 0 {
		found = min(found, n)
	}
	if len(to) > 0 && found > maxBytes/len(to) {
		r.spend(-1)
	}
	r.spend(len(s) + found*len(to))
	return strings.Replace(s, from, to, n)
}

type side byte

const (
	leftSide side = iota
	rightSide
	middle
)

// padded fills a text to a width; the side is where the text stands.
func (r *render) padded(s string, width int, fill string, at side) string {
	if utf8.RuneCountInString(fill) != 1 {
		fail("a text is filled with %q", fill)
	}
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	before := 0
	switch at {
	case rightSide:
		before = n
	case middle: // Python's: the odd one stands on the left where the width is odd
		before = n/2 + n&width&1
	}
	return r.repeat(fill, before) + s + r.repeat(fill, n-before)
}

// splitLines is Python's splitlines.
func splitLines(s string, keep bool) []string {
	var out []string
	start := 0
	for i, c := range s {
		if i < start || !strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", c) {
			continue
		}
		end := i + utf8.RuneLen(c)
		if c == '\r' && strings.HasPrefix(s[end:], "\n") {
			end++
		}
		line := s[start:i]
		if keep {
			line = s[start:end]
		}
		out = append(out, line)
		start = end
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

// split is Python's split, and from the right rsplit.
func (r *render) split(s string, a arguments, right bool) any {
	given := a.bind("split", "sep", "maxsplit")
	most := -1
	if given[1] != absent {
		most = integer1(given[1], "maxsplit")
	}
	if most < 0 {
		most = math.MaxInt
	}
	var parts []string
	switch sep := given[0].(type) {
	case string:
		if sep == "" {
			fail("an empty separator")
		}
		parts = splitBy(s, sep, most, right)
	default:
		if sep != absent && sep != nil {
			fail("split by %s", kindOf(sep))
		}
		parts = splitSpace(s, most, right)
	}
	return r.texts(parts)
}

func (r *render) texts(parts []string) *List {
	items := make([]any, len(parts))
	n := 0
	for i, p := range parts {
		items[i] = p
		n += len(p)
	}
	r.spend(n)
	return r.list(kList, items)
}

func splitBy(s, sep string, most int, right bool) []string {
	var parts []string
	for len(parts) < most {
		i := strings.Index(s, sep)
		if right {
			i = strings.LastIndex(s, sep)
		}
		if i < 0 {
			break
		}
		if right {
			parts, s = append(parts, s[i+len(sep):]), s[:i]
		} else {
			parts, s = append(parts, s[:i]), s[i+len(sep):]
		}
	}
	parts = append(parts, s)
	if right {
		slices.Reverse(parts)
	}
	return parts
}

func splitSpace(s string, most int, right bool) []string {
	var parts []string
	for {
		if s = trimmed(s, nil, !right, right); s == "" {
			break
		}
		i, j := strings.IndexFunc(s, IsSpace), 0
		if right {
			if i = strings.LastIndexFunc(s, IsSpace); i >= 0 {
				_, j = utf8.DecodeRuneInString(s[i:])
			}
		}
		if i < 0 || len(parts) == most {
			parts = append(parts, s)
			break
		}
		if right {
			parts, s = append(parts, s[i+j:]), s[:i]
		} else {
			parts, s = append(parts, s[:i]), s[i:]
		}
	}
	if right {
		slices.Reverse(parts)
	}
	return parts
}

var (
	percentField = regexp.MustCompile(`%(?:\((\w*)\))?([-0]*)(\d{0,4})(?:\.(\d{1,4}))?(.?)`)
	braceField   = regexp.MustCompile(`\{\{|\}\}|\{(\w*)(?::([<>^]?)(\d{0,4}))?\}|[{}]`)
)

// percent is Python's text % values, of %s and %d.
func (r *render) percent(format string, v any) string {
	r.spend(8 * len(format)) // a regular expression takes its time
	var values []any
	d, named := v.(*Dict)
	if t, ok := v.(*List); ok && t.kind == kTuple {
		values = t.items
	} else {
		values = []any{v}
	}
	used := 0
	out := percentField.ReplaceAllStringFunc(format, func(field string) string {
		m := percentField.FindStringSubmatch(field)
		if m[5] == "%" && field == "%%" {
			return "%"
		}
		var value any
		switch {
		case strings.HasPrefix(field, "%("):
			if !named {
				fail("a format with names, and no dict")
			}
			found, ok := d.get(r.key(m[1]))
			if !ok {
				fail("a format of %q, which is not there", m[1])
			}
			value = found
		case used < len(values):
			value = values[used]
			used++
		default:
			fail("too few values for a format")
		}
		width, _ := strconv.Atoi(m[3])
		var s string
		switch {
		case m[5] == "s" && m[4] == "":
			s = r.str(value)
		case m[5] == "d" && m[4] == "" && isWhole(value):
			s = strconv.Itoa(whole(value))
			if strings.Contains(m[2], "0") && !strings.Contains(m[2], "-") && whole(value) >= 0 {
				return r.padded(s, width, "0", rightSide)
			}
		default:
			fail("the format %q of %s is not supported", field, kindOf(value))
		}
		r.spend(len(s))
		if strings.Contains(m[2], "-") {
			return r.padded(s, width, " ", leftSide)
		}
		return r.padded(s, width, " ", rightSide)
	})
	if !named && used < len(values) {
		fail("too many values for a format")
	}
	return out
}

func (r *render) formatFilter(v any, a arguments) any {
	if len(a.names) > 0 {
		fail("the filter format with names is not supported")
	}
	return r.percent(r.str(v), r.list(kTuple, a.list))
}

// format is Python's str.format, of values without attributes.
func (r *render) format(s string, a arguments) any {
	r.spend(8 * len(s))
	next := 0
	numbered := false
	return braceField.ReplaceAllStringFunc(s, func(field string) string {
		switch field {
		case "{{", "}}":
			return field[:1]
		case "{", "}":
			fail("the format %.40q is not supported", s)
		}
		m := braceField.FindStringSubmatch(field)
		var value any
		if n, err := strconv.Atoi(m[1]); err == nil || m[1] == "" {
			if m[1] == "" {
				n = next
				next++
			} else {
				numbered = true
			}
			if n >= len(a.list) || numbered && next > 0 {
				fail("the format %.40q has no value for %s", s, field)
			}
			value = a.list[n]
		} else if i := slices.Index(a.names, m[1]); i >= 0 {
			value = a.named[i]
		} else {
			fail("the format %.40q has no value for %s", s, field)
		}
		_, text := value.(string)
		if (m[2] != "" || m[3] != "") && (!text || strings.HasPrefix(m[3], "0")) {
			fail("the format %s of %s is not supported", field, kindOf(value))
		}
		out := r.str(value)
		r.spend(len(out))
		width, _ := strconv.Atoi(m[3])
		switch m[2] {
		case ">":
			return r.padded(out, width, " ", rightSide)
		case "^":
			n := max(width-utf8.RuneCountInString(out), 0)
			return r.repeat(" ", n/2) + out + r.repeat(" ", n-n/2)
		}
		return r.padded(out, width, " ", leftSide)
	})
}
