package index

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/labrador-lab/labrador/analysis"
)

// BM25Options say how documents become terms and terms become scores. The zero value is Anserini's BM25 baseline over one
// field.
type BM25Options struct {
	Analyzer     string  // a name that analysis.New takes; empty is "english"
	Variant      string  // the scoring formula, see Variants; empty is "lucene"
	K1           float64 // term frequency saturation; 0 is 0.9, Zero is nought
	B            float64 // length normalisation; 0 is 0.4, Zero is nought
	Delta        float64 // of bm25l and bm25+; 0 is 0.5 for bm25l and 1 for bm25+
	Mu           float64 // of ql, Dirichlet's prior in terms; 0 is 1000, as Anserini has it
	ExactLengths bool    // keep document lengths exactly; false is Lucene's one byte, which rounds down from 41 terms up
	// TitleWeight 0 makes title and text one field (Anserini's flat collections). Above 0 they are two, each with statistics
	// of its own, and the score is the text's plus TitleWeight times the title's (Anserini's -fields contents=1 title=WEIGHT).
	TitleWeight float64

	NoDocuments bool      // keep the ids only, not titles and texts for display
	Memory      int64     // bytes that building may use for postings, but at least 1 MiB a thread and field; 0 is 256 MiB
	Threads     int       // that build; 0 is one per processor
	Progress    func(int) // called with the number of documents added since the last call; may be nil
}

// Zero stands for a parameter that is nought, where 0 means the default.
const Zero = -1

// withDefaults fills in what is zero; Zero stays.
func (o BM25Options) withDefaults() BM25Options {
	if o.Analyzer == "" {
		o.Analyzer = "english"
	}
	if o.Variant == "" {
		o.Variant = "lucene"
	}
	o.K1, o.B, o.Mu = orDefault(o.K1, 0.9), orDefault(o.B, 0.4), orDefault(o.Mu, 1000)
	if o.Variant == "bm25+" {
		o.Delta = orDefault(o.Delta, 1)
	}
	o.Delta = orDefault(o.Delta, 0.5)
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	return o
}

func orDefault(x, def float64) float64 {
	if x == 0 {
		return def
	}
	return x
}

// number is a parameter's value where Zero is nought.
func number(x float64) float64 {
	if x == Zero {
		return 0
	}
	return x
}

// Variants are the scoring formulas that BM25Options.Variant takes.
func Variants() []string {
	return []string{"lucene", "robertson", "atire", "bm25l", "bm25+", "tfidf", "ql", "impact"}
}

// Validate says what is wrong with the options.
func (o BM25Options) Validate() error {
	o = o.withDefaults()
	if _, err := analysis.New(o.Analyzer); err != nil {
		return err
	}
	known := false
	for _, v := range Variants() {
		known = known || v == o.Variant
	}
	switch {
	case !known:
		return fmt.Errorf("index: no BM25 variant %q (there are %s)", o.Variant, strings.Join(Variants(), ", "))
	case !(number(o.K1) >= 0) || math.IsInf(o.K1, 0):
		return fmt.Errorf("index: k1 is %v, want 0 or more", o.K1)
	case !(number(o.B) >= 0 && o.B <= 1):
		return fmt.Errorf("index: b is %v, want 0 to 1", o.B)
	case !(number(o.Delta) >= 0) || math.IsInf(o.Delta, 0):
		return fmt.Errorf("index: delta is %v, want 0 or more", o.Delta)
	case !(o.Mu > 0) || math.IsInf(o.Mu, 0):
		return fmt.Errorf("index: mu is %v, want more than 0", number(o.Mu))
	case !(o.TitleWeight >= 0) || math.IsInf(o.TitleWeight, 0):
		return fmt.Errorf("index: title weight is %v, want 0 or more", o.TitleWeight)
	case o.Memory < 0 || o.Threads < 0:
		return fmt.Errorf("index: memory %d and threads %d must not be negative", o.Memory, o.Threads)
	}
	return nil
}

// ParseBM25Options reads "analyzer=code,k1=1.2,b=0.75": the names are analyzer, variant, k1, b, delta, mu, title (the
// title's weight) and lengths (exact or byte). The empty string is the zero value.
func ParseBM25Options(s string) (BM25Options, error) {
	var o BM25Options
	if s == "" {
		return o, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return o, fmt.Errorf("index: bm25 option %q: want name=value", part)
		}
		if err := o.set(name, value); err != nil {
			return o, err
		}
	}
	return o, o.Validate()
}

func (o *BM25Options) set(name, value string) error {
	numbers := map[string]*float64{"k1": &o.K1, "b": &o.B, "delta": &o.Delta, "mu": &o.Mu, "title": &o.TitleWeight}
	if p := numbers[name]; p != nil {
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || x < 0 {
			return fmt.Errorf("index: bm25 option %s=%s: want a number, 0 or more", name, value)
		}
		if x == 0 && name != "title" {
			x = Zero
		}
		*p = x
		return nil
	}
	switch {
	case name == "analyzer":
		o.Analyzer = value
	case name == "variant":
		o.Variant = value
	case name == "lengths" && (value == "exact" || value == "byte"):
		o.ExactLengths = value == "exact"
	default:
		return fmt.Errorf("index: no bm25 option %s=%s (analyzer, variant, k1, b, delta, mu, title, lengths=exact|byte)", name, value)
	}
	return nil
}

// String is what ParseBM25Options reads, with every setting that shapes the scores, defaults included.
func (o BM25Options) String() string {
	o = o.withDefaults()
	lengths := "byte"
	if o.ExactLengths {
		lengths = "exact"
	}
	s := fmt.Sprintf("analyzer=%s,variant=%s,k1=%v,b=%v,lengths=%s", o.Analyzer, o.Variant, number(o.K1), number(o.B), lengths)
	if o.TitleWeight > 0 {
		s += fmt.Sprintf(",title=%v", o.TitleWeight)
	}
	switch o.Variant {
	case "bm25l", "bm25+":
		s += fmt.Sprintf(",delta=%v", number(o.Delta))
	case "ql":
		s += fmt.Sprintf(",mu=%v", o.Mu)
	}
	return s
}
