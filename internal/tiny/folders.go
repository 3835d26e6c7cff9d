package tiny

import (
	"cmp"
	"os"
	"path/filepath"
)

// folder is what sentence-transformers saves beside a checkpoint.
type folder struct {
	of    string // the checkpoint, "" for none
	write func(dir string) error
}

var folders = map[string]folder{
	"st-bert-mean": {"bert", func(dir string) error {
		return cmp.Or(modules(dir, "", "1_Pooling Pooling", "2_Normalize Normalize"), pooling(dir, 64, "mean_tokens", true),
			writeJSON(filepath.Join(dir, "sentence_bert_config.json"), object{"max_seq_length": 24, "do_lower_case": false}))
	}},
	"st-bert-dense": {"bert", func(dir string) error {
		w := &tensors{}
		w.linear("linear", 24, 64, true)
		return cmp.Or(modules(dir, "", "1_Pooling Pooling", "2_Dense Dense", "3_Normalize Normalize"), pooling(dir, 64, "cls_token", true),
			writeJSON(filepath.Join(dir, "sentence_bert_config.json"), object{"max_seq_length": 64, "do_lower_case": false}),
			writeJSON(filepath.Join(dir, "2_Dense", "config.json"), object{"in_features": 64, "out_features": 24, "bias": true, "activation_function": "torch.nn.modules.activation.Tanh"}),
			w.write(filepath.Join(dir, "2_Dense", "model.safetensors")))
	}},
	"st-mpnet-mean-noprompt": {"mpnet", func(dir string) error {
		return cmp.Or(modules(dir, "", "1_Pooling Pooling"), pooling(dir, 64, "mean_tokens", false),
			writeJSON(filepath.Join(dir, "config_sentence_transformers.json"), object{"prompts": object{"query": "search query: ", "passage": "search document: "}, "default_prompt_name": "passage"}))
	}},
	"st-qwen3-prompts": {"qwen3", func(dir string) error {
		return cmp.Or(modules(dir, "", "1_Pooling Pooling", "2_Normalize Normalize"), pooling(dir, 64, "lasttoken", true),
			writeJSON(filepath.Join(dir, "config_sentence_transformers.json"), object{"prompts": object{"query": "Instruct: Given a question, find the documents that answer it\nQuery:", "document": ""},
				"default_prompt_name": nil, "similarity_fn_name": "cosine"}))
	}},
	"st-static": {"", func(dir string) error {
		tokenizer, vocab := bertTokens()
		w := &tensors{}
		w.add("embedding.weight", 0, 1, vocab, 32)
		return cmp.Or(modules(dir, "0_StaticEmbedding StaticEmbedding", "1_Normalize Normalize"),
			writeJSON(filepath.Join(dir, "0_StaticEmbedding", "tokenizer.json"), tokenizer), w.write(filepath.Join(dir, "0_StaticEmbedding", "model.safetensors")))
	}},
}

// modules writes modules.json: each "path type", "" for the transformer in the folder itself.
func modules(dir string, list ...string) error {
	var entries []object
	for i, m := range list {
		path, kind := "", "Transformer"
		for at := range m {
			if m[at] == ' ' {
				path, kind = m[:at], m[at+1:]
			}
		}
		if path != "" {
			if err := os.MkdirAll(filepath.Join(dir, path), 0o755); err != nil {
				return err
			}
		}
		entries = append(entries, object{"idx": i, "name": string(rune('0' + i)), "path": path, "type": "sentence_transformers.models." + kind})
	}
	return writeJSON(filepath.Join(dir, "modules.json"), entries)
}

// pooling writes the settings of a Pooling module, of which one mode is on.
func pooling(dir string, width int, mode string, withPrompt bool) error {
	config := object{"word_embedding_dimension": width, "include_prompt": withPrompt}
	for _, m := range []string{"cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"} {
		config["pooling_mode_"+m] = m == mode
	}
	return writeJSON(filepath.Join(dir, "1_Pooling", "config.json"), config)
}
