package kernel

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// Tier is a class of processors that one set of kernels is written for.
type Tier uint8

// The tiers, the faster of two on the same kind of processor later. Each needs what the one before it needs, but AVX512, which
// needs AVX2 alone.
const (
	// Plain is Go without assembly; it runs anywhere and is the reference.
	Plain Tier = iota
	// NEON is arm64 with its baseline vectors of 128 bits.
	NEON
	// DotProd adds products of bytes (FEAT_DotProd: Cortex-A76, Neoverse, Graviton 2, Apple M1 and later).
	DotProd
	// I8MM adds products of small matrices of bytes and of bfloat16 (FEAT_I8MM and FEAT_BF16: Neoverse V1 and N2, Graviton 3, Apple M2 and later).
	I8MM
	// AVX2 is amd64 with AVX2, FMA and F16C (Haswell, Zen).
	AVX2
	// AVXVNNI adds VNNI's products of bytes in vectors of 256 bits (Alder Lake, Sierra Forest, Zen 5).
	AVXVNNI
	// AVX512 adds to AVX2 AVX-512 F, BW, DQ and VL (Skylake-X).
	AVX512
	// AVX512VNNI adds VNNI's products of bytes (Cascade Lake, Ice Lake).
	AVX512VNNI
	// AVX512BF16 adds BF16's products of pairs (Cooper Lake, Sapphire Rapids, Zen 4).
	AVX512BF16
	// AVX512FP16 adds FP16's arithmetic in half precision (Sapphire Rapids), in which inputs are made ready for products of bytes. Its products serve dtype
	// bf16 where a measurement says so: VNNI's of 16-bit integers, whose sums are exact, have the same rate on every processor seen so far.
	AVX512FP16
	// AMX adds to AVX512FP16 products of tiles of bytes and of bfloat16 (Sapphire Rapids), where Linux lets a process have them; float32 is multiplied by those of
	// bfloat16, six for one.
	AMX
)

var tierNames = [...]string{"plain", "neon", "dotprod", "i8mm", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "avx512fp16", "amx"}

// String is the tier's name as LABRADOR_CPU takes it.
func (t Tier) String() string {
	if int(t) < len(tierNames) {
		return tierNames[t]
	}
	return fmt.Sprintf("Tier(%d)", uint8(t))
}

// ParseTier returns the tier of a name.
func ParseTier(name string) (Tier, error) {
	for i, n := range tierNames {
		if n == name {
			return Tier(i), nil
		}
	}
	return Plain, fmt.Errorf("kernel: unknown processor tier %q; there are %s", name, strings.Join(tierNames[:], ", "))
}

// Kernels is one tier's set of operations; its methods are the package. It does not change and is safe for concurrent use.
type Kernels struct {
	tier Tier
	t    table
}

// Tier says which processors the operations are for.
func (k *Kernels) Tier() Tier { return k.tier }

// Tiers lists the tiers that this build and this machine can run, Plain first, the fastest last.
func Tiers() []Tier { return append([]Tier{Plain}, machineTiers()...) }

// For returns the operations of one tier, or an error that lists those which this machine can run.
func For(t Tier) (*Kernels, error) {
	var names []string
	for _, have := range Tiers() {
		if have == t {
			return &Kernels{tier: t, t: tableFor(t)}, nil
		}
		names = append(names, have.String())
	}
	return nil, fmt.Errorf("kernel: this build on this machine cannot run tier %q; it can run %s", t, strings.Join(names, ", "))
}

// EnvVar is the environment variable that forces a tier.
const EnvVar = "LABRADOR_CPU"

var current = sync.OnceValues(func() (*Kernels, error) { return choose(os.Getenv(EnvVar)) })

// choose returns the tier of a name, the fastest for an empty one, and the fastest with an error where the name cannot be
// followed.
func choose(name string) (*Kernels, error) {
	tiers := Tiers()
	best, err := For(tiers[len(tiers)-1])
	if err != nil || name == "" {
		return best, err
	}
	t, err := ParseTier(name)
	if err != nil {
		return best, fmt.Errorf("%s: %w", EnvVar, err)
	}
	k, err := For(t)
	if err != nil {
		return best, fmt.Errorf("%s: %w", EnvVar, err)
	}
	return k, nil
}

// Current returns the operations of this machine's fastest tier, or of the tier that LABRADOR_CPU names. Where that name
// cannot be followed it is the fastest tier, and CheckEnv says what is wrong: a program calls CheckEnv first.
func Current() *Kernels {
	k, _ := current()
	return k
}

// CheckEnv returns an error when LABRADOR_CPU names no tier or one that cannot run here.
func CheckEnv() error {
	_, err := current()
	return err
}
