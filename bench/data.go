package bench

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/kernel"
)

// Vectors makes unit vectors. Data "random" are independent Gaussian directions, on which a graph does badly at any
// setting; "clustered" are 10,000 Gaussian clusters of uneven size in a subspace of 96 dimensions (64 below 768) with a
// decaying spectrum, nearer to real embeddings.
type Vectors struct {
	data     string
	d        int
	latent   int
	spectrum []float32
	centres  labrador.Matrix
	cumul    []float64
	project  *kernel.Packed
	k        *kernel.Kernels
}

const dataSeed = 20240607

// NewVectors prepares vectors of d dimensions.
func NewVectors(data string, d int) (*Vectors, error) {
	if d < 1 || d > 1<<16 {
		return nil, fmt.Errorf("bench: %d dimensions: between 1 and 65536", d)
	}
	v := &Vectors{data: data, d: d, k: kernel.Current()}
	switch data {
	case "random":
		return v, nil
	case "clustered":
	default:
		return nil, fmt.Errorf("bench: data %q: there are random and clustered", data)
	}
	random := rand.New(rand.NewPCG(dataSeed, 1))
	v.latent = min(64, d)
	if d >= 768 {
		v.latent = 96
	}
	for i := range v.latent {
		v.spectrum = append(v.spectrum, float32(math.Pow(float64(i+1), -0.35)))
	}
	v.centres = labrador.NewMatrix(10_000, v.latent)
	total := 0.0
	for i := range v.centres.Rows {
		for j := range v.latent {
			v.centres.Row(i)[j] = float32(random.NormFloat64()) * v.spectrum[j]
		}
		total += math.Pow(float64(i)+20, -0.8)
		v.cumul = append(v.cumul, total)
	}
	basis := v.orthonormal(random)
	v.project = v.k.Pack(kernel.FormatF32, d, v.latent, func(i int, dst []float32) {
		for j := range dst {
			dst[j] = basis[j][i]
		}
	})
	return v, nil
}

// orthonormal are latent unit vectors of d dimensions, each at right angles to the others.
func (v *Vectors) orthonormal(random *rand.Rand) [][]float32 {
	var basis [][]float32
	for range v.latent {
		b := make([]float32, v.d)
		for i := range b {
			b[i] = float32(random.NormFloat64())
		}
		for _, a := range basis {
			v.k.AddScaled(b, a, -v.k.Dot(a, b))
		}
		v.k.Normalize(b, b)
		basis = append(basis, b)
	}
	return basis
}

// Make returns n vectors; the same stream gives the same vectors.
func (v *Vectors) Make(stream uint64, n int) labrador.Matrix {
	m := labrador.NewMatrix(n, v.d)
	random := rand.New(rand.NewPCG(dataSeed, 2+stream))
	if v.data == "clustered" {
		v.fillClustered(m, random)
	} else {
		for i := range m.Data {
			m.Data[i] = float32(random.NormFloat64())
		}
	}
	for i := range n {
		v.k.Normalize(m.Row(i), m.Row(i))
	}
	return m
}

func (v *Vectors) fillClustered(m labrador.Matrix, random *rand.Rand) {
	const block = 1024
	pool := kernel.NewPool(0)
	defer pool.Close()
	z := labrador.NewMatrix(block, v.latent)
	for lo := 0; lo < m.Rows; lo += block {
		n := min(block, m.Rows-lo)
		for i := range n {
			c := v.centres.Row(v.pick(random))
			for j := range v.latent {
				z.Row(i)[j] = c[j] + 0.7*float32(random.NormFloat64())*v.spectrum[j]
			}
		}
		v.project.Linear(pool, kernel.MatOf(m.Data[lo*v.d:(lo+n)*v.d], n, v.d), kernel.MatOf(z.Data[:n*v.latent], n, v.latent))
	}
	for i := range m.Data {
		m.Data[i] += 0.02 * float32(random.NormFloat64())
	}
}

// pick draws a cluster by its weight.
func (v *Vectors) pick(random *rand.Rand) int {
	x := random.Float64() * v.cumul[len(v.cumul)-1]
	lo, hi := 0, len(v.cumul)-1
	for lo < hi {
		mid := (lo + hi) / 2
		if v.cumul[mid] > x {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
