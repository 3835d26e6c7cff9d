//go:build !purego && (amd64 || arm64)

package kernel

import "testing"

// TestProductsOfBF16 checks the products of bfloat16 also where the tier does without them because they would not pay.
func TestProductsOfBF16(t *testing.T) {
	k, err := For(bf16Tier)
	if err != nil {
		t.Skip(err)
	}
	k.t.gemm.bf16 = bf16Kernels
	p := NewPool(2)
	defer p.Close()
	for rows := 1; rows <= 17; rows++ {
		linearCase{rows: rows, oc: 7 * rows, c: 1 + 5*rows, bias: rows%2 == 0, add: rows%3 == 0}.check(t, k, p, FormatBF16)
	}
	rowsProductBF16(t, k, p, 31, 97, 300)
}
