package model

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestIDKnowsTheLimit changes the length that texts are cut to, under each name that sentence-transformers has had for the file: the ID
// changes with it.
func TestIDKnowsTheLimit(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tiny.Model(t, "st-bert-mean"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
		"sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json"} {
		ids, path := map[string]bool{}, filepath.Join(dir, name)
		for limit, content := range map[int]string{8: `{"max_seq_length":8}`, 4: `{"max_seq_length":4}`} {
			write(t, path, content)
			m := openModel(t, dir, Options{Threads: 1})
			if m.recipe.maxTokens != limit {
				t.Errorf("%s: texts are cut to %d tokens, want %d", name, m.recipe.maxTokens, limit)
			}
			ids[m.ID()] = true
		}
		if len(ids) != 2 {
			t.Errorf("%s: texts are cut to 8 and to 4 tokens, the ID is the same", name)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestIDKnowsTheTemplate: prompts of chat recipes are rendered by the folder's template, so the ID changes with it.
func TestIDKnowsTheTemplate(t *testing.T) {
	dir := changed(t, "qwen2", "use_cache", "false")
	ids := map[string]bool{}
	for _, template := range []string{"{{ messages[0].content }}", "<{{ messages[0].content }}>"} {
		write(t, filepath.Join(dir, "chat_template.jinja"), template)
		ids[openModel(t, dir, Options{Threads: 1}).ID()] = true
	}
	if len(ids) != 2 {
		t.Error("another chat template, the same ID")
	}
}
