package prompt

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// trimBlocks applies Jinja's trim_blocks and lstrip_blocks to a template's source: the newline after a block or comment is
// dropped, and so are blanks and tabs before one that starts its line. (The template library has both options, but drops
// blanks before blocks in the middle of a line too, where Jinja keeps them.) Tags are rewritten for the library, and hold a rendering to its
// budget.
func trimBlocks(source string) string {
	var out strings.Builder
	var sets []string // targets of the assignments of blocks that are open
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
		switch {
		case tag[1] == '{': // an expression keeps the space around it
			out.WriteString(before + rewrite(tag))
			lineStart = false
			continue
		case !strings.HasPrefix(tag[2:], "+"):
			before = lstrip(before, lineStart)
		}
		out.WriteString(before)
		lineStart = false
		if isRaw(tag) {
			var raw string
			raw, rest = rawText(rest)
			out.WriteString(tag + raw)
			continue
		}
		var call string
		call, sets = budgetCall(tag, sets)
		out.WriteString(rewrite(tag) + call)
		if !strings.HasSuffix(tag[:len(tag)-2], "+") && strings.HasPrefix(rest, "\n") {
			rest, lineStart = rest[1:], true
		}
	}
}

// rawText is the text up to the end of a raw block, and what follows; no text where the block does not end.
func rawText(rest string) (raw, after string) {
	at := endRaw.FindStringIndex(rest)
	if at == nil {
		return "", rest
	}
	return rest[:at[0]], rest[at[0]:]
}

var endRaw = regexp.MustCompile(`\{%[-+]?\s*endraw\s*[-+]?%\}`)

// budgetCall is what calls the budget's functions behind a tag: at the start of what may repeat, and behind an assignment. sets are the targets
// of the assignments of blocks that are open.
func budgetCall(tag string, sets []string) (string, []string) {
	if tag[1] != '%' {
		return "", sets
	}
	word, call := tagWord(tag), ""
	if i := strings.IndexFunc(word, unicode.IsSpace); i >= 0 {
		word = word[:i]
	}
	switch word {
	case "for":
		if call = stepName + "(1)"; strings.Contains(tag, "recursive") {
			call = stepName + "(50)"
		}
	case "macro": // it may call itself
		call = stepName + "(50)"
	case "set":
		target, _, is := strings.Cut(strings.TrimPrefix(tagWord(tag), "set"), "=")
		if target = strings.TrimSpace(target); !is {
			return "", append(sets, target)
		}
		call = boundName + "(" + target + ")"
	case "endset":
		if len(sets) > 0 {
			call, sets = boundName+"("+sets[len(sets)-1]+")", sets[:len(sets)-1]
		}
	}
	switch {
	case call == "":
		return "", sets
	case strings.HasSuffix(tag, "-%}"):
		return "{{- " + call + " -}}", sets
	}
	return "{{ " + call + " }}", sets
}

// What a template may be nested: the library and rewrite descend into each level, in time that grows with the square of their number.
const (
	maxTag   = 32 << 10 // bytes
	maxInner = 64       // brackets, and blocks, within each other
	maxSums  = 100      // + and ~ of a tag, each of which may add a whole variable
)

// checkNesting refuses a template that only somebody who means harm would write.
func checkNesting(source string) error {
	blocks := 0
	for rest := source; ; {
		i := nextTag(rest)
		if i < 0 {
			return nil
		}
		tag := rest[i : i+tagLength(rest[i:])]
		rest = rest[i+len(tag):]
		if tag[1] == '#' {
			continue
		}
		if len(tag) > maxTag {
			return fmt.Errorf("a tag has %d bytes, more than %d", len(tag), maxTag)
		}
		if isRaw(tag) {
			_, rest = rawText(rest)
		}
		if word := tagWord(tag); tag[1] == '%' && strings.HasPrefix(word, "end") {
			blocks--
		} else if tag[1] == '%' && opens.MatchString(word) {
			blocks++
		}
		depth, sums := measure(tag)
		if max(blocks, depth) > maxInner {
			return fmt.Errorf("brackets or blocks are nested more than %d deep", maxInner)
		}
		if sums > maxSums {
			return fmt.Errorf("a tag has %d sums, more than %d", sums, maxSums)
		}
	}
}

// opens are tags that an end follows; a set with a value has none.
var opens = regexp.MustCompile(`^(?:if|for|macro|call|filter|with|autoescape|raw|generation|set\s[^=]*$)`)

// measure says how deep a tag's brackets stand within each other, and how many sums it has.
func measure(tag string) (deepest, sums int) {
	depth := 0
	for i := 0; i < len(tag); i++ {
		switch tag[i] {
		case '\'', '"':
			i = stringEnd(tag, i)
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth--
		case '+', '~':
			sums++
		}
	}
	return deepest, sums
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
