package eval

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
)

// WriteTrec writes the result in trec_eval's three columns: name, query or "all", value; per query where perQuery is set, then
// overall where summary is. The bytes are trec_eval's.
func WriteTrec(w io.Writer, r *Result, perQuery, summary bool) error {
	b := bufio.NewWriter(w)
	if perQuery {
		for q, id := range r.Queries {
			for j := range r.Measures {
				if v, ok := r.Value(j, q); ok {
					writeRow(b, r.Label(j), id, v)
				}
			}
		}
	}
	if summary {
		for j := range r.Measures {
			if v, ok := r.Summary(j); ok {
				writeRow(b, r.Label(j), "all", v)
			}
		}
	}
	return b.Flush()
}

func writeRow(b *bufio.Writer, name, query, value string) {
	fmt.Fprintf(b, "%s\t%s\t%s\n", name, query, value)
}

// Label is measure j's name as it is printed: padded to 22 columns, and behind a Z where the values are z-scores.
func (r *Result) Label(j int) string {
	m := r.Measures[j]
	padded := fmt.Sprintf("%-22s", m.name)
	if r.ZScored && m.fam.kind != text && m.fam.kind != runName {
		return "Z" + padded
	}
	return padded
}

func (r *Result) count(v float64) string {
	if r.ZScored {
		return FormatValue(v)
	}
	return strconv.Itoa(int(v))
}

// Value is the value of measure j for query q (its place in Queries) as trec_eval prints it; false for measures that it prints for
// all queries together only.
func (r *Result) Value(j, q int) (string, bool) {
	switch r.Measures[j].fam.kind {
	case mean:
		return FormatValue(r.Values[j][q]), true
	case sum:
		return r.count(r.Values[j][q]), true
	case text:
		return "'" + r.Texts[j][q] + "'", true
	}
	return "", false
}

// Summary is the overall value of measure j as trec_eval prints it; false for measures that have none.
func (r *Result) Summary(j int) (string, bool) {
	switch r.Measures[j].fam.kind {
	case runName:
		return r.RunID, true
	case sum, queries:
		return r.count(r.Overall[j]), true
	case text:
		return "", false
	}
	return FormatValue(r.Overall[j]), true
}

// FormatValue prints a value as trec_eval does: C's %6.4f.
func FormatValue(v float64) string {
	switch {
	case math.IsNaN(v) && math.Signbit(v):
		return "  -nan"
	case math.IsNaN(v):
		return "   nan"
	case math.IsInf(v, 1):
		return "   inf"
	case math.IsInf(v, -1):
		return "  -inf"
	}
	return fmt.Sprintf("%6.4f", v)
}
