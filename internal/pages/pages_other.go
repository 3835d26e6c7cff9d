//go:build !unix

package pages

func mapped(int) *Block { return nil }

// Free gives the memory back. The block must not be used afterwards.
func (b *Block) Free() { *b = Block{} }
