package study

import "github.com/labrador-lab/labrador/eval/stats"

// ResultsVersion is the version of results.json's form. It grows when a key changes its meaning or goes away; new keys do not change it.
const ResultsVersion = 1

// Results is results.json: everything a study found out, times aside. The same study over the same data gives the same bytes,
// whatever was in the cache and however often it was killed on the way.
type Results struct {
	Version  int      `json:"version"`
	Study    string   `json:"study"`
	About    string   `json:"about,omitempty"`
	Baseline string   `json:"baseline"`
	Measures []string `json:"measures"`
	Depth    int      `json:"depth"`
	Seed     uint64   `json:"seed"`
	Twins    string   `json:"twins"`
	Tests    Tests    `json:"tests"`

	Datasets []DatasetInfo `json:"datasets"`
	Systems  []SystemInfo  `json:"systems"`

	Results          []Result          `json:"results"`
	Groups           []GroupResult     `json:"groups"`
	Comparisons      []Comparison      `json:"comparisons"`
	GroupComparisons []GroupComparison `json:"group_comparisons"`
	Claims           []Verdict         `json:"claims"`
	Expectations     []Expected        `json:"expectations"`
}

// Tests says in words how differences were tested, for a reader who wants to cite them.
type Tests struct {
	Alpha      float64 `json:"alpha"`
	Difference string  `json:"difference"`
	Interval   string  `json:"interval"`
	Equal      string  `json:"equal"`
	Correction string  `json:"correction"`
	Group      string  `json:"group"`
	Pooled     string  `json:"pooled"`
	Power      string  `json:"power"`
}

// DatasetInfo describes a dataset as it was used.
type DatasetInfo struct {
	Name           string   `json:"name"`
	Group          string   `json:"group"`
	Split          string   `json:"split"`
	Documents      int      `json:"documents"`
	Queries        int      `json:"queries"`
	Judgements     int      `json:"judgements"`
	DropSelf       bool     `json:"drop_self"`
	RelevanceLevel int      `json:"relevance_level"`
	TwinDocuments  int      `json:"twin_documents"` // documents that are identical to an earlier one
	Digest         string   `json:"digest"`
	Notes          []string `json:"notes,omitempty"`
}

// SystemInfo describes a system with every setting that shapes its hits.
type SystemInfo struct {
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Group    string            `json:"group,omitempty"`
	Of       []string          `json:"of,omitempty"`
	Settings map[string]string `json:"settings"`
	Chosen   map[string]string `json:"chosen,omitempty"` // by dataset, what the system chose by itself, such as a weight that it tuned
}

// Result is one mean.
type Result struct {
	Dataset  string         `json:"dataset"`
	System   string         `json:"system"`
	Measure  string         `json:"measure"`
	Mean     float64        `json:"mean"`
	Queries  int            `json:"queries"`
	Interval stats.Interval `json:"interval"` // 95 %, BCa bootstrap over queries
	// MeanTwinsApart is the mean with identical documents as different ones, where the study counts them as one.
	MeanTwinsApart *float64 `json:"mean_twins_apart,omitempty"`
}

// GroupResult is the average of a system's means over a group's datasets, each dataset of the same weight. It is there only where the
// system ran on all of them.
type GroupResult struct {
	Group    string   `json:"group"`
	Datasets []string `json:"datasets"`
	System   string   `json:"system"`
	Measure  string   `json:"measure"`
	Mean     float64  `json:"mean"`
}

// Comparison is one system against the baseline on one dataset.
type Comparison struct {
	Dataset    string         `json:"dataset"`
	System     string         `json:"system"`
	Baseline   string         `json:"baseline"`
	Measure    string         `json:"measure"`
	Queries    int            `json:"queries"`
	Difference float64        `json:"difference"` // system - baseline
	Interval   stats.Interval `json:"interval"`
	P          float64        `json:"p"`
	PAdjusted  float64        `json:"p_adjusted"`
	Family     int            `json:"family"` // how many comparisons p was adjusted for
	Test       string         `json:"test"`
	EffectSize float64        `json:"effect_size"` // Hedges' g of the paired differences
	Wins       int            `json:"wins"`
	Ties       int            `json:"ties"`
	Losses     int            `json:"losses"`
	// SmallestDifference is what this many queries could have shown with power 0.8.
	SmallestDifference float64  `json:"smallest_difference"`
	NotTheSame         []string `json:"not_the_same"` // settings that differ between the two
}

