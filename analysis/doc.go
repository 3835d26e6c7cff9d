// Package analysis turns text into the terms that an index keeps and a query looks up.
//
// Every Analyzer has a name, and the name says all of it: an index stores the name and queries go through the same
// analyzer. "english" is Lucene's EnglishAnalyzer as Anserini runs it; "code" splits identifiers; see New for the rest.
//
// It is not a general tokenizer library, and not where language models' tokens come from: that is package token.
package analysis
