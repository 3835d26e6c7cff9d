package prompt

import (
	"regexp"
	"strings"
)

// always are tests of variables that transformers always gives, None where there is nothing; to the template library None is not defined.
var (
	always = regexp.MustCompile(`(^|[^.\w])(?:tools|documents) is defined\b`)
	never  = regexp.MustCompile(`(^|[^.\w])(?:tools|documents) is (?:not defined|undefined)\b`)
)

// rewrite says the expressions of a tag in the words that the template library knows: it has conditions (a if b else c) only in the outermost
// expression of a tag.
func rewrite(tag string) string {
	if tag[1] != '#' {
		tag = withTimes(tag)
	}
	tag = never.ReplaceAllString(always.ReplaceAllString(tag, "${1}true"), "${1}false")
	if tag[1] == '#' || len(tag) < 4 || !strings.Contains(tag, "if") {
		return tag
	}
	return tag[:2] + inner(tag[2:len(tag)-2]) + tag[len(tag)-2:]
}

// inner rewrites what is in brackets in an expression.
func inner(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			end := min(stringEnd(s, i), len(s)-1)
			out.WriteString(s[i : end+1])
			i = end
		case '(', '[', '{':
			end := closing(s, i)
			if end < 0 { // the library says what is wrong
				out.WriteString(s[i:])
				return out.String()
			}
			out.WriteByte(s[i])
			out.WriteString(items(s[i+1:end], s[i] != '('))
			out.WriteByte(s[end])
			i = end
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

// items rewrites the items of a pair of brackets, which commas part, and colons in lists and dictionaries.
func items(s string, colons bool) string {
	var out strings.Builder
	start := 0
	for i := 0; ; i = next(s, i) {
		if i >= len(s) {
			out.WriteString(conditional(s[start:]))
			return out.String()
		}
		if s[i] == ',' || colons && s[i] == ':' {
			out.WriteString(conditional(s[start:i]) + s[i:i+1])
			start = i + 1
		}
	}
}

// keyword begins an argument that has a name.
var keyword = regexp.MustCompile(`^\s*\w+\s*=(?:[^=]|$)`)

// conditional rewrites an item: a if b else c becomes the first of (b and [a] or [c]).
func conditional(s string) string {
	if name := keyword.FindString(s); name != "" {
		at := strings.IndexByte(name, '=') + 1
		return s[:at] + conditional(s[at:])
	}
	at := word(s, "if")
	if at < 0 {
		return inner(s)
	}
	value, test, other := s[:at], s[at+2:], "none"
	if e := word(test, "else"); e >= 0 {
		test, other = test[:e], test[e+4:]
	}
	return "((" + inner(test) + ") and [" + inner(value) + "] or [" + conditional(other) + "])[0]"
}

// word is the index of a word outside of brackets and strings, or -1.
func word(s, w string) int {
	for i := 0; i < len(s); i = next(s, i) {
		if strings.HasPrefix(s[i:], w) && (i == 0 || !isName(s[i-1])) && (i+len(w) == len(s) || !isName(s[i+len(w)])) {
			return i
		}
	}
	return -1
}

func isName(c byte) bool {
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// next is the index behind the character at i, or behind the string or the brackets that begin there.
func next(s string, i int) int {
	switch s[i] {
	case '\'', '"':
		return stringEnd(s, i) + 1
	case '(', '[', '{':
		if end := closing(s, i); end >= 0 {
			return end + 1
		}
	}
	return i + 1
}

// closing is the index of the bracket that closes the one at i, or -1.
func closing(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\'', '"':
			i = stringEnd(s, i)
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
