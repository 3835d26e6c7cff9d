//go:build !purego

package kernel

import "testing"

const bf16Tier = AVX512BF16

var bf16Kernels = gemmBF16AVX512BF16

// TestAttendBF16 checks attention's products of bfloat16 also where the tier does without them because they would not pay.
func TestAttendBF16(t *testing.T) {
	k, err := For(bf16Tier)
	if err != nil {
		t.Skip(err)
	}
	k.t.gemm.attendHalf = bf16Kernels
	attendAll(t, k, true)
}
