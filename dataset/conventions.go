package dataset

import (
	"path"
	"strings"
)

// Convention is what is peculiar to a dataset and must be the same whoever measures on it.
type Convention struct {
	Group          string // "text" or "code"
	Domain         string
	DropSelf       bool
	RelevanceLevel int // 0 is 1
	Note           string

	names  string // patterns of path.Match in lower case, between blanks
	family string // "beir", "coir": says where to get it
}

// conventions is searched in order, the first match counts. Domains of BEIR are those of Thakur et al. 2021, Table 1; tasks of CoIR are
// those of Li et al. 2024, Table 1.
var conventions = []Convention{
	{names: "arguana", family: "beir", Group: "text", Domain: "argument", DropSelf: true,
		Note: "drop_self: every query of ArguAna is a document too; BEIR (ignore_identical_ids) and Pyserini (--remove-query) drop it"},
	{names: "quora", family: "beir", Group: "text", Domain: "questions", DropSelf: true,
		Note: "drop_self: every query of Quora is a document too; BEIR (ignore_identical_ids) and Pyserini (--remove-query) drop it"},
	{names: "*dl19* *dl20* *dl-19* *dl-20* *dl-2019* *dl-2020* *dl2019* *dl2020*", Group: "text", Domain: "web", RelevanceLevel: 2,
		Note: "relevance_level 2: TREC DL 2019/2020 passages count as relevant from grade 2 in recall, AP and RR (Craswell et al. 2020; Anserini trec_eval -l 2); nDCG keeps all grades"},
	{names: "msmarco ms-marco msmarco-passage msmarco-v1-passage", family: "beir", Group: "text", Domain: "web",
		Note: "BEIR's test split of MS MARCO is TREC DL 2019: for TREC's own recall and AP set relevance_level: 2"},
	{names: "scifact climate-fever", family: "beir", Group: "text", Domain: "science claims"},
	{names: "scidocs", family: "beir", Group: "text", Domain: "science"},
	{names: "nfcorpus trec-covid bioasq", family: "beir", Group: "text", Domain: "medicine"},
	{names: "nq hotpotqa fever dbpedia-entity", family: "beir", Group: "text", Domain: "Wikipedia"},
	{names: "fiqa fiqa-2018", family: "beir", Group: "text", Domain: "finance"},
	{names: "webis-touche2020", family: "beir", Group: "text", Domain: "argument"},
	{names: "cqadupstack*", family: "beir", Group: "text", Domain: "forum questions"},
	{names: "signal1m", family: "beir", Group: "text", Domain: "tweets"},
	{names: "trec-news robust04", family: "beir", Group: "text", Domain: "news"},
	{names: "cranfield cran", Group: "text", Domain: "aerodynamics"},
	{names: "med medline", Group: "text", Domain: "medicine"},
	{names: "cacm", Group: "text", Domain: "computer science"},
	{names: "vaswani npl", Group: "text", Domain: "physics"},
	{names: "cosqa*", family: "coir", Group: "code", Domain: "web question to Python"},
	{names: "apps", family: "coir", Group: "code", Domain: "contest problem to Python"},
	{names: "synthetic-text2sql text2sql*", family: "coir", Group: "code", Domain: "question to SQL"},
	{names: "codesearchnet* codefeedback-* codetrans-* stackoverflow-qa", family: "coir", Group: "code", Domain: "code"},
	{names: "humaneval mbpp conala", Group: "code", Domain: "description to Python"},
	{names: "java-cs", Group: "code", Domain: "Java to C#"},
	{names: "gostd gostd-small", Group: "code", Domain: "doc sentence to Go"},
}

// conventionOf finds the conventions of a dataset by its name. A split that is named after TREC DL (msmarco with the split dl19-passage)
// counts as that.
func conventionOf(name, split string) Convention {
	name, split = strings.ToLower(name), strings.ToLower(split)
	for _, c := range conventions {
		for _, pattern := range strings.Fields(c.names) {
			byName, _ := path.Match(pattern, name)
			bySplit, _ := path.Match(pattern, split)
			if byName || bySplit && c.RelevanceLevel > 1 {
				return c
			}
		}
	}
	return Convention{}
}
