package analysis

import (
	"unicode"
	"unicode/utf8"
)

// cjk is Lucene's CJKAnalyzer: words of UAX #29, full-width Latin and half-width katakana folded, lower case, neighbouring
// ideographs, kana and hangul as overlapping pairs (one that has no neighbour stays alone), stop words dropped.
type cjk struct{}

func (cjk) Name() string { return "cjk" }

func (cjk) Analyze(text string, t *Tokens) {
	w := newWords(text)
	run := pairs{t: t}
	for {
		start, end, ascii, ok := w.next()
		if !ok {
			break
		}
		if ascii || !pairable(text[start:end]) {
			run.flush()
			t.foldWidth(text[start:end])
			if !cjkStop(t.word) {
				t.add(t.word, start, end)
			}
			continue
		}
		if start != run.end {
			run.flush()
		}
		run.add(text, start, end)
	}
	run.flush()
}

// pairs makes pairs of the characters of words that lie side by side.
type pairs struct {
	t          *Tokens
	last       [utf8.UTFMax]byte // the character before, in UTF-8
	lastLen    int
	start, end int // where it was
	paired     bool
}

// add takes the word text[start:end], which lies behind what was added before.
func (p *pairs) add(text string, start, end int) {
	t := p.t
	t.foldWidth(text[start:end])
	word := string(t.word)
	whole := len(word) != end-start // folding changed lengths: the characters all count as the word's place
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		from, to := start+i, start+i+n
		if whole {
			from, to = start, end
		}
		if p.lastLen > 0 {
			t.word = append(append(t.word[:0], p.last[:p.lastLen]...), word[i:i+n]...)
			t.add(t.word, p.start, to)
			p.paired = true
		}
		p.lastLen = copy(p.last[:], word[i:i+n])
		p.start = from
		i += n
	}
	p.end = end
}

// flush ends the run.
func (p *pairs) flush() {
	if p.lastLen > 0 && !p.paired {
		p.t.add(p.last[:p.lastLen], p.start, p.end)
	}
	p.lastLen, p.paired, p.end = 0, false, -1
}

// pairable says whether a word is of the kinds that are paired: an ideograph, a hiragana, only katakana or only hangul.
func pairable(word string) bool {
	table := wordClasses()
	first := class(0)
	for i, r := range word {
		c := table.of(r)
		switch {
		case i == 0:
			first = c
			if c != han && c != hiragana && c != katakana && c != hangul {
				return false
			}
		case c == first, extender(c):
		default:
			return false
		}
	}
	return true
}

func extender(c class) bool {
	switch c {
	case extend, zwj, complexExtend, keycap, textSelector, emojiSelector, emojiModifier, tagSpec, tagTerm:
		return true
	}
	return false
}

// halfKatakana are the full-width forms of U+FF65 to U+FF9F.
var halfKatakana = []rune("・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u3099\u309a")

// foldWidth puts the word into t.word in lower case, full-width ASCII as ASCII and half-width katakana as katakana, a sound
// mark joined to the kana before it where there is a letter for both.
func (t *Tokens) foldWidth(word string) {
	t.word = t.word[:0]
	prev := rune(-1) // the last rune, where it came from a half-width katakana or is one
	for _, r := range word {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			r -= 0xfee0
		case r >= 0xff65 && r <= 0xff9f:
			if joined := withMark(prev, r); joined >= 0 {
				t.word = utf8.AppendRune(t.word[:len(t.word)-utf8.RuneLen(prev)], joined)
				prev = -1
				continue
			}
			r = halfKatakana[r-0xff65]
		}
		prev = r
		t.word = utf8.AppendRune(t.word, unicode.ToLower(r))
	}
}

// withMark is kana with the half-width sound mark, or -1.
func withMark(kana, mark rune) rune {
	voiced := kana >= 'カ' && kana <= 'ト' && (kana <= 'チ' && kana%2 == 'カ'%2 || kana >= 'ツ' && kana%2 == 'ツ'%2)
	labial := kana >= 'ハ' && kana <= 'ホ' && (kana-'ハ')%3 == 0
	switch {
	case mark == 0xff9e && (voiced || labial):
		return kana + 1
	case mark == 0xff9f && labial:
		return kana + 2
	case mark == 0xff9e && kana == 'ウ':
		return 'ヴ'
	case mark == 0xff9e && kana >= 'ワ' && kana <= 'ヲ':
		return kana + 8
	case mark == 0xff9e && kana == 'ヽ':
		return 'ヾ'
	}
	return -1
}

// cjkStop says whether the word is one of Lucene's CJKAnalyzer's stop words.
func cjkStop(word []byte) bool {
	switch string(word) {
	case "s", "t", "www":
		return true
	case "an":
		return false
	}
	return englishStop(word)
}
