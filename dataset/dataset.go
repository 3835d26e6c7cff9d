// Package dataset turns what people have on disk into a corpus, queries and judgements: folders and zips in BEIR's layout, MS
// MARCO's TSV files, TREC topics and qrels beside a corpus, and gostd, the standard library of the machine's own Go toolchain as a code
// search set. Corpora stream. What is peculiar to one dataset (a query's own document dropped, the grade from which a document counts) is
// kept in a table here and not in flags. Check says what is wrong with a dataset before it spoils a study.
//
// It downloads nothing, and it neither searches nor measures.
package dataset

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/labrador-lab/labrador"
)

// Dataset is an opened dataset with one split chosen. It holds no open file. Its methods are safe for concurrent use.
type Dataset struct {
	Name           string
	Dir            string   // the folder or zip it is read from
	Split          string   // the split whose queries and judgements are used; "" where there are no judgements
	Splits         []string // all splits with judgements, ascending
	Group          string   // "text", "code", "image" or the study's own word
	Domain         string   // what it is about, "" when unknown
	DropSelf       bool     // a document with the query's own id is dropped from its hits before measuring
	RelevanceLevel int      // the lowest grade that counts as relevant in measures that know no grades; nDCG and ERR keep them all
	Notes          []string // where the conventions come from

	src    source
	digest struct {
		sync.Mutex
		value string
	}
}

// source is where a dataset's content comes from.
type source interface {
	splits() []string
	documents(t tolerance) iter.Seq2[labrador.Document, error]
	// queries streams the queries that may belong to split, judged or not.
	queries(split string, t tolerance) iter.Seq2[labrador.Query, error]
	// qrels reads the judgements of split. A pair judged twice goes to twice, or is an error where that is nil; the first one counts.
	qrels(split string, twice func(query, doc string)) (labrador.Qrels, error)
	digest(split string) (string, error)
	// about is one line on origin and licence, "" when nothing says.
	about() string
}

// tolerance is what a reader of documents or queries is told instead of an error, or of nothing: see labrador.Stream.
type tolerance struct {
	badUTF8 func(line int)
	badID   func(line int, id string)
}

// Open finds the dataset that ref names, chooses its split and puts its conventions together: the table's, then ref's own. A folder of
// documents alone, or a file of them, is a dataset too: what it lacks is an error of the method that needs it.
func Open(ref Ref) (*Dataset, error) {
	if err := ref.Validate(); err != nil {
		return nil, err
	}
	src, name, dir, err := find(ref)
	if err != nil {
		return nil, err
	}
	if ref.Name != "" {
		name = ref.Name
	}
	d := &Dataset{Name: name, Dir: dir, Splits: src.splits(), src: src}
	if d.Split, err = chooseSplit(name, dir, ref.Split, d.Splits); err != nil {
		return nil, err
	}
	d.applyConvention(conventionOf(d.Name, d.Split))
	d.applyRef(ref)
	return d, nil
}

// find opens the source of ref: the built-in sets by name, a path, or a name in the data folders.
func find(ref Ref) (src source, name, dir string, err error) {
	if ref.Path == "" {
		if small, ok := builtin(ref.Name); ok {
			g, err := openGostd(small)
			if err != nil {
				return nil, "", "", err
			}
			return g, ref.Name, g.root, nil
		}
	}
	path, err := resolve(ref)
	if err != nil {
		return nil, "", "", err
	}
	f, err := openFiles(path)
	if err != nil {
		return nil, "", "", err
	}
	return f, nameOf(path), path, nil
}

// nameOf is the dataset name that a path stands for: its last part without .zip, or, of a file of documents, without .jsonl or .tsv; a
// file that is called as in a dataset's folder has the folder's name. The forums of CQADupStack, which lie in a folder or
// zip of that name, have it in front: cqadupstack-android.
func nameOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if isCorpus(filepath.Base(path)) {
		path = filepath.Dir(path)
	}
	name, above := strings.TrimSuffix(filepath.Base(path), ".zip"), filepath.Base(filepath.Dir(path))
	if isDocumentFile(name) {
		name = strings.TrimSuffix(stem(name), filepath.Ext(stem(name)))
	}
	if strings.TrimSuffix(above, ".zip") == "cqadupstack" && name != "cqadupstack" {
		return "cqadupstack-" + name
	}
	return name
}

// errNoJudgements says what was looked for.
var errNoJudgements = errors.New("no judgements (qrels/SPLIT.tsv, qrels.SPLIT.tsv or qrels.SPLIT.txt)")

