//go:build !purego

package kernel

const bf16Tier = I8MM

var bf16Kernels = gemmBF16I8MM
