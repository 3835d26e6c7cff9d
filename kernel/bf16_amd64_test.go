//go:build !purego

package kernel

const bf16Tier = AVX512BF16

var bf16Kernels = gemmBF16AVX512BF16
