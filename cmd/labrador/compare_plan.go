package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/study"
	"github.com/labrador-lab/labrador/study/cost"
)

// planFlags are the flags of labrador compare that ask for its cost instead of its results.
type planFlags struct {
	on         bool
	budget     time.Duration
	machines   []string // NAME=TFLOP/s
	prices     []string // SYSTEM=PRICE
	expect     float64
	unmeasured bool
}

func (f *planFlags) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&f.on, "plan", false, "say what the study would cost, and run nothing")
	fs.DurationVar(&f.budget, "budget", 0, "with --plan: what to leave out to fit so much time, such as 8h")
	fs.StringSliceVar(&f.machines, "machine", nil, "with --plan: hours on another machine too, NAME=TFLOPS that encoding reaches there")
	fs.StringSliceVar(&f.prices, "price", nil, "with --plan: price of a million tokens at a remote API, SYSTEM=PRICE")
	fs.Float64Var(&f.expect, "expect", 0.05, "with --budget: the difference that a claim without a margin must be able to show")
	fs.BoolVar(&f.unmeasured, "unmeasured", false, "with --plan: do not measure this machine's speed")
}

// validate checks what can be checked without the study. It fails as a wrong use.
func (f *planFlags) validate() error {
	if !f.on && (f.budget != 0 || f.machines != nil || f.prices != nil || f.unmeasured) {
		return usagef("--budget, --machine, --price and --unmeasured belong to --plan")
	}
	if f.budget < 0 || !(f.expect > 0) {
		return usagef("--budget and --expect must be above 0")
	}
	for name, list := range map[string][]string{"machine": f.machines, "price": f.prices} {
		if _, err := namedNumbers(list); err != nil {
			return usagef("--%s %v", name, err)
		}
	}
	return nil
}

type namedNumber struct {
	name  string
	value float64
}

// namedNumbers reads NAME=NUMBER.
func namedNumbers(list []string) ([]namedNumber, error) {
	var out []namedNumber
	for _, s := range list {
		name, number, ok := strings.Cut(s, "=")
		v, err := strconv.ParseFloat(number, 64)
		if !ok || name == "" || err != nil || !(v > 0) || v > 1e18 {
			return nil, fmt.Errorf("%q: want NAME=NUMBER, the number above 0", s)
		}
		out = append(out, namedNumber{name, v})
	}
	return out, nil
}

// Sizes of the samples that a plan is made of.
const (
	planTexts = 500             // of each side of a dataset
	planTime  = 3 * time.Second // that a model encodes for, to measure its speed
)

// studyCost is what --plan --json prints.
type studyCost struct {
	cost.Plan
	Reduction *cost.Reduction `json:"reduction,omitempty"`
}

// printPlan writes what the plan's study would cost, from samples of its texts and a measurement of its models, and what to leave out to fit
// the budget.
func (f *planFlags) printPlan(ctx context.Context, out, progressTo io.Writer, plan *study.Plan, asJSON bool) error {
	if err := f.validate(); err != nil {
		return err
	}
	var machines []cost.Machine
	own, _ := namedNumbers(f.machines)
	for _, m := range own {
		machines = append(machines, cost.Machine{Name: m.name, FLOPS: m.value * 1e12})
	}
	e := &estimator{ctx: ctx, plan: plan, flags: f, progress: progressTo, samples: map[*study.Data]*planSample{}}
	works, err := e.works()
	if err != nil {
		return err
	}
	c := studyCost{Plan: cost.New(works, machines)}
	if f.budget > 0 {
		claims, err := f.claims(ctx, plan)
		if err != nil {
			return err
		}
		r := cost.Reduce(c.Loads(), claims, f.budget.Seconds(), cost.Options{})
		c.Reduction = &r
	}
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", " ")
		return enc.Encode(c)
	}
	return c.write(out)
}

// claims are the study's, with the differences that they must be able to show and the spreads that runs in the cache have.
func (f *planFlags) claims(ctx context.Context, plan *study.Plan) ([]cost.Claim, error) {
	spreads, err := plan.Spreads(ctx)
	if err != nil {
		return nil, err
	}
	var list []cost.Claim
	for i, c := range plan.Study.Claims {
		k := cost.Claim{Name: c.String(), Expected: f.expect, Equal: c.Kind == study.Equal, SD: map[string]float64{}}
		if k.Equal {
			k.Expected = c.Within
		}
		for _, s := range spreads[i] {
			k.Datasets = append(k.Datasets, s.Dataset)
			if s.SD > 0 {
				k.SD[s.Dataset] = s.SD
			}
		}
		list = append(list, k)
	}
	return list, nil
}

