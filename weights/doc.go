// Package weights reads the files that language models are published in, safetensors (one file or shards with an index) and
// GGUF, as named tensors over memory-mapped bytes, and writes safetensors.
//
// Nothing is decoded before it is asked for: a Tensor is a view of the mapped file with a shape and an element type, and
// reading floats from it dequantises what GGUF packs in blocks. Headers are checked in full when a file is opened, so that
// every Tensor handed out lies inside its file and its shape fits its bytes.
//
// It is not the place for what the tensors mean: names of architectures, configurations and tokenizers belong to the
// packages model and token.
package weights