func chooseSplit(name, dir, want string, have []string) (string, error) {
	list := strings.Join(have, ", ")
	switch {
	case len(have) == 0 && want == "":
		return "", nil
	case len(have) == 0:
		return "", fmt.Errorf("dataset %s: no split %q: %w in %s", name, want, errNoJudgements, dir)
	case want != "" && slices.Contains(have, want):
		return want, nil
	case want != "":
		return "", fmt.Errorf("dataset %s: no split %q in %s, there is: %s", name, want, dir, list)
	case slices.Contains(have, "test"):
		return "test", nil
	case len(have) == 1:
		return have[0], nil
	}
	return "", fmt.Errorf("dataset %s: no split test in %s, name one of: %s", name, dir, list)
}

func (d *Dataset) applyConvention(c Convention) {
	d.Group, d.Domain, d.DropSelf, d.RelevanceLevel = c.Group, c.Domain, c.DropSelf, max(1, c.RelevanceLevel)
	if c.Note != "" {
		d.Notes = append(d.Notes, c.Note)
	}
	if d.Group == "" {
		d.Group = groupOfDir(d.Dir)
	}
}

func (d *Dataset) applyRef(ref Ref) {
	if ref.Group != "" {
		d.Group = ref.Group
	}
	if ref.DropSelf != nil && *ref.DropSelf != d.DropSelf {
		d.DropSelf = *ref.DropSelf
		d.Notes = append(d.Notes, fmt.Sprintf("drop_self: %t as the study says", d.DropSelf))
	}
	if ref.RelevanceLevel > 0 && ref.RelevanceLevel != d.RelevanceLevel {
		d.RelevanceLevel = ref.RelevanceLevel
		d.Notes = append(d.Notes, fmt.Sprintf("relevance_level: %d as the study says", d.RelevanceLevel))
	}
}

// groupOfDir takes the group from the folder above (data/code/cosqa), else text.
func groupOfDir(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	switch up := filepath.Base(filepath.Dir(dir)); up {
	case "code", "image":
		return up
	}
	return "text"
}

// Documents streams the corpus in file order. The first error ends the sequence; it says file, line and why.
func (d *Dataset) Documents() iter.Seq2[labrador.Document, error] {
	return d.src.documents(tolerance{})
}

// Queries are the queries that have a judgement in the split, in file order. A query id that comes twice is an error, a judged query that
// is not in the file is left to Check.
func (d *Dataset) Queries() ([]labrador.Query, error) {
	qrels, err := d.Qrels()
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(qrels))
	var queries []labrador.Query
	for q, err := range d.src.queries(d.Split, tolerance{}) {
		if err != nil {
			return nil, err
		}
		if _, judged := qrels[q.ID]; !judged {
			continue
		}
		if seen[q.ID] {
			return nil, fmt.Errorf("dataset %s: query %s occurs twice", d.Name, q.ID)
		}
		seen[q.ID] = true
		queries = append(queries, q)
	}
	if len(queries) == 0 {
		return nil, fmt.Errorf("dataset %s: none of the %d judged queries of split %s is in its query file%s", d.Name, len(qrels), d.Split, Decimals(qrels.QueryIDs()))
	}
	return queries, nil
}

// AllQueries streams the queries that may belong to the split, judged or not, in file order; where there are no judgements, those of the
// only query file.
func (d *Dataset) AllQueries() iter.Seq2[labrador.Query, error] {
	return d.src.queries(d.Split, tolerance{})
}

// Qrels are the judgements of the split, all grades.
func (d *Dataset) Qrels() (labrador.Qrels, error) {
	if d.Split == "" {
		return nil, d.unjudged()
	}
	return d.src.qrels(d.Split, nil)
}

// unjudged is the error of what needs judgements where there are none; it says so if there are no queries either.
func (d *Dataset) unjudged() error {
	for _, err := range d.AllQueries() {
		if errors.Is(err, ErrNoQueries) {
			return fmt.Errorf("dataset %s: %w and %w in %s: its documents can be indexed and searched, not measured", d.Name, ErrNoQueries, errNoJudgements, d.Dir)
		}
		break
	}
	return fmt.Errorf("dataset %s: %w in %s: it can be searched, not measured", d.Name, errNoJudgements, d.Dir)
}

// Digest is a hash, in hexadecimal, of everything that a result on this dataset depends on: the content of corpus, queries and the split's
// judgements, whatever compression they lie in, and the conventions. It reads the corpus once and remembers.
func (d *Dataset) Digest() (string, error) {
	if d.Split == "" {
		return "", d.unjudged()
	}
	d.digest.Lock()
	defer d.digest.Unlock()
	if d.digest.value == "" {
		content, err := d.src.digest(d.Split)
		if err != nil {
			return "", err
		}
		d.digest.value = hashOf(content, d.Split, fmt.Sprint(d.DropSelf, d.RelevanceLevel))
	}
	return d.digest.value, nil
}

// About is one line on origin and licence: the first line of SOURCE.txt or LICENSE, "" where there is none.
func (d *Dataset) About() string { return d.src.about() }
