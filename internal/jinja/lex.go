package jinja

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind byte

const (
	kText kind = iota
	kOutput
	kOutputEnd
	kBlock
	kBlockEnd
	kName
	kString
	kInt
	kFloat
	kOp
	kEOF
)

type lexeme struct {
	kind kind
	text string // of a string its value
	line int
}

var (
	rawTag    = regexp.MustCompile(`^\{%([-+]?)\s*raw\s*(?:(-)%\}|%\})`)
	endRawTag = regexp.MustCompile(`\{%([-+]?)\s*endraw\s*([-+]?)%\}`)
	number    = regexp.MustCompile(`^(?:[0-9](?:_?[0-9])*\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?|[0-9](?:_?[0-9])*[eE][-+]?[0-9](?:_?[0-9])*)`)
	integer   = regexp.MustCompile(`^(?:0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*)`)
	operators = strings.Fields("** // == != >= <= + - / * % ~ [ ] ( ) { } > < = . : | ,")
)

// lexer splits a source as Jinja's does with trim_blocks and lstrip_blocks (jinja2 3.1, lexer.py).
type lexer struct {
	src       string
	at        int
	lineStart bool // what was read last ended a line
	out       []lexeme
}

func lex(source string) (list []lexeme, err error) {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	l := &lexer{src: strings.TrimSuffix(source, "\n"), lineStart: true}
	defer l.caught(&err)
	for l.at < len(l.src) {
		i := nextTag(l.src[l.at:])
		if i < 0 {
			l.add(kText, l.src[l.at:])
			break
		}
		tag := l.at + i
		l.before(l.src[l.at:tag], l.src[tag+1], l.sign(tag+2))
		l.at = tag
		l.tag()
	}
	l.add(kEOF, "the end")
	return l.out, nil
}

// caught makes an error of what fail has thrown.
func (l *lexer) caught(err *error) { catch(recover(), err) }

func (l *lexer) fail(format string, args ...any) {
	fail("line %d: "+format, append([]any{1 + strings.Count(l.src[:min(l.at, len(l.src))], "\n")}, args...)...)
}

func (l *lexer) add(k kind, text string) {
	line := 0
	if k != kText { // errors count lines only where there is one
		line = l.at
	}
	l.out = append(l.out, lexeme{k, text, line})
}

// sign is the - or + at a place, or 0.
func (l *lexer) sign(at int) byte {
	if at < len(l.src) && (l.src[at] == '-' || l.src[at] == '+') {
		return l.src[at]
	}
	return 0
}

// before adds the text before a tag, less the white space that the tag takes away.
func (l *lexer) before(text string, tag, sign byte) {
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, IsSpace)
	case sign != '+' && tag != '{':
		start := strings.LastIndexByte(text, '\n') + 1
		if (start > 0 || l.lineStart) && strings.TrimLeftFunc(text[start:], IsSpace) == "" {
			text = text[:start]
		}
	}
	if text != "" {
		l.add(kText, text)
	}
}

// tag reads the tag that begins here.
func (l *lexer) tag() {
	rest := l.src[l.at:]
	switch {
	case rest[1] == '#':
		end := strings.Index(rest[2:], "#}")
		if end < 0 {
			l.fail("a comment does not end")
		}
		l.at += 2 + end
		sign := byte(0)
		if end > 0 {
			sign = l.sign(l.at - 1)
		}
		l.end(sign, true)
	case rest[1] == '%':
		if m := rawTag.FindStringSubmatch(rest); m != nil {
			l.raw(m)
			return
		}
		l.inside(kBlock, kBlockEnd, "%}")
	default:
		l.inside(kOutput, kOutputEnd, "}}")
	}
}

// end steps over the end of a tag, of two bytes, and over the white space that it takes away.
func (l *lexer) end(sign byte, trim bool) {
	l.at += 2
	from := l.at
	switch {
	case sign == '-':
		l.at = len(l.src) - len(strings.TrimLeftFunc(l.src[l.at:], IsSpace))
	case sign != '+' && trim && strings.HasPrefix(l.src[l.at:], "\n"):
		l.at++
	}
	l.lineStart = l.at > from && l.src[l.at-1] == '\n'
}

