package tiny

import (
	"fmt"
	"slices"
	"strings"
)

// words are what the vocabularies know beside single letters: prose, code, and endings.
var words = strings.Fields(`the of and to in a is that for on with as by this from are be an or which at it was not have has were can
	index query search document corpus reader text returns return error func if nil left next one read write file list find found rank model token
	parse string int value name key map field line number time data word vector score result first last new set get open close
	retrieval person asked before rest all documents protein binds receptor fever trial patients question table select`)

var endings = []string{"s", "ed", "ing", "er", "ly", "tion", "ment", "al", "ic", "es"}

// letters are the printable ASCII characters.
func letters() []string {
	var list []string
	for c := '!'; c <= '~'; c++ {
		list = append(list, string(c))
	}
	return list
}

// vocabulary numbers tokens in order, each once.
type vocabulary struct {
	ids  map[string]int
	list []string
}

func (v *vocabulary) add(tokens ...string) {
	if v.ids == nil {
		v.ids = map[string]int{}
	}
	for _, t := range tokens {
		if _, ok := v.ids[t]; !ok {
			v.ids[t] = len(v.list)
			v.list = append(v.list, t)
		}
	}
}

type object = map[string]any

func (v *vocabulary) special(names ...string) []object {
	v.add(names...)
	var added []object
	for _, name := range names {
		added = append(added, object{"id": v.ids[name], "content": name, "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false})
	}
	return added
}

// around is a post-processor that puts tokens before and behind a text; either may be missing.
func (v *vocabulary) around(before, behind string) object {
	text, tokens := object{"Sequence": object{"id": "A", "type_id": 0}}, object{}
	single := []object{text}
	special := func(name string) object {
		tokens[name] = object{"id": name, "ids": []int{v.ids[name]}, "tokens": []string{name}}
		return object{"SpecialToken": object{"id": name, "type_id": 0}}
	}
	if before != "" {
		single = slices.Insert(single, 0, special(before))
	}
	if behind != "" {
		single = append(single, special(behind))
	}
	pair := append(slices.Clone(single), object{"Sequence": object{"id": "B", "type_id": 1}})
	return object{"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}
}

// robertaAround is RoBERTa's post-processor.
func (v *vocabulary) robertaAround() object {
	return object{"type": "RobertaProcessing", "sep": []any{"</s>", v.ids["</s>"]}, "cls": []any{"<s>", v.ids["<s>"]}, "trim_offsets": true, "add_prefix_space": false}
}

// file is a tokenizer.json.
func (v *vocabulary) file(added []object, normalizer, pre, post, decoder any, model object) (any, int) {
	return object{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": pre,
		"post_processor": post, "decoder": decoder, "model": model}, len(v.list)
}

// merges adds what merging a word's letters from left to right makes, and returns the pairs; space stands for a blank before a word.
func (v *vocabulary) merges(space string) [][2]string {
	var pairs [][2]string
	merge := func(word string) {
		runes := strings.Split(word, "")
		for at := runes[0]; len(runes) > 1; runes = runes[1:] {
			pair := [2]string{at, runes[1]}
			if at += runes[1]; v.ids[at] == 0 {
				v.add(at)
				pairs = append(pairs, pair)
			}
		}
	}
	for _, w := range append(slices.Clone(words), endings...) {
		merge(w)
		merge(space + w)
	}
	return pairs
}

// byteLetters are the characters that stand for the 256 bytes in GPT-2's byte-level BPE: printable ones for themselves, others from U+0100 on.
func byteLetters() []string {
	var list []string
	next := rune(0x100)
	for b := range rune(256) {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			list = append(list, string(b))
		} else {
			list = append(list, string(next))
			next++
		}
	}
	return list
}

// byteLevel is a byte-level BPE, its special tokens first or last.
func byteLevel(normalizer, pre any, first []string, last []string, post func(v *vocabulary) any) (any, int) {
	v := &vocabulary{}
	added := v.special(first...)
	v.add(byteLetters()...)
	pairs := v.merges("Ġ")
	vocab := object{}
	for i, t := range v.list {
		vocab[t] = i
	}
	added = append(added, v.special(last...)...)
	return v.file(added, normalizer, pre, post(v), object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		object{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil, "fuse_unk": false,
			"byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": pairs})
}

// splitBy is a pre-tokenizer that splits by a pattern and then into bytes.
func splitBy(digits string) object {
	pattern := `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|` + digits + `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	return object{"type": "Sequence", "pretokenizers": []object{
		{"type": "Split", "pattern": object{"Regex": pattern}, "behavior": "Isolated", "invert": false},
		{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}}}
}

// tokenizerConfig is a tokenizer_config.json. sentence-transformers pads with one of the tokens that it names, and leaves the last one out of a prompt's length.
func tokenizerConfig(file any) object {
	config := object{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 256}
	for _, added := range file.(object)["added_tokens"].([]object) {
		switch added["content"] {
		case "[PAD]", "<pad>", "<|endoftext|>":
			config["pad_token"] = added["content"]
		case "[SEP]", "</s>":
			config["sep_token"] = added["content"]
		}
	}
	return config
}

func qwenTokens() (any, int) {
	return byteLevel(object{"type": "NFC"}, splitBy(`\p{N}`), nil, []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"},
		func(v *vocabulary) any {
			return object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}
		})
}

func llamaTokens() (any, int) {
	return byteLevel(nil, splitBy(`\p{N}{1,3}`), nil, []string{"<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"},
		func(v *vocabulary) any { return v.around("<|begin_of_text|>", "") })
}

var gpt2Splits = object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}

func robertaTokens() (any, int) {
	return byteLevel(nil, gpt2Splits, []string{"<s>", "<pad>", "</s>", "<unk>", "<mask>"}, nil, func(v *vocabulary) any { return v.robertaAround() })
}

func modernTokens() (any, int) {
	return byteLevel(object{"type": "NFC"}, gpt2Splits, nil, []string{"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"},
		func(v *vocabulary) any { return v.around("[CLS]", "[SEP]") })
}

// sentencePieceTokens are Llama 2's, Mistral's and Gemma's kind: BPE of characters, a letter that it lacks as its bytes.
func sentencePieceTokens() (any, int) {
	v := &vocabulary{}
	added := v.special("<unk>", "<s>", "</s>")
	for b := range 256 {
		v.add(fmt.Sprintf("<0x%02X>", b))
	}
	v.add("▁")
	v.add(letters()...)
	pairs := v.merges("▁")
	return v.file(added,
		object{"type": "Sequence", "normalizers": []object{{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": object{"String": " "}, "content": "▁"}}},
		nil, v.around("<s>", ""),
		object{"type": "Sequence", "decoders": []object{{"type": "Replace", "pattern": object{"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
			{"type": "Strip", "content": " ", "start": 1, "stop": 0}}},
		object{"type": "BPE", "dropout": nil, "unk_token": "<unk>", "continuing_subword_prefix": nil, "end_of_word_suffix": nil, "fuse_unk": true, "byte_fallback": true,
			"ignore_merges": false, "vocab": v.ids, "merges": pairs})
}

// wordPiece is BERT's kind, lower case.
func wordPiece(post func(v *vocabulary) any, unknown string, special ...string) (any, int) {
	v := &vocabulary{}
	added := v.special(special...)
	for _, c := range letters() {
		if c == strings.ToLower(c) {
			v.add(c, "##"+c)
		}
	}
	v.add(words...)
	for _, e := range endings {
		v.add("##" + e)
	}
	return v.file(added, object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": nil, "lowercase": true},
		object{"type": "BertPreTokenizer"}, post(v), object{"type": "WordPiece", "prefix": "##", "cleanup": true},
		object{"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": v.ids})
}

func bertTokens() (any, int) {
	return wordPiece(func(v *vocabulary) any { return v.around("[CLS]", "[SEP]") }, "[UNK]", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
}

func mpnetTokens() (any, int) {
	return wordPiece(func(v *vocabulary) any { return v.robertaAround() }, "[UNK]", "<s>", "<pad>", "</s>", "[UNK]", "<mask>")
}

// unigram is SentencePiece's unigram language model: longer pieces are likelier than their parts.
func unigram(post func(v *vocabulary) any, unknown string, special ...string) (any, int) {
	v := &vocabulary{}
	added := v.special(special...)
	pieces := [][2]any{}
	for range v.list {
		pieces = append(pieces, [2]any{v.list[len(pieces)], 0.0})
	}
	add := func(score float64, tokens ...string) {
		for _, t := range tokens {
			if v.ids[t] == 0 {
				v.add(t)
				pieces = append(pieces, [2]any{t, score - float64(len(pieces))/256})
			}
		}
	}
	add(-3, "▁")
	for _, w := range words {
		add(-5, "▁"+w)
	}
	add(-6, endings...)
	add(-8, letters()...)
	metaspace := object{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}
	return v.file(added, object{"type": "NFKC"}, metaspace, post(v), metaspace, object{"type": "Unigram", "unk_id": v.ids[unknown], "byte_fallback": false, "vocab": pieces})
}

func xlmTokens() (any, int) {
	return unigram(func(v *vocabulary) any { return v.around("<s>", "</s>") }, "<unk>", "<s>", "<pad>", "</s>", "<unk>", "<mask>")
}

func t5Tokens() (any, int) {
	return unigram(func(v *vocabulary) any { return v.around("", "</s>") }, "<unk>", "<pad>", "</s>", "<unk>")
}
