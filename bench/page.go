package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Page is a Markdown page of collected rows, ours and peers': intro, then for each machine a table of encoders beside the best other program,
// tables of every ratio by kind of work, and one of the share of the machine's own ceilings that we reach. Rows that were measured several times
// count by their medians.
func Page(intro string, machines ...[]Row) string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(intro, "\n") + "\n")
	for _, rows := range machines {
		rows = Merge(rows)
		var ours, theirs []Row
		for _, r := range rows {
			switch peer := text(r["peer"]); {
			case strings.HasPrefix(peer, "labrador"):
				ours = append(ours, r)
			case peer != "":
				theirs = append(theirs, r)
			}
		}
		b.WriteString("\n## " + machineName(ours) + "\n")
		encodeTable(&b, ours, theirs)
		ratioTables(&b, ours, theirs)
		shareTable(&b, ours)
	}
	return b.String()
}

// machineName is the fullest name that a row has, as older ones lack a processor's family and model, and the tiers that rows were measured with.
func machineName(ours []Row) string {
	cpu, tiers := "", []string(nil)
	for _, r := range ours {
		if c := text(r["cpu"]); len(c) > len(cpu) {
			cpu = c
		}
		if t := text(r["tier"]); t != "" && !slices.Contains(tiers, t) {
			tiers = append(tiers, t)
		}
	}
	if cpu == "" {
		return "A machine without a name"
	}
	if len(tiers) == 0 {
		return cpu
	}
	slices.Sort(tiers)
	return fmt.Sprintf("%s, tier %s", cpu, strings.Join(tiers, " and "))
}

// ratioTables writes a table for each family of work.
func ratioTables(b *strings.Builder, ours, theirs []Row) {
	for _, f := range families {
		mine := slices.DeleteFunc(slices.Clone(ours), func(r Row) bool { return !strings.HasPrefix(text(r["peer"]), f.ours) })
		ratios := Against(mine, theirs)
		if len(ratios) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n### %s\n\n| ours | against | settings | figure | ours | theirs | ratio |\n|---|---|---|---|---:|---:|---:|\n", strings.TrimPrefix(f.ours, "labrador-"))
		for _, r := range ratios {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | **%.2f** |\n", strings.TrimPrefix(r.Ours, "labrador-"), r.Theirs, r.What, r.Field, figure(r.Our), figure(r.Their), r.Ratio)
		}
	}
}

// shareTable writes what our encoders reach of the machine's own ceiling, counted over the linear maps: in whole runs, and the maps alone.
func shareTable(b *strings.Builder, ours []Row) {
	head := false
	for _, r := range ours {
		share, ok := r["share"].(float64)
		if !ok {
			continue
		}
		if !head {
			b.WriteString("\n### Share of the ceiling\n\n| shape | arithmetic | texts x tokens | threads | tokens/s | ms a call | G operations/s | ceiling | share | maps alone | best share | best alone | resident MB |\n|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
			head = true
		}
		fmt.Fprintf(b, "| %v | %v | %v x %v | %v | %v | %v | %v | %v | %.2f | %v | %v | %v | %v |\n", r["shape"], r["dtype"], r["batch"], r["len"], r["threads"], r["tokens_per_s"],
			r["latency_ms"], r["linear_gflops"], r["ceiling_gflops"], share, hundredths(r["alone_share"]), hundredths(r["best_share"]), hundredths(r["best_alone_share"]), r["rss_mb"])
	}
}

// hundredths is a share, empty for none.
func hundredths(v any) string {
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.2f", f)
	}
	return ""
}

// same are the fields by which rows are measurements of the same thing, beside the settings.
var same = []string{"peer", "version", "dtype", "tier", "cpu", "blas_core", "backend", "ef", "efSearch", "efConstruction", "M", "format"}

// Merge makes one row of the rows that measured the same thing, with the median of each figure, in the order of the first.
func Merge(rows []Row) []Row {
	groups := map[string][]Row{}
	var order []string
	for _, r := range rows {
		key := ""
		for _, f := range slices.Concat(same, settings) {
			key += fmt.Sprintf("%v\x00", r[f])
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	var out []Row
	for _, key := range order {
		out = append(out, medianRow(groups[key]))
	}
	return out
}

func medianRow(rows []Row) Row {
	out := Row{}
	for _, have := range rows { // later ones may have more fields
		for f, v := range have {
			if _, done := out[f]; done {
				continue
			}
			var values []any
			for _, r := range rows {
				values = append(values, r[f])
			}
			out[f] = medianOf(v, values)
		}
	}
	return out
}

// medianOf is the median of numbers, the medians by key of objects, and first for anything else.
func medianOf(first any, values []any) any {
	if m, ok := first.(map[string]any); ok {
		out := map[string]any{}
		for k, v := range m {
			var at []any
			for _, o := range values {
				if o, ok := o.(map[string]any); ok {
					at = append(at, o[k])
				}
			}
			out[k] = medianOf(v, at)
		}
		return out
	}
	if _, ok := first.(float64); !ok {
		return first
	}
	var numbers []float64
	for _, v := range values {
		if x, ok := v.(float64); ok {
			numbers = append(numbers, x)
		}
	}
	slices.Sort(numbers)
	n := len(numbers)
	return round((numbers[(n-1)/2]+numbers[n/2])/2, 4)
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
