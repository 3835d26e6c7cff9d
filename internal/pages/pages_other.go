//go:build !unix

package pages

func mapped(int) *Block { return nil }

// Room does not know: it says that there is room.
func Room(int) bool { return true }

// Free gives the memory back. The block must not be used afterwards.
func (b *Block) Free() { *b = Block{} }
