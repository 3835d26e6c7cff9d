package analysis

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// class is what the word-break rules tell apart about a code point.
type class uint8

// The classes of wordclass.txt, in its order. Extend stands for Extend and Format; ComplexExtend is Extend in a script of
// complex context (South East Asia); Digit is Numeric and may begin a keycap emoji.
const (
	other class = iota
	doubleQuote
	keycapBase
	singleQuote
	midNum
	midNumLet
	digit
	midLetter
	aLetter
	extendNumLet
	emoji
	extend
	hebrewLetter
	numeric
	complexContext
	complexExtend
	hangul
	zwj
	keycap
	emojiLetter
	han
	katakana
	hiragana
	textSelector
	emojiSelector
	regionalIndicator
	emojiModifier
	tagSpec
	tagTerm
	classes
)

//go:embed wordclass.txt
var wordClassText string

// classTable is a two-stage table: the class of r is pages[index[r>>7]][r&127].
type classTable struct {
	index [(utf8.MaxRune + 1) >> 7]uint16
	pages [][128]class
}

func (t *classTable) of(r rune) class { return t.pages[t.index[r>>7]][r&127] }

var wordClasses = sync.OnceValue(func() *classTable {
	names := strings.Fields(`Other DoubleQuote KeycapBase SingleQuote MidNum MidNumLet Digit MidLetter ALetter ExtendNumLet Emoji
		Extend HebrewLetter Numeric ComplexContext ComplexExtend Hangul ZWJ Keycap EmojiLetter Han Katakana Hiragana
		TextSelector EmojiSelector RegionalIndicator EmojiModifier TagSpec TagTerm`)
	flat := make([]class, utf8.MaxRune+1)
	for line := range strings.Lines(wordClassText) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		c := class(0)
		for names[c] != fields[0] {
			c++
		}
		for _, f := range fields[1:] {
			lo, hi := parseRange(f)
			for r := lo; r <= hi; r++ {
				flat[r] = c
			}
		}
	}
	return newClassTable(flat)
})

func parseRange(s string) (lo, hi rune) {
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		to = from
	}
	a, err1 := strconv.ParseUint(from, 16, 21)
	b, err2 := strconv.ParseUint(to, 16, 21)
	if err1 != nil || err2 != nil {
		panic("analysis: bad range in wordclass.txt: " + s)
	}
	return rune(a), rune(b)
}

func newClassTable(flat []class) *classTable {
	t := &classTable{}
	seen := map[[128]class]uint16{}
	for i := range t.index {
		page := [128]class(flat[i<<7 : (i+1)<<7])
		n, ok := seen[page]
		if !ok {
			n = uint16(len(t.pages))
			seen[page] = n
			t.pages = append(t.pages, page)
		}
		t.index[i] = n
	}
	return t
}
