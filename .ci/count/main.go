// Command count reads the output of `go test -json` on standard input and prints how many tests ran, one line a package
// and one for all; skipped tests are listed with their reasons.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type counts struct{ passed, failed, skipped int }

func main() {
	packages := map[string]*counts{}
	elapsed := map[string]float64{}
	reasons := map[string]string{} // test -> its last line of output before it was skipped
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	var total counts
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			continue
		}
		if e.Test == "" {
			elapsed[e.Package] = max(elapsed[e.Package], e.Elapsed)
			continue
		}
		c := packages[e.Package]
		if c == nil {
			c = &counts{}
			packages[e.Package] = c
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			if s := strings.TrimSpace(e.Output); s != "" && !strings.HasPrefix(s, "---") {
				reasons[key] = s
			}
		case "pass":
			c.passed++
			total.passed++
		case "fail":
			c.failed++
			total.failed++
		case "skip":
			c.skipped++
			total.skipped++
			fmt.Printf("skipped %s: %s\n", key, reasons[key])
		}
	}
	for _, p := range slices.Sorted(maps.Keys(packages)) {
		c := packages[p]
		fmt.Printf("%-60s %5d passed %3d failed %3d skipped %7.1fs\n", p, c.passed, c.failed, c.skipped, elapsed[p])
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", total.passed, total.failed, total.skipped)
}
