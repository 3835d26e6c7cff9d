package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/labrador-lab/labrador/study"
)

// Options of Sections. The zero value explains what the runs alone can tell.
type Options struct {
	// Pairs are the systems to explain against each other; nil: the best system against the baseline.
	Pairs [][2]string
	// Terms cuts a text of a dataset's group (text, code) into terms to compare a query and its documents by; nil: Words.
	Terms func(group, text string) []string
	// Vectors gives the vectors of a system on a dataset, or nil where it has none; nil: nothing is said about vectors. Only datasets of at
	// most 200,000 documents are asked for, the first of each group.
	Vectors func(ctx context.Context, dataset, system string) (*Sets, error)
}

// Bounds that keep the analysis short whatever the study.
const (
	sampledQueries  = 400 // of a dataset, for agreement and fusion
	sampledHits     = 100
	mostSystems     = 24 // in the matrix of agreement
	mostGains       = 8
	mostSeries      = 12
	vectorDocuments = 200_000
)

// outcome is what the sections are made of.
type outcome struct {
	*study.Outcome
	r       *study.Results
	opts    Options
	measure string // the first
	groups  []Group
	samples []*sample // by dataset
}

// Sections says what can be said about the outcome of a study. It reads the runs again, and the documents once per explained pair. The same
// outcome gives the same sections.
func Sections(ctx context.Context, o *study.Outcome, opts Options) ([]Section, error) {
	x := &outcome{Outcome: o, r: o.Results, opts: opts, measure: o.Results.Measures[0], groups: groupsOf(o.Results)}
	var list []Section
	for _, part := range []func(context.Context) ([]Section, error){x.specialisation, x.series, x.where, x.agreement, x.vectors} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sections, err := part(ctx)
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		list = append(list, sections...)
	}
	return list, nil
}

// groupsOf are the datasets' own groups, in order of first mention.
func groupsOf(r *study.Results) []Group {
	var list []Group
	for _, d := range r.Datasets {
		name := cmp.Or(d.Group, "other")
		i := slices.IndexFunc(list, func(g Group) bool { return g.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, Group{Name: name})
		}
		list[i].Datasets = append(list[i].Datasets, d.Name)
	}
	return list
}

// steps are the specialised systems with their bases: those that the study states, else those that the models' names tell.
func (x *outcome) steps() []Pair {
	if len(x.Plan.Study.Steps) == 0 {
		return Specialisations(x.r.Systems)
	}
	var list []Pair
	for _, p := range x.Plan.Study.StepPairs() {
		list = append(list, Pair{Step: p.Name, Left: p.To, Right: p.From})
	}
	return list
}

// specialisation makes the tables of a paper, the effects of the steps, and the confounds.
func (x *outcome) specialisation(context.Context) ([]Section, error) {
	steps := x.steps()
	var list []Section
	if len(steps) > 0 {
		papers := Papers(x.r, x.groups, x.measure, x.lexical())
		s := Section{ID: "paper-tables", Title: "Systems by group of datasets", Data: papers}
		for _, p := range papers {
			s.Sentence += p.Sentence() + " "
			s.Tables = append(s.Tables, p.Table())
		}
		e := FindEffects(steps, x.groups, x.Values, 0, x.measure)
		list = append(list, s, Section{ID: "specialisation", Title: "What each specialisation changed", Sentence: e.Sentence(), Data: e,
			Note:    "Mean difference over the datasets of a group with its 95 % interval for these datasets (colour: it leaves 0 out; squares: the second group); hollow diamond: pooled by random effects (DerSimonian and Laird, Hartung and Knapp), for other datasets of the kind. Not corrected for the number of steps.",
			Figures: []Figure{{Wide: true, SVG: e.Plot()}}, Tables: []*Table{e.Table()}})
	}
	controlled := Controlled(x.r.Systems, x.Values, 0)
	if c := FindConfounds(steps, x.r.Systems, controlled, x.measure); len(c.List) > 0 {
		s := Section{ID: "confounds", Title: "What else differs, and what it is worth", Sentence: c.Sentence(), Data: c, Tables: []*Table{c.Table()},
			Note: "A setting is measured alone where two systems of the study differ in nothing else. Mean over all datasets of both, 95 % interval for these datasets."}
		if plot := c.Plot(); plot != "" {
			s.Figures = []Figure{{Wide: true, SVG: plot}}
		}
		list = append(list, s)
	}
	return list, nil
}

// lexical is the BM25 system to refer to: the baseline if it is one, else the first.
func (x *outcome) lexical() string {
	found := ""
	for _, s := range x.r.Systems {
		if s.Kind == "bm25" && (found == "" || s.Name == x.r.Baseline) {
			found = s.Name
		}
	}
	return found
}

