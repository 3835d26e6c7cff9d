package token

import "errors"

var errNotYet = errors.New("not built yet")

type vocab struct{}

func (v *vocab) size() int                  { return 0 }
func (v *vocab) token(int32) (string, bool) { return "", false }
func (v *vocab) id(string) (int32, bool)    { return 0, false }

type addedToken struct {
	content string
	special bool
}
type addedTokens struct {
	byID map[int32]*addedToken
	ids  map[string]int32
	size int
}
type normalizer interface{}
type preTokenizer interface{}
type model interface{}
type decoder interface{}
type postProcessor struct{}
type state struct {
	plain []int32
	spans []Span
}
type config struct{}

func (postProcessor) single(dst, ids []int32, add bool, limit int) []int32  { return dst }
func (postProcessor) pair(dst, a, b []int32, add bool) []int32              { return dst }
func (postProcessor) spans(ids []int32, s []Span, add bool, l int) Encoding { return Encoding{} }
func (postProcessor) added(bool) int                                        { return 0 }
func (t *Tokenizer) state(bool) *state                                      { return nil }
func (t *Tokenizer) encode(*state, string) []int32                          { return nil }
func (t *Tokenizer) decode([]int32, bool) string                            { return "" }
func readConfig(string) (config, error)                                     { return config{}, errNotYet }
func loadVocabMerges(string, []byte, config) (*Tokenizer, error)            { return nil, errNotYet }
func loadJSON([]byte, config) (*Tokenizer, error)                           { return nil, errNotYet }
func loadSentencePiece([]byte, config) (*Tokenizer, error)                  { return nil, errNotYet }
func loadVocabText([]byte, config) (*Tokenizer, error)                      { return nil, errNotYet }
func loadGGUF(GGUF) (*Tokenizer, error)                                     { return nil, errNotYet }
