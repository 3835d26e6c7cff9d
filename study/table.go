package study

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// WriteTable writes a plain table per measure, datasets and groups down, systems across, with a sign where a system differs
// from the baseline, and the verdicts on the claims.
func (r *Results) WriteTable(w io.Writer) error {
	var b strings.Builder
	if len(r.Datasets) == 1 {
		r.writeRows(&b, r.Datasets[0].Name, r.rowsOfOne())
	} else {
		for _, measure := range r.Measures {
			r.writeRows(&b, measure, r.rows(measure))
		}
	}
	fmt.Fprintf(&b, "+ above, - below %s: %s, p < %v after Holm's correction; * best of the row\n", r.Baseline, r.Tests.Difference, r.Tests.Alpha)
	r.writeClaims(&b)
	r.writeExpectations(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// cellOf is one figure of a table with its mark.
type cellOf struct {
	mean float64
	sign string // "+", "-" or "": against the baseline
	best bool
}

// row is a dataset's or group's figures by system.
type row struct {
	name  string
	cells map[string]cellOf
}

func (r *Results) writeRows(b *strings.Builder, corner string, rows []row) {
	head := []string{corner}
	for _, s := range r.Systems {
		head = append(head, s.Name+"  ")
	}
	lines := [][]string{head}
	for _, row := range rows {
		line := []string{row.name}
		for _, s := range r.Systems {
			line = append(line, row.text(s.Name))
		}
		lines = append(lines, line)
	}
	writeColumns(b, lines)
	b.WriteByte('\n')
}

func (r row) text(system string) string {
	c, ok := r.cells[system]
	if !ok {
		return "-  "
	}
	best := " "
	if c.best {
		best = "*"
	}
	return fmt.Sprintf("%s%1s%s", Figure(c.mean), c.sign, best)
}

// rows are the figures of a measure: by dataset, then by group.
func (r *Results) rows(measure string) []row {
	var rows []row
	for _, d := range r.Datasets {
		rows = append(rows, r.rowOn(d.Name, measure, d.Name))
	}
	for _, g := range r.groupNames() {
		row := row{"mean of " + g, map[string]cellOf{}}
		for _, res := range r.Groups {
			if res.Group == g && res.Measure == measure {
				row.cells[res.System] = cellOf{mean: res.Mean}
			}
		}
		for _, c := range r.GroupComparisons {
			if c.Group == g && c.Measure == measure {
				row.sign(c.System, c.Difference, c.PAdjusted)
			}
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		row.markBest()
	}
	return rows
}

// rowsOfOne are the rows of a study with one dataset: by measure.
func (r *Results) rowsOfOne() []row {
	var rows []row
	for _, measure := range r.Measures {
		row := r.rowOn(r.Datasets[0].Name, measure, measure)
		row.markBest()
		rows = append(rows, row)
	}
	return rows
}

func (r *Results) rowOn(dataset, measure, name string) row {
	row := row{name, map[string]cellOf{}}
	for _, res := range r.Results {
		if res.Dataset == dataset && res.Measure == measure {
			row.cells[res.System] = cellOf{mean: res.Mean}
		}
	}
	for _, c := range r.Comparisons {
		if c.Dataset == dataset && c.Measure == measure {
			row.sign(c.System, c.Difference, c.PAdjusted)
		}
	}
	return row
}

func (r row) sign(system string, difference, p float64) {
	if c, ok := r.cells[system]; ok && p <= alpha && difference != 0 {
		c.sign = "+"
		if difference < 0 {
			c.sign = "-"
		}
		r.cells[system] = c
	}
}

func (r row) markBest() {
	best, worst := math.Inf(-1), math.Inf(1)
	for _, c := range r.cells {
		best, worst = max(best, c.mean), min(worst, c.mean)
	}
	for name, c := range r.cells {
		c.best = c.mean == best && best > worst
		r.cells[name] = c
	}
}

// groupNames are the groups of datasets that have averages, in order.
func (r *Results) groupNames() []string {
	var list []string
	for _, g := range r.Groups {
		if !slices.Contains(list, g.Group) {
			list = append(list, g.Group)
		}
	}
	return list
}

func (r *Results) writeClaims(b *strings.Builder) {
	if len(r.Claims) == 0 {
		return
	}
	b.WriteString("\nClaims\n")
	for _, v := range r.Claims {
		fmt.Fprintf(b, "  %-9s  %s\n             %s\n             %s\n", v.Verdict, orDash(v.Say), v.Claim, v.Why)
		if v.Beyond != nil {
			fmt.Fprintf(b, "             For further datasets of the kind: %s (random effects %s %s).\n", v.Beyond.Verdict, Signed(v.Beyond.Pooled.Difference), IntervalText(v.Beyond.Pooled.Interval))
		}
	}
}

func (r *Results) writeExpectations(b *strings.Builder) {
	met := 0
	for _, e := range r.Expectations {
		if e.Met {
			met++
			continue
		}
		fmt.Fprintf(b, "\nNot as expected: %s on %s has %s %s, want %v within %v (%s)", e.System, e.On, e.Measure, Figure(e.Mean), e.Value, e.Within, orDash(e.Source))
	}
	if len(r.Expectations) > 0 {
		fmt.Fprintf(b, "\n%d of %d expected figures met\n", met, len(r.Expectations))
	}
}

// writeColumns aligns the first column left, the others right.
func writeColumns(b *strings.Builder, lines [][]string) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
}