func (l *lexer) raw(m []string) {
	l.at += len(m[0])
	if m[2] == "-" {
		l.at = len(l.src) - len(strings.TrimLeftFunc(l.src[l.at:], IsSpace))
	}
	l.lineStart = l.src[l.at-1] == '\n'
	end := endRawTag.FindStringSubmatchIndex(l.src[l.at:])
	if end == nil {
		l.fail("raw does not end")
	}
	sign := byte(0)
	if end[2] < end[3] {
		sign = l.src[l.at+end[2]]
	}
	l.before(l.src[l.at:l.at+end[0]], '%', sign)
	closing := byte(0)
	if end[4] < end[5] {
		closing = l.src[l.at+end[4]]
	}
	l.at += end[1] - 2
	l.end(closing, true)
}

// inside reads what is in a tag.
func (l *lexer) inside(open, shut kind, closing string) {
	l.add(open, closing)
	start := l.at
	l.at += 2
	if l.sign(l.at) != 0 {
		l.at++
	}
	var brackets []byte
	for {
		l.at = len(l.src) - len(strings.TrimLeftFunc(l.src[l.at:], IsSpace))
		rest := l.src[l.at:]
		switch {
		case rest == "":
			l.at = start
			l.fail("a tag does not end")
		case l.at-start > maxTag:
			l.fail("a tag has more than %d bytes", maxTag)
		}
		if len(brackets) == 0 {
			sign := byte(0)
			if rest[0] == '-' || rest[0] == '+' && shut == kBlockEnd {
				sign = rest[0]
			}
			if n := min(int(sign), 1); strings.HasPrefix(rest[n:], closing) {
				l.add(shut, closing)
				l.at += n
				l.end(sign, shut == kBlockEnd)
				return
			}
		}
		l.token(rest, &brackets)
	}
}

// token reads one token of a tag.
func (l *lexer) token(rest string, brackets *[]byte) {
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '_' || unicode.IsLetter(r):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		l.add(kName, rest[:n])
		l.at += n
	case r >= '0' && r <= '9':
		if m := number.FindString(rest); m != "" {
			l.add(kFloat, strings.ReplaceAll(m, "_", ""))
			l.at += len(m)
			return
		}
		m := integer.FindString(rest)
		l.add(kInt, strings.ReplaceAll(m, "_", ""))
		l.at += len(m)
	case r == '\'' || r == '"':
		end := stringEnd(rest)
		if end < 0 {
			l.fail("a text in quotes does not end")
		}
		l.add(kString, l.unescape(rest[1:end]))
		l.at += end + 1
	default:
		for _, op := range operators {
			if strings.HasPrefix(rest, op) {
				l.balance(op[0], brackets)
				l.add(kOp, op)
				l.at += len(op)
				return
			}
		}
		l.fail("unexpected %q", r)
	}
}

func (l *lexer) balance(c byte, brackets *[]byte) {
	shut := map[byte]byte{'(': ')', '[': ']', '{': '}'}
	switch c {
	case '(', '[', '{':
		*brackets = append(*brackets, shut[c])
	case ')', ']', '}':
		n := len(*brackets)
		if n == 0 || (*brackets)[n-1] != c {
			l.fail("unexpected %q", c)
		}
		*brackets = (*brackets)[:n-1]
	}
}

// unescape reads a literal's escapes as Python's unicode-escape does.
func (l *lexer) unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+n >= len(s) {
				l.fail(`a cut \%c in a text in quotes`, c)
			}
			v, err := strconv.ParseUint(s[i+1:i+1+n], 16, 32)
			if err != nil || !utf8.ValidRune(rune(v)) {
				l.fail(`\%s in a text in quotes is no character`, s[i:i+1+n])
			}
			b.WriteRune(rune(v))
			i += n
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := 1
			for n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7' {
				n++
			}
			v, _ := strconv.ParseUint(s[i:i+n], 8, 32)
			b.WriteRune(rune(v))
			i += n - 1
		case 'N':
			l.fail(`\N in a text in quotes is not supported`)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

// stringEnd is the index of the quote that closes the one at the start of s, or -1.
func stringEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i
		}
	}
	return -1
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

// IsSpace says what Python takes for white space: Go's, and four separators.
func IsSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
