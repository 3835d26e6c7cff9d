"""Scores of bm25s 0.3.16 (numpy) for the documents and queries below: bm25s.json. Terms are split at blanks; k1 0.9, b 0.4,
delta 0.5 for bm25l and 1 for bm25+. bm25s adds to every document the score that a missing term has under bm25l and bm25+;
"missing" is that, by query term, to be taken off again for terms that a document lacks."""
import json, numpy as np, bm25s
docs = ["the quick brown fox jumps over the lazy dog", "the dog barks", "a fox is a fox is a fox", "lazy dogs sleep all day long in the sun",
 "quick quick quick", "brown bread and butter", "the sun also rises over the quick river", "dog dog dog dog dog bites man",
 "man bites dog", "over and over and over again the river runs", "sun", "the the the the"]
queries = ["quick fox", "the dog", "sun river dog", "over quick quick lazy", "bread", "the"]
corpus = [d.split() for d in docs]
vocab = {}
for d in corpus:
    for t in d: vocab.setdefault(t, len(vocab))
out = {"documents": docs, "queries": queries, "version": bm25s.__version__, "scores": {}, "missing": {}}
for m, delta in [("robertson", .5), ("lucene", .5), ("atire", .5), ("bm25l", .5), ("bm25+", 1.0)]:
    r = bm25s.BM25(k1=0.9, b=0.4, delta=delta, method=m, dtype="float64", backend="numpy")
    r.index(([[vocab[t] for t in d] for d in corpus], vocab), show_progress=False)
    out["scores"][m] = [[float(x) for x in r.get_scores(q.split())] for q in queries]
    no = getattr(r, "nonoccurrence_array", None)
    out["missing"][m] = {t: float(no[i]) for t, i in vocab.items()} if no is not None else {}
print(json.dumps(out, indent=1))
