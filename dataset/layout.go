package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// layout says which file of a folder or zip holds what. Paths are slash-separated and relative to it.
//
//	corpus     corpus.jsonl, collection.tsv, collection.jsonl, corpus.tsv or msmarco-docs.tsv
//	queries    queries.SPLIT.jsonl, queries.SPLIT.tsv, topics.SPLIT.txt, topics.SPLIT.tsv or topics.SPLIT.xml, and for splits
//	           without one of their own queries.jsonl, queries.tsv, topics.txt, topics.tsv or topics.xml
//	judgements qrels/SPLIT.tsv, qrels/SPLIT.txt, qrels.SPLIT.tsv or qrels.SPLIT.txt; qrels.tsv and qrels.txt are the split test
//
// SPLIT may have dots (dev.small). Every file may end in .gz or .zst besides. Whatever is not there is "".
type layout struct {
	corpus  string
	shared  string            // queries of every split without its own file
	queries map[string]string // by split
	qrels   map[string]string // by split
}

var (
	corpusNames = []string{"corpus.jsonl", "collection.tsv", "collection.jsonl", "corpus.tsv", "msmarco-docs.tsv"}
	queryNames  = []string{"queries.jsonl", "queries.tsv", "topics.txt", "topics.tsv", "topics.xml"}
	qrelsNames  = []string{"qrels.tsv", "qrels.txt"}
)

// errNoCorpus says that a folder or zip holds no documents, and what they would look like.
var errNoCorpus = fmt.Errorf(`no corpus (one of %s, .gz and .zst too; in .jsonl a line is {"_id": "1", "title": "", "text": "..."})`, strings.Join(corpusNames, ", "))

// ErrNoQueries is what the errors of Queries and AllQueries wrap where a dataset has no queries at all.
var ErrNoQueries = fmt.Errorf("no queries (one of %s, or one a split: queries.SPLIT.tsv)", strings.Join(queryNames, ", "))

// stem is a file name without the ending of its compression.
func stem(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
}

// isCorpus says whether a file of this name, without its folder, is a corpus.
func isCorpus(name string) bool { return slices.Contains(corpusNames, stem(name)) }

// newLayout sorts names into their places. Where two files would do, the one whose form comes first in the list above wins, and the
// uncompressed one of the same form.
func newLayout(names []string) (layout, error) {
	l := layout{queries: map[string]string{}, qrels: map[string]string{}}
	names = slices.Clone(names)
	slices.Sort(names) // "a" before "a.gz"
	rank := map[string]int{}
	put := func(key string, into *string, name string, at int) {
		if best, have := rank[key]; !have || at < best {
			rank[key] = at
			*into = name
		}
	}
	for _, name := range names {
		base := stem(name)
		if at := slices.Index(corpusNames, base); at >= 0 {
			put("corpus", &l.corpus, name, at)
			continue
		}
		if split, at, ok := splitOf(base, queryNames); ok && split == "" {
			put("shared", &l.shared, name, at)
		} else if ok {
			file := l.queries[split]
			put("queries "+split, &file, name, at)
			l.queries[split] = file
		}
	}
	l.takeQrels(names, rank)
	if l.corpus == "" && l.shared == "" && len(l.queries) == 0 {
		return l, errNoCorpus
	}
	return l, nil
}

// takeQrels fills l.qrels; BEIR's folder qrels/ goes before files beside the corpus.
func (l *layout) takeQrels(names []string, rank map[string]int) {
	for _, name := range names {
		rest, inFolder := strings.CutPrefix(name, "qrels/")
		base, first := stem(name), len(qrelsNames)
		if inFolder {
			base, first = "qrels."+stem(rest), 0
		}
		split, at, ok := splitOf(base, qrelsNames)
		if !ok || strings.Contains(rest, "/") {
			continue
		}
		if split == "" {
			split = "test"
		}
		if best, have := rank["qrels "+split]; !have || first+at < best {
			rank["qrels "+split] = first + at
			l.qrels[split] = name
		}
	}
}

// splitOf reads the split out of a file name like queries.SPLIT.tsv, "" for queries.tsv; at is its place in forms.
func splitOf(base string, forms []string) (split string, at int, ok bool) {
	for at, form := range forms {
		if base == form {
			return "", at, true
		}
		head, ext, _ := strings.Cut(form, ".")
		rest, isHead := strings.CutPrefix(base, head+".")
		if split, isExt := strings.CutSuffix(rest, "."+ext); isHead && isExt && split != "" && !strings.Contains(split, "/") {
			return split, at, true
		}
	}
	return "", 0, false
}

// splitNames are the splits with judgements, ascending.
func (l layout) splitNames() []string {
	var names []string
	for split := range l.qrels {
		names = append(names, split)
	}
	slices.Sort(names)
	return names
}

// queryFile is the file with the queries of split, "" when there is none. Where there are no judgements, and so no split, it is the one of
// every split, else the only one.
func (l layout) queryFile(split string) string {
	if own := l.queries[split]; own != "" {
		return own
	}
	if split == "" && l.shared == "" && len(l.queries) == 1 {
		for _, only := range l.queries {
			return only
		}
	}
	return l.shared
}
