// Package prompt turns a query or a document into the exact string that a language model is given: chat templates rendered
// from what the checkpoint ships (Jinja), and named recipes (the one-word prompt, PromptReps, Echo, instructions, prefix
// pairs, none), cut where the recipe cuts. It also holds PromptReps' rule that makes a sparse vector of next-token logits.
//
// It does not run models: package model does, on the strings made here.
package prompt
