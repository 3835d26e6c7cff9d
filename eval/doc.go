// Package eval measures runs against relevance judgements as trec_eval does: the same order of ties, the same averages over the
// same queries, for every measure of its "all_trec" list, and the measures that ir_measures adds to them. Measures are named in
// either program's grammar (see Parse).
//
// PerQuery works on runs in memory; File reads a run file of any size, on all processors and in bounded memory. Both give one value
// per query and measure, and the overall values, and WriteTrec prints them as trec_eval does, byte by byte.
//
// The reference is trec_eval 10.0, but for these:
//
//   - Scores are float32, as in every version before 10 (and in pytrec_eval); 10.0 keeps them as double, so scores that differ
//     in the eighth digit are a tie here and none there.
//   - Judged queries that a run misses are left out of the means, as its help says and earlier versions do; 10.0 stops with an
//     error there unless -c is given.
//   - Several parameter lists for one measure all count (P.5 and P.10); trec_eval takes the first.
//   - The scaling of gains in rbp starts from 0; there it starts from variables that are never set.
//   - A document twice among a query's hits is an error at any depth; relevance levels start at 1.
//
// Judgements of several users a query, and preferences between documents, are Groups (trec_eval -R qrels_jg, qrels_prefs, prefs).
//
// The rounding of recall points (iprec_at_recall, 11pt_avg) and the values of missing queries under -c are those of 10.0.
//
// This is not the place for significance (package eval/stats) nor for reading files into words (package labrador).
package eval
