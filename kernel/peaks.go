package kernel

// peakLoop is a loop of multiplications without memory: run(n) does n*ops operations, two for each multiply-add.
type peakLoop struct {
	name string
	ops  float64
	run  func(n int)
}

func plainPeaks() []peakLoop {
	return []peakLoop{{"f32", 16, func(n int) {
		var s [8]float32
		x := float32(n)
		for range n {
			for i := range s {
				s[i] += x * x
			}
		}
		plainSink = s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7]
	}}}
}

// plainSink keeps the compiler from dropping the loop of plainPeaks.
var plainSink float32
