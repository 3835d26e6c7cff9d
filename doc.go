// Package labrador holds the words of the field that every other package speaks: documents, queries, relevance
// judgements (qrels), runs and hits, the interfaces Encoder and Searcher, and the readers and writers of the TREC and BEIR
// files that carry them.
//
// It is not the place for measures (package eval), for indexes (package index) or for models (package model): it imports
// none of the project's packages but the small internal ones, so that everybody can import it.
package labrador
