// Package kernel holds the arithmetic that the rest of Labrador spends its time in: matrix products with packed weights,
// dot products over many rows, attention, and the row operations of transformers. Each operation exists as plain Go, which
// is the definition, and as Go assembly for the tiers of processors that are worth it; tests compare the two on every size.
//
// A Kernels value is one tier's set of operations. Current gives the best one for this machine (or the one that the
// environment variable LABRADOR_CPU names), For a chosen one, so that one process can run several, as the tests do.
//
// Conventions: matrices are row-major; slices state their shapes as (rows, columns); a destination may be the same slice as
// an input of the same shape where the operation says "dst may be x", and must not overlap otherwise. Shapes that do not
// fit are a caller's bug and panic with the sizes. Nothing here allocates in steady state: what a product needs beside its
// operands belongs to the Pool.
//
// It is not a tensor library: there are no shapes at run time, no broadcasting, no gradients and no graph.
package kernel
