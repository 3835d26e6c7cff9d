package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Ratio is one of our figures over a peer's. Above 1 we are faster, or smaller.
type Ratio struct {
	Ours   string  `json:"row"`
	Theirs string  `json:"against"`
	What   string  `json:"what"` // the settings that both share
	Field  string  `json:"field"`
	Our    float64 `json:"ours"`
	Their  float64 `json:"theirs"`
	Ratio  float64 `json:"ratio"`
}

// figures are the fields that are compared; true where more is better.
var figures = map[string]bool{
	"qps": true, "qps_batch": true, "qps_single": true, "tokens_per_s": true, "mb_per_s": true, "gflops": true, "gb_per_s": true,
	"seconds": false, "index_s": false, "build_s": false, "index_mb": false, "rss_mb": false, "index_rss_mb": false,
}

// settings must agree, where both rows have them, for two rows to be comparable.
var settings = []string{"threads", "data", "docs", "n", "d", "k", "q", "queries", "shape", "batch", "len", "text", "tokenizer", "values", "rounds"}

// families pair our rows with the peers that do the same work.
var families = []struct {
	ours   string
	theirs []string
}{
	{"labrador-flat", []string{"faiss-flat", "faiss-sq"}},
	{"labrador-hnsw", []string{"faiss-hnsw", "hnswlib"}},
	{"labrador-bm25", []string{"bm25s", "lucene"}},
	{"labrador-eval", []string{"trec_eval", "pytrec_eval", "ranx", "ir_measures"}},
	{"labrador-stats-randomisation", []string{"numpy-sign-flip", "scipy-sign-flip", "scipy-permutation", "ranx-fisher"}},
	{"labrador-stats-ttest", []string{"scipy-ttest-rel"}},
	{"labrador-stats-bootstrap", []string{"scipy-bootstrap-bca"}},
	{"labrador-encode", []string{"torch", "onnxruntime", "openvino", "llama.cpp"}},
	{"labrador-token", []string{"tiktoken", "hf-tokenizers", "tokenizers"}},
}

// Against compares rows of ours with peers' rows that do the same work under the same settings. HNSW rows are compared
// where recall_10 differs by at most 0.005.
func Against(ours, theirs []Row) []Ratio {
	var out []Ratio
	for _, our := range ours {
		for _, their := range theirs {
			what, ok := comparable(our, their)
			if !ok {
				continue
			}
			for _, f := range sortedFigures() {
				for _, pair := range values(f, our[f], their[f]) {
					r := pair.our / pair.their
					if !figures[f] {
						r = 1 / r
					}
					out = append(out, Ratio{text(our["peer"]) + dtypeOf(our), text(their["peer"]) + dtypeOf(their), what, pair.name, pair.our, pair.their, round(r, 2)})
				}
			}
		}
	}
	return out
}

func sortedFigures() []string {
	var names []string
	for f := range figures {
		names = append(names, f)
	}
	slices.Sort(names)
	return names
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return ""
}

func dtypeOf(r Row) string {
	if d := text(r["dtype"]); d != "" {
		return " " + d
	}
	if c := text(r["blas_core"]); c != "" {
		return " (" + c + ")"
	}
	return ""
}

// comparable reports whether two rows measure the same work, and the settings they share.
func comparable(our, their Row) (string, bool) {
	same := false
	for _, f := range families {
		if strings.HasPrefix(text(our["peer"]), f.ours) {
			same = slices.ContainsFunc(f.theirs, func(p string) bool { return strings.HasPrefix(text(their["peer"]), p) })
		}
	}
	if !same {
		return "", false
	}
	if a, b := text(our["dtype"]), text(their["dtype"]); a != "" && b != "" && a != b && !(a == "int8" && (b == "q8_0" || strings.HasPrefix(b, "int8"))) { // llama.cpp's bytes, OpenVINO's for weights alone
		return "", false
	}
	var what []string
	if a, ok := our["recall_10"].(float64); ok && strings.HasPrefix(text(our["peer"]), "labrador-hnsw") {
		b, ok := their["recall_10"].(float64)
		if !ok || max(a-b, b-a) > 0.005 {
			return "", false
		}
		what = append(what, fmt.Sprintf("recall@10=%.4f (theirs %.4f)", a, b))
	}
	for _, s := range settings {
		a, have := our[s]
		b, has := their[s]
		if !have || !has {
			continue
		}
		if fmt.Sprint(a) != fmt.Sprint(b) {
			return "", false
		}
		what = append(what, fmt.Sprintf("%s=%v", s, a))
	}
	return strings.Join(what, " "), true
}

type pair struct {
	name       string
	our, their float64
}

// values pairs two figures, which may be objects of figures (qps by k).
func values(name string, our, their any) []pair {
	a, okA := our.(float64)
	b, okB := their.(float64)
	if okA && okB && a > 0 && b > 0 {
		return []pair{{name, a, b}}
	}
	ma, okA := our.(map[string]any)
	mb, okB := their.(map[string]any)
	if !okA || !okB {
		return nil
	}
	var out []pair
	for k := range ma {
		out = append(out, values(name+"@"+k, ma[k], mb[k])...)
	}
	slices.SortFunc(out, func(x, y pair) int { return strings.Compare(x.name, y.name) })
	return out
}
