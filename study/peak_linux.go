package study

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
)

// smallHeap is a heap not worth a forced collection before a measurement.
const smallHeap = 16 << 20

// resetPeak makes peak count from now on: memory that earlier work left behind goes back to the system, and writing 5 to clear_refs
// sets the high-water mark to the present size (proc(5)).
func resetPeak() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc+m.HeapIdle-m.HeapReleased > smallHeap {
		debug.FreeOSMemory()
	}
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peak is the largest resident memory of this process since resetPeak, mapped files included, in bytes; 0 where unknown.
func peak() int64 { return statusField("/proc/self/status", "VmHWM:") }

// totalMemory is the machine's memory in bytes, 0 where unknown.
func totalMemory() int64 { return statusField("/proc/meminfo", "MemTotal:") }

// statusField reads a "Name:   123 kB" line.
func statusField(path, name string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) >= 2 && string(fields[0]) == name {
			n, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			return n << 10
		}
	}
	return 0
}

// processor is the name of the processor, empty where unknown.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(data) {
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(name)) == "model name" {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}
