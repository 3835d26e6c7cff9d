//go:build !purego

package kernel

import "testing"

// TestPairsOfBF16 checks the products of pairs of bfloat16 also where the tier does without them because they would not pay.
func TestPairsOfBF16(t *testing.T) {
	k, err := For(AVX512BF16)
	if err != nil {
		t.Skip(err)
	}
	k.t.gemm.bf16 = gemmBF16AVX512BF16
	p := NewPool(2)
	defer p.Close()
	for rows := 1; rows <= 17; rows++ {
		linearCase{rows: rows, oc: 7 * rows, c: 1 + 5*rows, bias: rows%2 == 0, add: rows%3 == 0}.check(t, k, p, FormatBF16)
	}
	rowsProductBF16(t, k, p, 31, 97, 300)
}
