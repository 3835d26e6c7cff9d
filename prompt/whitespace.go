package prompt

import "strings"

// trimBlocks applies Jinja's trim_blocks and lstrip_blocks to a template's source: the newline after a block or comment is
// dropped, and so are blanks and tabs before one that starts its line. (The template library has both options, but drops
// blanks before blocks in the middle of a line too, where Jinja keeps them.)
func trimBlocks(source string) string {
	var out strings.Builder
	out.Grow(len(source))
	lineStart := true // whether rest begins a line of the source
	for rest := source; ; {
		i := nextTag(rest)
		if i < 0 {
			out.WriteString(rest)
			return out.String()
		}
		tag := rest[i : i+tagLength(rest[i:])]
		before := rest[:i]
		rest = rest[i+len(tag):]
		if tag[1] == '{' { // an expression keeps the space around it
			out.WriteString(before + tag)
			lineStart = false
			continue
		}
		if !strings.HasPrefix(tag[2:], "+") {
			before = lstrip(before, lineStart)
		}
		out.WriteString(before + tag)
		if isRaw(tag) {
			end := strings.Index(rest, "{%")
			for end >= 0 && !isEndRaw(rest[end:]) {
				next := strings.Index(rest[end+2:], "{%")
				if next < 0 {
					end = -1
					break
				}
				end += 2 + next
			}
			if end >= 0 {
				out.WriteString(rest[:end])
				rest = rest[end:]
			}
			lineStart = false
			continue
		}
		lineStart = false
		if !strings.HasSuffix(tag[:len(tag)-2], "+") && strings.HasPrefix(rest, "\n") {
			rest, lineStart = rest[1:], true
		}
	}
}

// lstrip drops the blanks at the end of text when they begin a line; whole says that text itself begins one.
func lstrip(text string, whole bool) string {
	kept := strings.TrimRight(text, " \t")
	if strings.HasSuffix(kept, "\n") || kept == "" && whole {
		return kept
	}
	return text
}

// nextTag is the index of the next "{{", "{%" or "{#", or -1.
func nextTag(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

// tagLength is the length of the tag at the start of s, up to its closing mark outside of string literals; all of s when
// it is never closed.
func tagLength(s string) int {
	closing := map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[s[1]]
	if s[1] == '#' {
		if i := strings.Index(s[2:], closing); i >= 0 {
			return i + 4
		}
		return len(s)
	}
	for i := 2; i < len(s); i++ {
		switch {
		case s[i] == '\'' || s[i] == '"':
			i = stringEnd(s, i)
		case strings.HasPrefix(s[i:], closing) && !(closing == "}}" && strings.HasPrefix(s[i+1:], "}}")):
			return i + 2
		}
	}
	return len(s)
}

// stringEnd is the index of the quote that closes the literal opened at s[i].
func stringEnd(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case s[i]:
			return j
		}
	}
	return len(s)
}

func tagWord(tag string) string {
	return strings.TrimSpace(strings.Trim(strings.TrimSuffix(strings.TrimPrefix(tag, "{%"), "%}"), "+-"))
}

func isRaw(tag string) bool { return strings.HasPrefix(tag, "{%") && tagWord(tag) == "raw" }

func isEndRaw(s string) bool { return tagWord(s[:tagLength(s)]) == "endraw" }
