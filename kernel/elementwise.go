package kernel

import "math"

// Add writes dst = a + b, all (n); dst may be a or b.
func (k *Kernels) Add(dst, a, b []float32) {
	same("Add", len(dst), len(a))
	same("Add", len(dst), len(b))
	k.t.add(dst, a, b)
}

// Mul writes dst = a * b, all (n); dst may be a or b.
func (k *Kernels) Mul(dst, a, b []float32) {
	same("Mul", len(dst), len(a))
	same("Mul", len(dst), len(b))
	k.t.mul(dst, a, b)
}

// Scale writes dst = a * s, both (n); dst may be a.
func (k *Kernels) Scale(dst, a []float32, s float32) {
	same("Scale", len(dst), len(a))
	k.t.scale(dst, a, s)
}

// AddScaled writes dst += a * s, both (n).
func (k *Kernels) AddScaled(dst, a []float32, s float32) {
	same("AddScaled", len(dst), len(a))
	k.t.addScaled(dst, a, s)
}

// Exp writes dst = e^a, both (n); dst may be a. Relative error at most 3e-7 for a in [-87, 88]; outside it is 0 or the
// value at the end of that range.
func (k *Kernels) Exp(dst, a []float32) {
	same("Exp", len(dst), len(a))
	k.t.exp(dst, a)
}

// ReLU writes dst = max(a, 0), both (n); dst may be a.
func (k *Kernels) ReLU(dst, a []float32) {
	same("ReLU", len(dst), len(a))
	for i, v := range a {
		dst[i] = max(v, 0)
	}
}

// SiLU writes dst = a / (1 + e^-a), both (n); dst may be a.
func (k *Kernels) SiLU(dst, a []float32) {
	same("SiLU", len(dst), len(a))
	k.t.silu(dst, a)
}

// SiLUMul writes dst = SiLU(gate) * up, all (n): SwiGLU (Shazeer 2020, eq. 6) behind its two products. dst may be gate or up.
func (k *Kernels) SiLUMul(dst, gate, up []float32) {
	same("SiLUMul", len(dst), len(gate))
	same("SiLUMul", len(dst), len(up))
	k.t.siluMul(dst, gate, up)
}

// SiLUMulRough is SiLUMul for results that are rounded to bfloat16 or codes of 8 bits anyway: relatively within 2e-4.
func (k *Kernels) SiLUMulRough(dst, gate, up []float32) {
	same("SiLUMulRough", len(dst), len(gate))
	same("SiLUMulRough", len(dst), len(up))
	if k.t.siluMulRough == nil {
		k.t.siluMul(dst, gate, up)
		return
	}
	k.t.siluMulRough(dst, gate, up)
}

// GELU writes dst = a * (1 + erf(a/sqrt 2)) / 2, both (n) (Hendrycks and Gimpel 2016); dst may be a. Absolute error at
// most 4e-7 times max(1, |a|).
func (k *Kernels) GELU(dst, a []float32) {
	same("GELU", len(dst), len(a))
	k.t.gelu(dst, a)
}

// GELURough is GELU for results that are rounded to bfloat16 or codes of 8 bits anyway: within 6e-6 times max(1, |a|), and relatively within 7e-4 from
// a = -3 on.
func (k *Kernels) GELURough(dst, a []float32) {
	same("GELURough", len(dst), len(a))
	if k.t.geluRough == nil {
		k.t.gelu(dst, a)
		return
	}
	k.t.geluRough(dst, a)
}

// GELUTanh writes the approximation dst = a * (1 + tanh(sqrt(2/pi) (a + 0.044715 a^3))) / 2, both (n) (the same paper;
// gelu_new, gelu_pytorch_tanh); dst may be a.
func (k *Kernels) GELUTanh(dst, a []float32) {
	same("GELUTanh", len(dst), len(a))
	k.t.geluTanh(dst, a)
}

// Softcap writes dst = limit * tanh(a/limit), both (n) (Gemma 2); dst may be a. Absolute error at most 2e-7 times limit.
func (k *Kernels) Softcap(dst, a []float32, limit float32) {
	same("Softcap", len(dst), len(a))
	k.t.softcap(dst, a, limit)
}

// Softmax turns x (n) into e^(x-max) over their sum, in place. For a masked row pass what is not masked.
func (k *Kernels) Softmax(x []float32) {
	if len(x) == 0 {
		return
	}
	sum := k.t.expSub(x, x, k.t.max(x))
	k.t.scale(x, x, 1/sum)
}

// RMSNorm writes dst = x / sqrt(mean x^2 + eps) * w, all (C) (Zhang and Sennrich 2019); dst may be x.
func (k *Kernels) RMSNorm(dst, x, w []float32, eps float32) {
	same("RMSNorm", len(dst), len(x))
	same("RMSNorm", len(dst), len(w))
	if len(x) == 0 {
		return
	}
	mean := float64(k.t.sumSquares(x)) / float64(len(x))
	k.t.normScale(dst, x, w, 0, float32(1/math.Sqrt(mean+float64(eps))))
}

// LayerNorm writes dst = (x - mean) / sqrt(variance + eps) * w + b, all (C) (Ba et al. 2016); b may be nil; dst may be x.
func (k *Kernels) LayerNorm(dst, x, w, b []float32, eps float32) {
	same("LayerNorm", len(dst), len(x))
	same("LayerNorm", len(dst), len(w))
	if b != nil {
		same("LayerNorm", len(dst), len(b))
	}
	if len(x) == 0 {
		return
	}
	if k.t.layerNorm != nil && b != nil && len(x)%k.t.gemm.lanes == 0 {
		k.t.layerNorm(&dst[0], &x[0], &w[0], &b[0], float64(eps), len(x))
		return
	}
	mean := k.t.sum(x) / float32(len(x))
	variance := float64(k.t.variance(x, mean)) / float64(len(x))
	k.t.normScale(dst, x, w, mean, float32(1/math.Sqrt(variance+float64(eps))))
	if b != nil {
		k.Add(dst, dst, b)
	}
}

// Normalize writes dst = x / |x|, both (n), and returns |x|; a zero row stays zero. dst may be x.
func (k *Kernels) Normalize(dst, x []float32) float32 {
	same("Normalize", len(dst), len(x))
	norm := math.Sqrt(float64(k.t.sumSquares(x)))
	if norm == 0 {
		clear(dst)
		return 0
	}
	k.t.scale(dst, x, float32(1/norm))
	return float32(norm)
}

// Rope turns the pairs (x[i], x[i+n/2]) of one head x (n) by the angles whose cos (n/2) and sin (n/2) are given: RoFormer's
// rotation (Su et al. 2021, eq. 34) in the layout of GPT-NeoX and Llama checkpoints of Hugging Face.
func (k *Kernels) Rope(x, cos, sin []float32) {
	same("Rope", len(x), 2*len(cos))
	same("Rope", len(x), 2*len(sin))
	k.t.rope(x[:len(cos)], x[len(cos):], cos, sin)
}

// RopePairs turns the pairs (x[2i], x[2i+1]) of one head x (n) by the angles whose cos (n/2) and sin (n/2) are given: the
// layout of GPT-J, of Meta's own Llama files and of GGUF's llama.
func (k *Kernels) RopePairs(x, cos, sin []float32) {
	same("RopePairs", len(x), 2*len(cos))
	same("RopePairs", len(x), 2*len(sin))
	k.t.ropePairs(x, cos, sin)
}
