// Package model runs language models as encoders: it opens a checkpoint as its makers publish it (a Hugging Face folder, a
// sentence-transformers folder, a PEFT adapter, a GGUF file) and turns texts into vectors.
//
// Open gives a Model, which is a labrador.Encoder. Inside, every architecture is written once, over the few operations of
// the interface Ops, and run by interpreters: Reference computes in plain float64 and is the specification; the CPU engine
// computes with package kernel on packed weights, which for int8 are balanced with a sample of tokens. What a checkpoint asks
// for and this package does not know is refused by name, never computed wrongly.
//
// It is not the place for tokenizers (package token), file formats (package weights), arithmetic (package kernel), or for
// datasets and retrieval.
package model
