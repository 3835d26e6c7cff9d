package analysis

import (
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/irish"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
)

// stemmers are the Snowball stemmers by language.
var stemmers = map[string]func(*snowballstem.Env) bool{
	"arabic": arabic.Stem, "danish": danish.Stem, "dutch": dutch.Stem, "finnish": finnish.Stem, "french": french.Stem,
	"german": german.Stem, "hungarian": hungarian.Stem, "irish": irish.Stem, "italian": italian.Stem, "norwegian": norwegian.Stem,
	"portuguese": portuguese.Stem, "romanian": romanian.Stem, "russian": russian.Stem, "spanish": spanish.Stem,
	"swedish": swedish.Stem, "tamil": tamil.Stem, "turkish": turkish.Stem,
}

// language is Lucene's StandardTokenizer, LowerCaseFilter and SnowballFilter of a language. Unlike the other analyzers it
// allocates: the stemmers work on strings.
type language struct {
	name string
	stem func(*snowballstem.Env) bool
}

func (l language) Name() string { return l.name }

func (l language) Analyze(text string, t *Tokens) {
	w := newWords(text)
	env := snowballstem.NewEnv("")
	for {
		start, end, ascii, ok := w.next()
		if !ok {
			return
		}
		t.lower(text[start:end], ascii)
		env.SetCurrent(string(t.word))
		l.stem(env)
		if s := env.Current(); s != "" {
			t.word = append(t.word[:0], s...)
			t.add(t.word, start, end)
		}
	}
}
