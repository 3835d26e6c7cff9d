package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/study"
)

// costView is what the study cost beside what it was worth.
type costView struct {
	Plots   []template.HTML
	On      string // what the values are averages over
	Rows    []costRow
	Missing []string // systems without a measured time
}

type costRow struct {
	Dataset, System             string
	Index, Size, Rate, Mid, P99 string
	Peak                        string
	Note                        string
	// figures to sort by
	IndexN, SizeN, RateN, MidN, P99N, PeakN float64
}

// costs plots the average of the first measure against latency and against the index's size, all averaged over the datasets that every
// plotted system ran on.
func (v *view) costs() *costView {
	c := &costView{}
	for _, t := range v.T.Runs {
		c.Rows = append(c.Rows, costRow{Dataset: t.Dataset, System: t.System, Index: seconds(t.IndexSeconds), Size: bytesText(t.IndexBytes),
			Rate: rate(t.QueriesPerSecond), Mid: millis(t.LatencyMedian), P99: millis(t.LatencyP99), Peak: bytesText(t.PeakBytes), Note: strings.Trim(t.Chosen+"; "+t.Note, "; "),
			IndexN: t.IndexSeconds, SizeN: float64(t.IndexBytes), RateN: t.QueriesPerSecond, MidN: t.LatencyMedian, P99N: t.LatencyP99, PeakN: float64(t.PeakBytes)})
	}
	measured := map[string]int{}
	most := 0
	for _, t := range v.T.Runs {
		if t.LatencyMedian > 0 {
			measured[t.System]++
			most = max(most, measured[t.System])
		}
	}
	var byTime, bySize []costPoint
	for _, s := range v.R.Systems {
		if measured[s.Name] == 0 || measured[s.Name] < most {
			c.Missing = append(c.Missing, s.Name)
			continue
		}
		time, size := v.costPoints(s.Name, float64(most))
		byTime, bySize = append(byTime, time), append(bySize, size)
	}
	c.On = fmt.Sprintf("%d datasets", most)
	if most == 1 {
		c.On = "one dataset"
	}
	if len(byTime) > 1 {
		c.Plots = append(c.Plots, scatter(byTime, v.R.Baseline, "median latency of a query, ms (log)", "mean "+v.Measure))
		if !slices.ContainsFunc(bySize, func(p costPoint) bool { return p.cost <= 0 }) {
			c.Plots = append(c.Plots, scatter(bySize, v.R.Baseline, "index, MB (log)", "mean "+v.Measure))
		}
	}
	return c
}

// costPoints are a system's averages over n datasets.
func (v *view) costPoints(system string, n float64) (time, size costPoint) {
	time.system, size.system = system, system
	for _, t := range v.T.Runs {
		if t.System != system {
			continue
		}
		time.cost += t.LatencyMedian / n
		size.cost += float64(t.IndexBytes) / 1e6 / n
		if r := v.result(t.Dataset, system, v.Measure); r != nil {
			time.value += r.Mean / n
		}
	}
	size.value = time.value
	time.label, size.label = millis(time.cost)+" ms", bytesText(int64(size.cost*1e6))+" MB"
	return time, size
}

func seconds(s float64) string {
	switch {
	case s == 0:
		return "–"
	case s < 10:
		return fmt.Sprintf("%.2f", s)
	case s < 100:
		return fmt.Sprintf("%.1f", s)
	}
	return study.Thousands(int(s + 0.5))
}

func millis(ms float64) string {
	switch {
	case ms == 0:
		return "–"
	case ms < 1:
		return fmt.Sprintf("%.3f", ms)
	case ms < 100:
		return fmt.Sprintf("%.2f", ms)
	}
	return study.Thousands(int(ms + 0.5))
}

func rate(qps float64) string {
	switch {
	case qps == 0:
		return "–"
	case qps < 10:
		return fmt.Sprintf("%.1f", qps)
	}
	return study.Thousands(int(qps + 0.5))
}

// bytesText writes a size in MB (10^6 bytes).
func bytesText(n int64) string {
	mb := float64(n) / 1e6
	switch {
	case n == 0:
		return "–"
	case mb < 10:
		return fmt.Sprintf("%.1f", mb)
	}
	return study.Thousands(int(mb + 0.5))
}

// machine describes where the times were measured.
func (v *view) Machine() string {
	m := v.T.Machine
	s := fmt.Sprintf("%s, %d threads, %s", orUnknown(m.Processor), m.Threads, m.System)
	if m.Memory > 0 {
		s += fmt.Sprintf(", %.0f GB memory", float64(m.Memory)/1e9)
	}
	return s + ", " + m.Go
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown processor"
	}
	return s
}

// cachedRuns counts the runs whose times are from an earlier call.
func (v *view) CachedRuns() int {
	n := 0
	for _, t := range v.T.Runs {
		if t.Cached {
			n++
		}
	}
	return n
}
