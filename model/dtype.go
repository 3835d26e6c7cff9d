package model

import (
	"sync"
	"time"

	"github.com/labrador-lab/labrador/kernel"
)

// format is the packed form of a dtype.
func format(dtype string) kernel.Format {
	switch dtype {
	case "bf16":
		return kernel.FormatBF16
	case "int8":
		return kernel.FormatInt8
	case "auto":
		return autoFormat()
	}
	return kernel.FormatF32
}

// autoFormat picks between f32 and bf16, whose vectors stay within a cosine of .999 of f32's, by a product of the two that
// it measures once: bf16 has to be a fifth faster. int8 loses more on some models and is taken only when it is asked for.
var autoFormat = sync.OnceValue(func() kernel.Format {
	k, pool := kernel.Current(), kernel.NewPool(1)
	defer pool.Close()
	const n = 256
	x, y := kernel.MatOf(make([]float32, n*n), n, n), kernel.MatOf(make([]float32, n*n), n, n)
	var packed [2]*kernel.Packed
	for i, f := range []kernel.Format{kernel.FormatF32, kernel.FormatBF16} {
		packed[i] = k.Pack(f, n, n, func(_ int, row []float32) { clear(row) })
	}
	best := [2]time.Duration{time.Hour, time.Hour}
	for range 20 { // in turns, so that a busy machine slows both
		for i, w := range packed {
			start := time.Now()
			w.Linear(pool, y, x)
			best[i] = min(best[i], time.Since(start))
		}
	}
	if best[1]*6 <= best[0]*5 {
		return kernel.FormatBF16
	}
	return kernel.FormatF32
})
