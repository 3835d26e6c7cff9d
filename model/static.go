package model

// static is a table of token vectors without layers: model2vec, WordLlama, sentence-transformers' StaticEmbedding.
type static struct {
	embed   *Matrix
	mapping []int32 // row of the table per token; nil: the token's own (model2vec after vocabulary quantisation)
}

// rows are the rows of the table for tokens.
func (s *static) rows(ids []int32) []int32 {
	if s.mapping == nil {
		return ids
	}
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = s.mapping[id]
	}
	return out
}
