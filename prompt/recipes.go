package prompt

import (
	"errors"
	"fmt"
	"strings"

	"github.com/labrador-lab/labrador"
)

// recipes lists what New knows, in the order that help shows them.
var recipes = []recipeDef{
	{"none", "the text alone, with the tokenizer's special tokens", plain("", ""), false},
	{"one-word", "arXiv 2507.03958: a chat turn that asks for one word, the model's own system text, cut after 'The word is: \"', last token", oneWord, false},
	{"paper-one-word", "as one-word, title and text joined as the authors' code does: a blank before a text without a title", paperOneWord, false},
	{"promptreps", "PromptReps (Zhuang et al., EMNLP 2024): one-word turn under its own system line, text cut to 512 tokens and tokenised apart, last token", promptReps, false},
	{"echo", "Echo embeddings (Springer et al., 2024): the text twice, mean over the second copy", echo, true},
	{"e5-mistral", "E5-Mistral (Wang et al., 2024): 'Instruct: TASK\\nQuery: ' before queries, an end token, last token", instruct("Instruct: %s\nQuery: ", true), true},
	{"gte-qwen2", "GTE-Qwen2: as e5-mistral", instruct("Instruct: %s\nQuery: ", true), true},
	{"qwen3", "Qwen3-Embedding: 'Instruct: TASK\\nQuery:' before queries, the tokenizer's end token, last token", instruct("Instruct: %s\nQuery:", true), true},
	{"e5", "E5: 'query: ' and 'passage: '", plain("query: ", "passage: "), false},
	{"bge", "BGE v1.5: a sentence before queries, nothing before documents", plain("Represent this sentence for searching relevant passages: ", ""), false},
	{"nomic", "nomic-embed: 'search_query: ' and 'search_document: '", plain("search_query: ", "search_document: "), false},
	{"paper-supervised", "arXiv 2507.03958 after fine-tuning: 'Query:' and 'Passage:' without a blank, an end token, last token", supervised, false},
}

func plain(query, document string) func(Options) (Recipe, error) {
	return func(Options) (Recipe, error) {
		return Recipe{side: [2]parts{
			labrador.QuerySide:    {before: query, special: true},
			labrador.DocumentSide: {before: document, special: true},
		}}, nil
	}
}

// supervised is the prompt of the fine-tuned models: the prefixes lost their trailing blank on the authors' command line
// (their log shows "--query_prefix Query:"), and queries are stripped.
func supervised(Options) (Recipe, error) {
	return Recipe{Pooling: LastToken, side: [2]parts{
		labrador.QuerySide:    {before: "Query:", eos: true, strip: true},
		labrador.DocumentSide: {before: "Passage:", eos: true},
	}}, nil
}

func instruct(format string, eos bool) func(Options) (Recipe, error) {
	return func(o Options) (Recipe, error) {
		return Recipe{Pooling: LastToken, side: [2]parts{
			labrador.QuerySide:    {before: fmt.Sprintf(format, o.task()), special: true, eos: eos},
			labrador.DocumentSide: {special: true, eos: eos},
		}}, nil
	}
}

// echo follows the templates of the authors' README. Their parser tokenises the pieces apart; here the whole string is
// tokenised, and exactly the tokens that touch the second copy are pooled.
func echo(o Options) (Recipe, error) {
	return Recipe{Pooling: MeanOfText, side: [2]parts{
		labrador.QuerySide:    {before: "Instruct:" + o.task() + ",\nQuery:", echo: "\nQuery again:", special: true},
		labrador.DocumentSide: {before: "Document:", echo: "\nDocument again:", special: true},
	}}, nil
}

const (
	oneWordUser      = `%s: "%s". Use one word to represent the %s in a retrieval task. Make sure your word is in lowercase.`
	oneWordAssistant = `The word is: "`
	promptRepsSystem = "You are an AI assistant that can understand human language."
)

func oneWord(o Options) (Recipe, error) { return chat(o, o.SystemText, false) }

// paperOneWord follows the authors' collator to the letter: it joins title and text with a blank whenever a document has the key "title",
// which documents of BEIR and CoIR have when their title is empty too.
func paperOneWord(o Options) (Recipe, error) {
	r, err := oneWord(o)
	r.side[labrador.DocumentSide].join = true
	return r, err
}

func promptReps(o Options) (Recipe, error) {
	system := o.SystemText
	if system == nil {
		line := promptRepsSystem
		system = &line
	}
	r, err := chat(o, system, true)
	r.MaxTokens = 512 // the authors' README runs with 512 on both sides
	return r, err
}

// chat renders the one-word conversation once per side around a mark and splits it there, so that no text goes through
// the template engine.
func chat(o Options, system *string, apart bool) (Recipe, error) {
	r := Recipe{Pooling: LastToken}
	if o.Template == nil {
		return r, errors.New("the model has no chat template: give a model that has one, or another recipe")
	}
	for side, kind := range map[labrador.Side]string{labrador.QuerySide: "query", labrador.DocumentSide: "passage"} {
		const mark = "\x01labrador\x02text\x01"
		var messages []Message
		if system != nil {
			messages = append(messages, Message{Role: "system", Content: *system})
		}
		messages = append(messages, Message{Role: "user", Content: fmt.Sprintf(oneWordUser, strings.ToUpper(kind[:1])+kind[1:], mark, kind)},
			Message{Role: "assistant", Content: oneWordAssistant})
		out, err := o.Template.Render(messages, false)
		if err != nil {
			return r, err
		}
		before, after, found := strings.Cut(out, mark)
		end := strings.LastIndex(after, oneWordAssistant)
		if !found || end < 0 || strings.Contains(after, mark) {
			return r, errors.New("the model's chat template drops the text or the assistant's turn")
		}
		r.side[side] = parts{before: before, after: after[:end+len(oneWordAssistant)], apart: apart, strip: apart}
	}
	return r, nil
}

func (o Options) task() string {
	if o.Task != "" {
		return o.Task
	}
	return Task(o.Dataset)
}
