package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/labrador-lab/labrador/study"
)

// markdown is the report for a README or an issue: claims, tables and settings, no drawings.
func (v *view) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", v.R.Study)
	if v.R.About != "" {
		fmt.Fprintf(&b, "%s\n\n", v.R.About)
	}
	fmt.Fprintf(&b, "%d datasets, %s documents, %s queries; %d systems; baseline %s; seed %d.\n",
		len(v.R.Datasets), study.Thousands(v.Documents), study.Thousands(v.Queries), len(v.R.Systems), v.R.Baseline, v.R.Seed)
	v.markdownClaims(&b)
	for _, t := range v.Tables {
		fmt.Fprintf(&b, "\n## %s\n\n", t.Measure)
		heads := []string{"system"}
		for _, h := range t.Heads {
			name := h.Name
			if h.Average {
				name = "mean of " + name
			}
			heads = append(heads, name)
		}
		var rows [][]string
		for _, r := range t.Rows {
			row := []string{r.System}
			for _, c := range r.Cells {
				row = append(row, c.markdown())
			}
			rows = append(rows, row)
		}
		markdownTable(&b, heads, rows)
	}
	fmt.Fprintf(&b, "\n▲ better, ▼ worse than %s: %s, p < %v after Holm's correction over the table. Bold: best of the column.\n",
		v.R.Baseline, v.R.Tests.Difference, v.R.Tests.Alpha)
	v.markdownCost(&b)
	v.markdownSettings(&b)
	return b.Bytes()
}

func (c tableCell) markdown() string {
	if !c.There {
		return "–"
	}
	s := study.Figure(c.Mean)
	if c.Best {
		s = "**" + s + "**"
	}
	switch c.Sign {
	case "better":
		s += " ▲"
	case "worse":
		s += " ▼"
	}
	if c.Apart != "" {
		s += " (" + c.Apart + ")"
	}
	return s
}

func (v *view) markdownClaims(b *bytes.Buffer) {
	if len(v.Claims) == 0 {
		return
	}
	b.WriteString("\n## Claims\n\n")
	for _, c := range v.Claims {
		say := c.Say
		if say == "" {
			say = c.Claim
		}
		fmt.Fprintf(b, "- **%s**: %s (%s). %s", c.Verdict.Verdict, escapeMarkdown(say), escapeMarkdown(c.Claim), c.Why)
		if c.Beyond != nil {
			fmt.Fprintf(b, " Other datasets like these: %s, pooled %s %s.", c.Beyond.Verdict, study.Signed(c.Beyond.Pooled.Difference), study.IntervalText(c.Beyond.Pooled.Interval))
		}
		b.WriteByte('\n')
	}
}

func (v *view) markdownCost(b *bytes.Buffer) {
	b.WriteString("\n## Cost\n\n")
	var rows [][]string
	for _, r := range v.Cost.Rows {
		rows = append(rows, []string{r.Dataset, r.System, r.Index, r.Size, r.Rate, r.Mid, r.P99, r.Peak})
	}
	markdownTable(b, []string{"dataset", "system", "index, s", "index, MB", "queries/s", "median, ms", "p99, ms", "peak, MB"}, rows)
	fmt.Fprintf(b, "\n%s.\n", v.Machine())
}

func (v *view) markdownSettings(b *bytes.Buffer) {
	if len(v.Settings) == 0 {
		return
	}
	b.WriteString("\n## Not the same\n\n")
	heads := []string{"setting"}
	for _, s := range v.R.Systems {
		heads = append(heads, s.Name)
	}
	var rows [][]string
	for _, r := range v.Settings {
		row := []string{r.Name}
		for _, c := range r.Cells {
			row = append(row, c.Value)
		}
		rows = append(rows, row)
	}
	markdownTable(b, heads, rows)
}

func markdownTable(b *bytes.Buffer, heads []string, rows [][]string) {
	write := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + escapeMarkdown(c) + " ")
		}
		b.WriteString("|\n")
	}
	write(heads)
	b.WriteString("|---" + strings.Repeat("|---:", len(heads)-1) + "|\n")
	for _, r := range rows {
		write(r)
	}
}

// escapeMarkdown keeps a name from breaking a table or becoming markup; ** around best figures is ours.
func escapeMarkdown(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "_", `\_`).Replace(s)
}
