package bench

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/eval"
	"github.com/labrador-lab/labrador/eval/stats"
)

// Eval measures the evaluation of a TREC run file: seconds from the two files to the means of nDCG@10, AP, RR and R@1000,
// the median of n rounds.
func Eval(ctx context.Context, qrelsPath, runPath string, threads, n int) (Row, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	measures, err := eval.ParseAll([]string{"ndcg_cut_10", "map", "recip_rank", "recall_1000"})
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(runPath)
	if err != nil {
		return nil, err
	}
	var result *eval.Result
	median, best, err := rounds(n, func() error {
		qrels, err := labrador.ReadQrels(qrelsPath)
		if err != nil {
			return err
		}
		result, err = eval.File(ctx, measures, qrels, runPath, eval.Options{})
		return err
	})
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for i, m := range result.Measures {
		values[m.String()] = round(result.Overall[i], 5)
	}
	_, peak := Memory()
	return New("eval", threads).With(Row{"run_mb": round(float64(info.Size())/1e6, 1), "seconds": round(median, 3),
		"seconds_best": round(best, 3), "rss_mb": peak, "means": values}), nil
}

// Stats measures the paired tests on n differences: one row each.
func Stats(n, resamples int, emit func(Row)) error {
	random := rand.New(rand.NewPCG(7, 7))
	d := make([]float64, n)
	for i := range d {
		d[i] = random.NormFloat64()*0.3 + 0.004
	}
	work := []struct {
		name string
		f    func() Row
	}{
		{"randomisation", func() Row { r := stats.Randomise(d, resamples, 1); return Row{"p": r.P} }},
		{"ttest", func() Row { r := stats.PairedT(d); return Row{"p": r.P} }},
		{"bootstrap", func() Row {
			r := stats.Bootstrap(d, resamples, 0.95, 1)
			return Row{"low": r.BCa.Low, "high": r.BCa.High}
		}},
	}
	for _, w := range work {
		var out Row
		median, _, err := rounds(5, func() error { out = w.f(); return nil })
		if err != nil {
			return err
		}
		_, peak := Memory()
		emit(New("stats-"+w.name, runtime.GOMAXPROCS(0)).With(Row{"values": n, "rounds": resamples, "seconds": round(median, 5), "rss_mb": peak}).With(out))
	}
	return nil
}
