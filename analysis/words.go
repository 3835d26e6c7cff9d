package analysis

import (
	"sync"
	"unicode/utf8"
)

// maxWord is the longest word in UTF-16 units; what is longer is cut there and goes on as the next word (Lucene's
// StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH).
const maxWord = 255

// wordRules are the word rules of UAX #29 as Lucene's StandardTokenizer reads them: a word is the longest match at a place
// where one begins, what begins none is passed over. Beyond the annex, ideographs and hiragana stand alone, runs of complex
// context (Thai, Lao, Khmer, Myanmar) stay whole, and emoji sequences (UTS #51) are words.
var wordRules = sync.OnceValue(func() *dfa {
	ext := star(in(extend, zwj, complexExtend, keycap, textSelector, emojiSelector, emojiModifier, tagSpec, tagTerm)) // WB4
	ex := func(cs ...class) expr { return seq(in(cs...), ext) }

	joiners := star(ex(extendNumLet)) // WB13a, WB13b
	num := ex(digit, numeric)
	letter := ex(aLetter, hebrewLetter, hangul, emojiLetter)
	kana := ex(katakana)
	kanas := seq(kana, star(seq(joiners, kana)))
	letters := plus(alt(
		seq(ex(hebrewLetter), alt(ex(singleQuote), seq(ex(doubleQuote), ex(hebrewLetter)))), // WB7a-c
		seq(num, star(seq(alt(joiners, ex(midNum, midNumLet, singleQuote)), num))),          // WB8, 11, 12
		seq(letter, star(seq(alt(joiners, ex(midLetter, midNumLet, singleQuote)), letter))), // WB5-7
	)) // WB9, WB10
	body := alt(kanas, letters)
	word := seq(joiners, body, star(seq(plus(ex(extendNumLet)), body)), joiners)

	return compile(alt(word, emojiRule(ext), plus(ex(complexContext, complexExtend)), ex(han), ex(hiragana)))
})

// emojiRule is UTS #51's emoji_sequence, as Lucene has it.
func emojiRule(ext expr) expr {
	plain := star(in(extend, zwj, complexExtend, keycap, emojiModifier, tagSpec, tagTerm)) // extenders other than presentation selectors
	zwjs := star(in(zwj))
	single := alt(
		seq(zwjs, in(emoji, emojiLetter), plain, opt(in(emojiSelector))),
		seq(opt(seq(zwjs, in(emoji), plain)), in(emojiModifier), plain),
	)
	return alt(
		seq(single, alt(star(seq(in(zwj), single)), seq(plus(in(tagSpec)), in(tagTerm)))),
		seq(in(keycapBase, digit), plain, opt(in(emojiSelector)), in(keycap), plain),
		seq(twice(seq(in(regionalIndicator), ext))),
	)
}

// words walks over the words of a text.
type words struct {
	text    string
	rules   *dfa
	classes *classTable
	at      int
}

func newWords(text string) words {
	return words{text: text, rules: wordRules(), classes: wordClasses()}
}

// next returns the next word text[start:end] and whether it is ASCII; ok is false at the end.
func (w *words) next() (start, end int, ascii, ok bool) {
	for w.at < len(w.text) {
		end, ascii := w.match(w.at)
		start := w.at
		if end > start {
			w.at = end
			return start, end, ascii, true
		}
		if w.text[start] < utf8.RuneSelf {
			w.at++
		} else {
			_, n := utf8.DecodeRuneInString(w.text[start:])
			w.at += n
		}
	}
	return 0, 0, false, false
}

// match is the end of the longest word that starts at start; start itself where none does.
func (w *words) match(start int) (end int, ascii bool) {
	d, text := w.rules, w.text
	state, units, all := uint16(1), 0, true
	end, ascii = start, true
	for i := start; i < len(text) && units < maxWord; {
		n, c := 1, class(0)
		if b := text[i]; b < utf8.RuneSelf {
			c = w.classes.pages[0][b]
			units++
		} else {
			var r rune
			r, n = utf8.DecodeRuneInString(text[i:])
			c = w.classes.of(r)
			all = false
			units++
			if r >= 0x10000 {
				units++
			}
			if units > maxWord {
				break
			}
		}
		state = d.next[state][c]
		if state == 0 {
			break
		}
		i += n
		if d.accept[state] {
			end, ascii = i, all
		}
	}
	return end, ascii
}
