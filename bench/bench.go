// Package bench measures the project's parts and this machine, and compares the figures with those of other programs.
// Every measurement is a Row: one JSON line with the fields that the usual scripts around faiss, bm25s, Lucene, trec_eval
// and the encoder runtimes print, so that lines of both can be put side by side.
//
// It holds no test: nothing in it passes or fails by a time.
package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labrador-lab/labrador/kernel"
)

// Row is one measurement. Its "peer" names who was measured; labrador's own begin with "labrador".
type Row map[string]any

// first are the fields that a line begins with, in this order; the others follow by name.
var first = []string{"peer", "version", "tier", "threads", "data", "docs", "n", "d", "k", "q"}

// MarshalJSON puts the fields that tell rows apart first.
func (r Row) MarshalJSON() ([]byte, error) {
	var names []string
	for name := range r {
		if !slices.Contains(first, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range append(slices.Clone(first), names...) {
		value, ok := r[name]
		if !ok {
			continue
		}
		v, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q: %s", name, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// New begins a row of labrador's part name.
func New(name string, threads int) Row {
	return Row{"peer": "labrador-" + name, "tier": kernel.Current().Tier().String(), "threads": threads}
}

// With adds fields.
func (r Row) With(fields Row) Row {
	for k, v := range fields {
		r[k] = v
	}
	return r
}

// Write prints the row as one line of JSON.
func (r Row) Write(w io.Writer) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// Read reads JSON lines. Lines that are no object are left out, as tools mix in remarks; one that begins as an object and is none, as where a file is cut off, is an error.
func Read(r io.Reader) ([]Row, error) {
	var rows []Row
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<22)
	for n := 1; in.Scan(); n++ {
		var row Row
		switch err := json.Unmarshal(in.Bytes(), &row); {
		case err == nil && row != nil:
			rows = append(rows, row)
		case bytes.HasPrefix(bytes.TrimSpace(in.Bytes()), []byte(`{"`)):
			return nil, fmt.Errorf("line %d: %w: is it cut off?", n, err)
		}
	}
	return rows, in.Err()
}

// Memory is the resident memory of this process now, and its highest so far, in 2^20 bytes; 0 where the system does not
// tell.
func Memory() (now, peak int) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	field := func(name string) int {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, name); ok {
				kb, _ := strconv.Atoi(strings.Fields(rest)[0])
				return kb / 1024
			}
		}
		return 0
	}
	return field("VmRSS:"), field("VmHWM:")
}

// Processor is the machine's processor by name, "" where the system does not tell, with its family and model where that says them: behind "AMD EPYC"
// are many, of all ages.
func Processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return processor(string(b))
}

// processor reads the text of /proc/cpuinfo, the first processor's.
func processor(text string) string {
	said := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); said[name] == "" {
			said[name] = strings.TrimSpace(value)
		}
	}
	name, family, model := said["model name"], said["cpu family"], said["model"]
	switch {
	case name == "":
		return runtime.GOARCH
	case family == "" || model == "":
		return name
	}
	return fmt.Sprintf("%s, family %s model %s", name, family, model)
}

// seconds times f.
func seconds(f func() error) (float64, error) {
	start := time.Now()
	err := f()
	return time.Since(start).Seconds(), err
}

// rounds times f n times and returns the median and the shortest time.
func rounds(n int, f func() error) (median, best float64, err error) {
	var times []float64
	for range n {
		s, err := seconds(f)
		if err != nil {
			return 0, 0, err
		}
		times = append(times, s)
	}
	slices.Sort(times)
	return times[len(times)/2], times[0], nil
}

// round keeps so many decimals.
func round(x float64, decimals int) float64 {
	y, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', decimals, 64), 64)
	return y
}
