package token

// GGUF holds the tokenizer.ggml.* metadata of a GGUF file, under the names of those keys. Ids are -1 and pointers nil where
// the file does not say.
type GGUF struct {
	Model  string    // tokenizer.ggml.model: "llama", "gpt2", "bert" or "t5"
	Pre    string    // tokenizer.ggml.pre: name of the pre-tokenizer of a "gpt2" vocabulary
	Tokens []string  // tokenizer.ggml.tokens
	Scores []float32 // tokenizer.ggml.scores; "llama" and "t5"
	Types  []int32   // tokenizer.ggml.token_type: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
	Merges []string  // tokenizer.ggml.merges; "gpt2"

	BOS, EOS, UNK, SEP, PAD, CLS, MASK int32 // tokenizer.ggml.bos_token_id, eos_, unknown_, seperator_, padding_, cls_, mask_

	AddBOS, AddEOS, AddSEP *bool  // tokenizer.ggml.add_bos_token, add_eos_token, add_sep_token
	AddSpacePrefix         *bool  // tokenizer.ggml.add_space_prefix
	RemoveExtraWhitespaces *bool  // tokenizer.ggml.remove_extra_whitespaces
	Lowercase              *bool  // tokenizer.ggml.normalizer.lowercase; "bert"
	StripAccents           *bool  // tokenizer.ggml.normalizer.strip_accents; "bert"
	CharsMap               []byte // tokenizer.ggml.precompiled_charsmap
}

// FromGGUF makes a tokenizer of the metadata of a GGUF file. An unknown model or pre-tokenizer is refused by name.
func FromGGUF(meta GGUF) (*Tokenizer, error) { return loadGGUF(meta) }
