// Package index finds documents: BM25 over terms, exact and approximate search over vectors, and the fusion of several.
// Everything in it is a labrador.Searcher, kept in files that are written once and mapped into memory.
//
// It turns no text into vectors (package model does) and measures nothing (package eval does).
package index
