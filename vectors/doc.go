// Package vectors reads vectors that somebody else made (NumPy's .npy files with a list of ids beside them), checks that
// they fit together, and searches them exactly. It makes a system out of vectors of any model whatever, without the model.
//
// It is not an index: every search looks at every row. Package index has what is fast at scale, package store keeps the vectors that
// Labrador's own encoders make.
package vectors
