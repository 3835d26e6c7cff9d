//go:build !linux

package kernel

import "time"

var started = time.Now()

func cpuSeconds() float64 { return time.Since(started).Seconds() }
