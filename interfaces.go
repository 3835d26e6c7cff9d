package labrador

import "context"

// Side says which end of retrieval a text is encoded for: many models treat queries and passages differently.
type Side int

// The two sides.
const (
	QuerySide Side = iota
	DocumentSide
)

// String is "query" or "document".
func (s Side) String() string {
	if s == QuerySide {
		return "query"
	}
	return "document"
}

// Item is what an Encoder turns into a vector: a text (with a title on the document side where there is one), a picture, or both.
type Item struct {
	Title   string
	Text    string
	Picture string
}

// Encoder turns items into vectors.
//
// Encode returns one row per item, in the order of the items, each of unit length and Dimensions wide. It returns an
// error, and no rows, when any item cannot be encoded or ctx ends. It is safe for concurrent use.
type Encoder interface {
	Encode(ctx context.Context, side Side, items []Item) (Matrix, error)
	// Dimensions is the width of every row.
	Dimensions() int
	// ID changes whenever the vectors would: model, recipe, lengths, dtype, version of the engine.
	ID() string
}

// Searcher finds the k best documents for a query.
//
// Search returns at most k hits, best first by CompareHits, without duplicates. Fewer than k mean that no other document
// matches. It is safe for concurrent use.
type Searcher interface {
	Search(ctx context.Context, q Query, k int) ([]Hit, error)
}

// BatchSearcher is a Searcher that answers many queries faster together than one by one. The i-th list belongs to the
// i-th query and equals what Search would return.
type BatchSearcher interface {
	Searcher
	SearchBatch(ctx context.Context, queries []Query, k int) ([][]Hit, error)
}
