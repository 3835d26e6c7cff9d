package prompt

import "strings"

// tasks are the published task lines of instruction-tuned retrievers for BEIR: appendix of "Improving Text Embeddings with
// Large Language Models" (Wang et al., 2024).
var tasks = map[string]string{
	"arguana":          "Given a claim, find documents that refute the claim",
	"climate-fever":    "Given a claim about climate change, retrieve documents that support or refute the claim",
	"cqadupstack":      "Given a question, retrieve detailed question descriptions from Stackexchange that are duplicates to the given question",
	"dbpedia-entity":   "Given a query, retrieve relevant entity descriptions from DBPedia",
	"fever":            "Given a claim, retrieve documents that support or refute the claim",
	"fiqa":             "Given a financial question, retrieve user replies that best answer the question",
	"hotpotqa":         "Given a multi-hop question, retrieve documents that can help answer the question",
	"msmarco":          "Given a web search query, retrieve relevant passages that answer the query",
	"nfcorpus":         "Given a question, retrieve relevant documents that best answer the question",
	"nq":               "Given a question, retrieve Wikipedia passages that answer the question",
	"quora":            "Given a question, retrieve questions that are semantically equivalent to the given question",
	"scidocs":          "Given a scientific paper title, retrieve paper abstracts that are cited by the given paper",
	"scifact":          "Given a scientific claim, retrieve documents that support or refute the claim",
	"trec-covid":       "Given a query on COVID-19, retrieve documents that answer the query",
	"webis-touche2020": "Given a question, retrieve detailed and persuasive arguments that answer the question",
}

// DefaultTask is the task line where none is published for a dataset: the web-search line that instruction-tuned
// retrievers fall back to.
const DefaultTask = "Given a web search query, retrieve relevant passages that answer the query"

// Task is the published task line of a dataset, matched by its name or by a name that begins with it and a dash or slash
// (cqadupstack/android, msmarco-dl19); DefaultTask for others.
func Task(dataset string) string {
	name := strings.ToLower(dataset)
	for {
		if t, ok := tasks[name]; ok {
			return t
		}
		i := strings.LastIndexAny(name, "-/_")
		if i < 0 {
			return DefaultTask
		}
		name = name[:i]
	}
}
