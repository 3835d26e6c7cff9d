package prompt

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/token"
)

// Weight is one entry of a sparse vector: the id of a vocabulary token and its impact, above 0.
type Weight struct {
	Token  int32
	Impact int
}

// MaxSparse is the largest number of entries of a sparse vector.
const MaxSparse = 128

// The sizes of PromptReps' sparse vectors (Zhuang et al., EMNLP 2024, section 3.2, and encode.py of its authors).
const (
	fallback   = 10  // top tokens of a text without words
	impactUnit = 100 // weights are rounded to hundredths
)

// Sparse makes PromptReps' sparse vector of a text from the next-token logits at the end of its prompt, (V): each logit x
// becomes log(1 + max(x, 0)); kept are the tokens of the text's words (lower-cased, without stop words and punctuation),
// at most 128, weighted in hundredths; a text without such words keeps its ten most likely tokens. Best first, ties by
// token id. Impacts of 0 are left out: they add nothing to a score.
func Sparse(tok *token.Tokenizer, text string, logits []float32) []Weight {
	ids, limit := textTokens(tok, text), MaxSparse
	if len(ids) == 0 {
		ids, limit = make([]int32, len(logits)), fallback
		for i := range ids {
			ids[i] = int32(i)
		}
	}
	ids = slices.DeleteFunc(ids, func(id int32) bool { return int(id) >= len(logits) })
	slices.SortFunc(ids, func(a, b int32) int {
		return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b))
	})
	var out []Weight
	for _, id := range ids[:min(limit, len(ids))] {
		impact := int(math.RoundToEven(impactUnit * math.Log1p(math.Max(float64(logits[id]), 0))))
		if impact > 0 {
			out = append(out, Weight{id, impact})
		}
	}
	return out
}

// textTokens are the distinct token ids of the text's words, each tokenised alone.
func textTokens(tok *token.Tokenizer, text string) []int32 {
	seen := map[int32]bool{}
	var out, ids []int32
	for _, w := range words(strings.ToLower(text)) {
		if stopWords[w] || len(w) == 1 && strings.Contains("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", w) {
			continue
		}
		ids = tok.Encode(ids[:0], w, false)
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				out = append(out, id)
			}
		}
	}
	return out
}

// stopWords is NLTK's English list. Its contractions are left out where the word splitter parts them anyway.
var stopWords = wordSet(`i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
	itself they them their theirs themselves what which who whom this that these those am is are was were be been being have has had
	having do does did doing a an the and but if or because as until while of at by for with about against between into through
	during before after above below to from up down in out on off over under again further then once here there when where why how
	all any both each few more most other some such no nor not only own same so than too very s t can will just don should now d ll
	m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn mustn needn shan shouldn wasn weren won wouldn`)
