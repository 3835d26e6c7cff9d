package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// call is what an encoder is timed on: texts of a call, tokens of a text, threads.
type call struct{ batch, len, threads float64 }

func callOf(r Row) call {
	n := func(field string) float64 { x, _ := r[field].(float64); return x }
	return call{n("batch"), n("len"), n("threads")}
}

func (c call) String() string {
	s := fmt.Sprintf("%v x %v", c.batch, c.len)
	if c.threads > 1 {
		s += fmt.Sprintf(", %v threads", c.threads)
	}
	return s
}

// encodeTable writes a line for each model and arithmetic, a column for each kind of call: our tokens a second over those of the
// fastest other program of that arithmetic, and the memory of the smallest one over ours, in the order of the rows.
func encodeTable(b *strings.Builder, ours, theirs []Row) {
	type line struct{ shape, dtype string }
	var lines []line
	var calls []call
	fastest, smallest := map[line]map[call]string{}, map[line]string{}
	for _, our := range ours {
		if text(our["peer"]) != "labrador-encode" {
			continue
		}
		l, c := line{text(our["shape"]), text(our["dtype"])}, callOf(our)
		speed, name, ok := best(our, theirs, "tokens_per_s")
		if !ok {
			continue
		}
		if !slices.Contains(calls, c) {
			calls = append(calls, c)
		}
		if fastest[l] == nil {
			lines, fastest[l] = append(lines, l), map[call]string{}
		}
		fastest[l][c] = fmt.Sprintf("**%.2f** %s / %s %s", speed.our/speed.their, figure(speed.our), figure(speed.their), name)
		if memory, name, ok := best(our, theirs, "rss_mb"); ok && smallest[l] == "" {
			smallest[l] = fmt.Sprintf("**%.2f** %.0f / %.0f %s", memory.their/memory.our, memory.their, memory.our, name)
		}
	}
	if len(lines) == 0 {
		return
	}
	slices.SortFunc(calls, func(x, y call) int { // many texts before few
		return cmp.Or(cmp.Compare(x.threads, y.threads), cmp.Compare(y.batch, x.batch), cmp.Compare(x.len, y.len))
	})
	fmt.Fprintf(b, "\n### Encoders and the best other program\n\nTokens a second, ours / theirs, by texts x tokens of a call; resident MB of the first of them, theirs / ours.\n\n| model | arithmetic |")
	for _, c := range calls {
		fmt.Fprintf(b, " %v |", c)
	}
	fmt.Fprintf(b, " memory |\n|---|---|%s---|\n", strings.Repeat("---|", len(calls)))
	for _, l := range lines {
		fmt.Fprintf(b, "| %s | %s |", l.shape, l.dtype)
		for _, c := range calls {
			fmt.Fprintf(b, " %s |", fastest[l][c])
		}
		fmt.Fprintf(b, " %s |\n", smallest[l])
	}
}

// best is a figure of ours beside the best of the other programs that did the same work, and that program's name; false where none did.
func best(our Row, theirs []Row, field string) (pair, string, bool) {
	var p pair
	name := ""
	for _, their := range theirs {
		if _, ok := comparable(our, their); !ok {
			continue
		}
		for _, v := range values(field, our[field], their[field]) {
			if name == "" || (v.their > p.their) == figures[field] {
				p, name = v, text(their["peer"])
			}
		}
	}
	return p, name, name != ""
}