// write writes a table of the runs that cost something, totals, and the reduction.
func (c studyCost) write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	heads := []string{"dataset", "system", "texts", "tokens", "FLOP", "here"}
	for _, m := range c.Machines {
		heads = append(heads, m.Name)
	}
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row(append(heads, "disk", "price", "there")...)
	free := 0
	for _, r := range c.Rows {
		if r.All.Tokens == 0 && r.All.Seconds == 0 && r.SameAs+r.PassOf+r.DocumentsOf == "" {
			free++
			continue
		}
		row(slices.Concat([]string{r.Dataset, r.System, short(float64(r.Documents.Texts + r.Queries.Texts))}, amount(r.All), []string{there(r)})...)
	}
	row(slices.Concat([]string{"all", "", ""}, amount(c.All))...)
	row(slices.Concat([]string{"still to do", "", ""}, amount(c.Left))...)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nTokens are estimated from at most %d texts of each side of a dataset.", planTexts)
	if free > 0 {
		fmt.Fprintf(out, " %d runs that only search given vectors or fuse others are not listed.", free)
	}
	if c.All.Unknown > 0 {
		fmt.Fprintf(out, " %d runs encode at a speed that is not known here: their time is missing.", c.All.Unknown)
	}
	fmt.Fprintln(out)
	for _, m := range c.Machines {
		fmt.Fprintf(out, "%s: %s FLOP/s, as given.\n", m.Name, short(m.FLOPS))
	}
	if c.Reduction != nil {
		return writeReduction(out, *c.Reduction)
	}
	return nil
}

// there says what of a run is in the cache.
func there(r cost.Row) string {
	switch texts := r.Documents.Texts + r.Queries.Texts; {
	case r.Done:
		return "run"
	case r.SameAs == r.System && r.Left.Tokens == 0: // on a dataset with the same texts
		return "vectors as for " + r.DocumentsOf
	case r.SameAs != "" && r.Left.Tokens == 0:
		return "vectors of " + r.SameAs
	case r.DocumentsOf != "" && r.Model == nil:
		return "index as for " + r.DocumentsOf
	case r.DocumentsOf != "":
		return fmt.Sprintf("documents as for %s, %.0f %% of the queries", r.DocumentsOf, 100*r.QueriesDone)
	case r.PassOf != "" && r.Left.Tokens == 0:
		return "in the pass of " + r.PassOf
	case r.Model == nil:
		return "–"
	default:
		kept := r.DocumentsDone*float64(r.Documents.Texts) + r.QueriesDone*float64(r.Queries.Texts)
		return fmt.Sprintf("%.0f %% of the vectors", 100*kept/float64(max(1, texts)))
	}
}

// amount is the cells of a cost.
func amount(a cost.Amount) []string {
	cells := []string{short(a.Tokens), short(a.FLOPs), shortTime(a.Seconds)}
	if a.Unknown > 0 {
		cells[2] = "≥ " + cells[2]
	}
	for _, s := range a.On {
		cells = append(cells, shortTime(s))
	}
	price := "–"
	if a.Price > 0 {
		price = fmt.Sprintf("%.2f", a.Price)
	}
	disk := "–"
	if a.Bytes > 0 {
		disk = strings.TrimSpace(short(a.Bytes) + "B")
	}
	return append(cells, disk, price)
}

func writeReduction(out io.Writer, r cost.Reduction) error {
	fmt.Fprintf(out, "\nEverything that is missing takes %s here; the budget is %s.\n", shortTime(r.Full), shortTime(r.Budget))
	if !r.Fits {
		fmt.Fprintf(out, "Nothing that could be left out brings it below %s.\n", shortTime(r.Kept))
	}
	for _, c := range r.Choices {
		switch c.Queries {
		case c.Of:
		case 0:
			fmt.Fprintf(out, "  leave out %s\n", c.Dataset)
		default:
			fmt.Fprintf(out, "  %s: %d of %d queries\n", c.Dataset, c.Queries, c.Of)
		}
	}
	fmt.Fprintf(out, "Then it takes %s.\n", shortTime(r.Kept))
	for _, c := range r.Claims {
		say := "can still be decided"
		switch {
		case !c.WasPossible:
			say = "cannot be decided even with everything"
		case !c.IsPossible:
			say = "can no longer be decided"
		}
		kept := "nothing"
		if c.Datasets > 0 {
			kept = study.Figure(c.Kept)
		}
		fmt.Fprintf(out, "  %s: shows %s (with everything %s; wanted %s): %s\n", c.Claim, kept, study.Figure(c.Full), study.Figure(c.Expected), say)
		if len(c.SD) > 0 {
			fmt.Fprintf(out, "    standard deviation by runs in the cache: %s\n", spreads(c.SD))
		}
	}
	_, err := fmt.Fprintf(out, "Shown with power 0.8 at the 5 %% level shared by all claims, where the differences of queries have a standard deviation of %v, or the one given, measured on runs in the cache.\n", cost.DefaultSD)
	return err
}

// spreads lists standard deviations by dataset.
func spreads(sd map[string]float64) string {
	var list []string
	for _, dataset := range slices.Sorted(maps.Keys(sd)) {
		list = append(list, dataset+" "+study.Figure(sd[dataset]))
	}
	return strings.Join(list, ", ")
}

// short writes a count with three digits and a unit: 1.23 M.
func short(x float64) string {
	units := []string{"", " k", " M", " G", " T", " P", " E", " Z"}
	i := 0
	for x >= 999.5 && i < len(units)-1 {
		x /= 1000
		i++
	}
	if x == 0 {
		return "–"
	}
	if i == 0 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g%s", x, units[i])
}

// shortTime writes seconds as s, min, h or days.
func shortTime(s float64) string {
	switch {
	case s == 0:
		return "–"
	case s < 1:
		return "< 1 s"
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 7200:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.1f h", s/3600)
	}
	return fmt.Sprintf("%.1f days", s/86400)
}
