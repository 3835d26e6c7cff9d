package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Page is a Markdown page of collected rows, ours and peers': a table of ratios, and below it every row by the work it
// measures.
func Page(rows []Row) string {
	var ours, theirs []Row
	for _, r := range rows {
		switch peer := text(r["peer"]); {
		case strings.HasPrefix(peer, "labrador"):
			ours = append(ours, r)
		case peer != "":
			theirs = append(theirs, r)
		}
	}
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nMade by `labrador bench page` from the JSON lines of `labrador bench` and of the other programs' scripts, run side by side on one\n" +
		"machine")
	for _, r := range ours {
		if cpu := text(r["cpu"]); cpu != "" {
			fmt.Fprintf(&b, " (%s, tier %v)", cpu, r["tier"])
			break
		}
	}
	b.WriteString(". Ratios above 1 are in our favour.\n\n## Ratios\n\n| ours | against | settings | figure | ours | theirs | ratio |\n|---|---|---|---|---:|---:|---:|\n")
	for _, r := range Against(ours, theirs) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | **%.2f** |\n", r.Ours, r.Theirs, r.What, r.Field, figure(r.Our), figure(r.Their), r.Ratio)
	}
	b.WriteString("\n## All rows\n\n```\n")
	for _, r := range slices.Concat(ours, theirs) {
		r.Write(&b)
	}
	b.WriteString("```\n")
	return b.String()
}

func figure(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.4f", x)
}