// GroupComparison is one system against the baseline on a group of datasets.
type GroupComparison struct {
	Group    string   `json:"group"`
	Datasets []string `json:"datasets"`
	System   string   `json:"system"`
	Baseline string   `json:"baseline"`
	Measure  string   `json:"measure"`
	These
	PAdjusted float64      `json:"p_adjusted"`
	Pooled    stats.Pooled `json:"pooled"`
}

// These is a difference on just these datasets, each of the same weight.
type These struct {
	Difference float64        `json:"difference"`
	Interval   stats.Interval `json:"interval"`
	P          float64        `json:"p"`
}

// The verdicts on a claim.
const (
	Supported = "supported"
	Refuted   = "refuted"
	Undecided = "undecided"
)

// Verdict is a claim judged.
type Verdict struct {
	Say       string   `json:"say"`
	Verdict   string   `json:"verdict"`
	Claim     string   `json:"claim"` // in the form of the test: "a > b on code, nDCG@10"
	Kind      string   `json:"kind"`
	Left      []string `json:"left"` // systems; several are averaged query by query
	Right     []string `json:"right"`
	Measure   string   `json:"measure"`
	Within    float64  `json:"within,omitempty"`
	Datasets  []string `json:"datasets"`
	These              // over the datasets
	PAdjusted float64  `json:"p_adjusted"`
	Family    int      `json:"family"`
	Test      string   `json:"test"`
	Why       string   `json:"why"` // one sentence of numbers
	// SmallestDifference is what this many queries could have shown with power 0.8.
	SmallestDifference float64    `json:"smallest_difference"`
	Evidence           []Evidence `json:"evidence"`
	// Beyond judges the same claim for further datasets of the kind, by random effects; nil for a claim on one dataset.
	Beyond     *Beyond  `json:"beyond,omitempty"`
	NotTheSame []string `json:"not_the_same"`
}

// Evidence is what one dataset says about a claim, without correction.
type Evidence struct {
	Dataset    string         `json:"dataset"`
	Queries    int            `json:"queries"`
	Left       float64        `json:"left"` // means
	Right      float64        `json:"right"`
	Difference float64        `json:"difference"`
	Interval   stats.Interval `json:"interval"`
	P          float64        `json:"p"`
	Says       string         `json:"says"` // supported, refuted or undecided, of this dataset alone
}

// Beyond is a claim's verdict for datasets like these, not just these.
type Beyond struct {
	Verdict   string       `json:"verdict"`
	P         float64      `json:"p"`
	PAdjusted float64      `json:"p_adjusted"`
	Pooled    stats.Pooled `json:"pooled"`
}

// Expected is an expectation with what was measured.
type Expected struct {
	System  string  `json:"system"`
	On      string  `json:"on"`
	Measure string  `json:"measure"`
	Value   float64 `json:"value"`
	Within  float64 `json:"within"`
	Source  string  `json:"source,omitempty"`
	Mean    float64 `json:"mean"`
	Met     bool    `json:"met"`
}

// Times is times.json: everything measured with a clock or a memory gauge, in the order of the results. Times of what was in the
// cache are those of when it was made, on whatever machine that was.
type Times struct {
	Version  int       `json:"version"`
	Labrador string    `json:"labrador"` // version of the program that wrote this
	Machine  Machine   `json:"machine"`  // this one
	Seconds  float64   `json:"seconds"`  // wall time of this call
	Runs     []RunTime `json:"runs"`
}

// RunTime is what one run cost. A system made of others costs what they cost together.
type RunTime struct {
	Dataset string `json:"dataset"`
	System  string `json:"system"`
	Cost
	Cached bool `json:"cached"` // by an earlier call
}
