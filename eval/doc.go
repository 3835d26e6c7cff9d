// Package eval measures runs against relevance judgements as trec_eval 10 does: the same float32 scores, the same order of
// ties, the same averages over the same queries, for every measure of its "all_trec" list, and the measures that ir_measures adds to
// them. Measures are named in either program's grammar (see Parse).
//
// PerQuery works on runs in memory; Files reads run files of any size, in parallel and in bounded memory. Both give one value per
// query and measure, and the overall values.
//
// It is not the place for significance (package eval/stats) nor for reading files into words (package labrador).
package eval