func (x *outcome) series(context.Context) ([]Section, error) {
	list := FindSeries(x.r.Systems, x.Values, 0, x.measure)
	if len(list) == 0 {
		return nil, nil
	}
	list = list[:min(len(list), mostSeries)]
	s := Section{ID: "series", Title: "Layer, length, dimensions", Data: list, Note: "Mean over the datasets that all points share, with 95 % intervals for these datasets."}
	for i, t := range list {
		if i < 3 {
			s.Sentence += t.Sentence() + " "
		}
		s.Figures = append(s.Figures, Figure{Title: t.Name, Note: "by " + t.Setting, SVG: t.Plot()})
	}
	return []Section{s}, nil
}

// where explains the pairs.
func (x *outcome) where(ctx context.Context) ([]Section, error) {
	pairs := x.opts.Pairs
	if pairs == nil {
		if best := x.best(true); best != "" {
			pairs = [][2]string{{best, x.r.Baseline}}
		}
	}
	facts := map[string][]QueryFacts{}
	var list []Section
	for i, p := range pairs {
		observations, err := x.observe(ctx, p[0], p[1], facts)
		if err != nil {
			return nil, err
		}
		if len(observations) < 3 {
			continue
		}
		w := FindWhere(p[0], p[1], x.measure, observations, x.r.Seed)
		s := Section{ID: fmt.Sprintf("where-%d", i+1), Title: fmt.Sprintf("Where %s beats %s, and where not", p[0], p[1]), Sentence: w.Sentence(), Data: w,
			Note: "Mean difference of five equal parts of the queries, 95 % bootstrap intervals; colour where the interval leaves 0 out. Over several datasets a query’s place within its own dataset counts. Correlations are not corrected for their number."}
		for _, t := range w.Trends {
			s.Figures = append(s.Figures, Figure{Title: t.Name, Note: fmt.Sprintf("Spearman %s, p %s", study.Signed(t.Spearman.R), study.PText(t.Spearman.P)), SVG: t.Plot(w)})
		}
		if len(w.Datasets) > 0 {
			s.Figures = append(s.Figures, Figure{Title: "by dataset", SVG: plotCategories(w, w.Datasets)})
		}
		if len(w.Groups) > 0 {
			s.Figures = append(s.Figures, Figure{Title: "by group", SVG: plotCategories(w, w.Groups)})
		}
		list = append(list, s)
	}
	return list, nil
}

// best is the system that gains most over the baseline, on average over the datasets that both ran on; fusions count if they may.
func (x *outcome) best(fusions bool) string {
	best, most := "", 0.0
	for _, s := range x.r.Systems {
		if s.Name == x.r.Baseline || len(s.Of) > 0 && !fusions {
			continue
		}
		sum, n := 0.0, 0
		for _, v := range x.Values {
			if v.Of[s.Name] != nil && v.Of[x.r.Baseline] != nil {
				sum += v.Means[s.Name][0] - v.Means[x.r.Baseline][0]
				n++
			}
		}
		if n > 0 && (best == "" || sum/float64(n) > most) {
			best, most = s.Name, sum/float64(n)
		}
	}
	return best
}

// observe collects the queries that both systems answered. facts keeps what was found of a dataset.
func (x *outcome) observe(ctx context.Context, left, right string, facts map[string][]QueryFacts) ([]Observation, error) {
	var list []Observation
	for i, v := range x.Values {
		if v.Of[left] == nil || v.Of[right] == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data := x.Plan.Data[i]
		if facts[v.Dataset] == nil {
			f, err := x.factsOf(data)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", v.Dataset, err)
			}
			facts[v.Dataset] = f
		}
		row := make(map[string]int, len(data.Queries))
		for k, q := range data.Queries {
			row[q.ID] = k
		}
		for k, id := range v.Queries {
			if at, ok := row[id]; ok {
				list = append(list, Observation{v.Dataset, data.Group, v.Of[left][0][k] - v.Of[right][0][k], facts[v.Dataset][at]})
			}
		}
	}
	return list, nil
}

func (x *outcome) factsOf(data *study.Data) ([]QueryFacts, error) {
	c := Corpus{Queries: data.Queries, Qrels: data.Qrels, Level: data.RelevanceLevel, Documents: data.Documents()}
	if x.opts.Terms != nil {
		c.Terms = func(text string) []string { return x.opts.Terms(data.Group, text) }
	}
	if name := x.lexical(); name != "" {
		run, err := x.Hits(data.Name, name)
		if err != nil {
			return nil, err
		}
		c.BM25 = run
	}
	return c.Facts()
}
