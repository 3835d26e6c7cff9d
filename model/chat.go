package model

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/prompt"
)

// notVariables are arguments of transformers' apply_chat_template that are no variables of the template's (5.23, tokenization_utils_base.py).
var notVariables = []string{"conversation", "messages", "tools", "documents", "chat_template", "continue_final_message", "tokenize", "sanitize_control_tokens",
	"padding", "truncation", "max_length", "return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs", "common_kwargs"}

// message reads how a Transformer module makes chat messages of texts; nil where it does not (sentence-transformers 6.2,
// base/modules/transformer.py).
func (c *config) message(ways *config) *prompt.ChatOptions {
	m := ways.object("message")
	if m == nil {
		return nil
	}
	m.forward()
	for _, name := range slices.Sorted(maps.Keys(ways.fields)) {
		if name != "message" && name != "text" {
			c.fail("modality_config has message and %s: a processor of several media makes the message, which is not supported", name)
		}
	}
	if c.flag("do_lower_case", false) {
		c.fail("do_lower_case with message in modality_config is not supported")
	}
	o := &prompt.ChatOptions{Format: prompt.Format(m.text("", "format")), Vars: map[string]any{}}
	if p := c.object("processing_kwargs"); p != nil {
		p.chatVariables(o)
		c.err = errors.Join(c.err, p.err)
	}
	c.err = errors.Join(c.err, m.err)
	return o
}

// chatVariables reads processing_kwargs: variables of the template, and restore_suffix.
func (c *config) chatVariables(o *prompt.ChatOptions) {
	for _, name := range slices.Sorted(maps.Keys(c.fields)) {
		if name != "chat_template" {
			c.fail("processing_kwargs %s %v is not supported", name, c.fields[name])
		}
	}
	vars := c.object("chat_template")
	if vars == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(vars.fields)) {
		v := vars.fields[name]
		_, text := v.(string)
		flag, truth := v.(bool)
		switch {
		case name == "restore_suffix" && truth:
			o.Cut = !flag
		case name == "restore_suffix", !text && !truth, slices.Contains(notVariables, name):
			c.fail("processing_kwargs chat_template %s %v is not supported", name, v)
		default:
			o.Vars[name] = v
		}
	}
}

// openChat opens the chat template that the recipe's messages need.
func (c *checkpoint) openChat(dir string) error {
	if exists(dir, "processor_config.json") {
		return fmt.Errorf("model: %s: modality_config has message, and a processor of several media makes it, which is not supported", filepath.Join(dir, "processor_config.json"))
	}
	t, err := prompt.OpenTemplate(c.textFolder)
	if errors.Is(err, prompt.ErrNoTemplate) {
		return fmt.Errorf("model: modality_config has message: %w: write it to chat_template.jinja there, or take message out of sentence_bert_config.json", err)
	}
	if err != nil {
		return fmt.Errorf("model: modality_config has message: %w", err)
	}
	if c.recipe.chat, err = prompt.NewChat(t, *c.recipe.message); err != nil {
		return err
	}
	c.recipe.special = false
	return nil
}

// checkChat refuses a template by which no text can be encoded, on neither side.
func (m *Model) checkChat() error {
	if m.recipe.chat == nil {
		return nil
	}
	var errs []error
	for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
		if _, err := m.message(side, ""); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < 2 {
		return nil
	}
	return fmt.Errorf("model: %w", errs[1])
}

// message is the chat message of a text on a side, behind the prompt of the side.
func (m *Model) message(side labrador.Side, text string) (string, error) {
	prompt, err := m.Prompt(side)
	if err != nil {
		return "", err
	}
	return m.recipe.chat.Text(side, prompt, text)
}

// chatNotes say what becomes of a text.
func (m *Model) chatNotes() []string {
	notes := []string{"Makes every text the message of a user in the model's chat template, behind a system message where there is a prompt."}
	seen := map[string]bool{}
	for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
		text, err := m.message(side, "TEXT")
		switch {
		case err != nil:
			notes = append(notes, fmt.Sprintf("Cannot encode with the prompt for the side %s: %v.", side, err))
		case !seen[text]:
			notes = append(notes, fmt.Sprintf("On the side %s TEXT becomes %q.", side, text))
		}
		seen[text] = true
	}
	if m.recipe.excludePrompt {
		notes = append(notes, "Pools over the whole message: without its prompt is not possible in a chat template, and sentence-transformers does not.")
	}
	if m.Dated() {
		notes = append(notes, "The chat template may write today's date: vectors of different days do not match.")
	}
	return notes
}

// Dated says that what texts become may have the date of the day, so that vectors of different days do not match.
func (m *Model) Dated() bool { return m.recipe.chat != nil && m.recipe.chat.Dated() }

// input is an item as the tokenizer is given it.
func (m *Model) input(ctx context.Context, side labrador.Side, prompt string, it labrador.Item) (string, error) {
	if m.recipe.chat == nil {
		return m.text(prompt, it), nil
	}
	if err := ctx.Err(); err != nil { // a template may take its time
		return "", err
	}
	text, err := m.recipe.chat.Text(side, prompt, m.text("", it))
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	return text, nil
}

// restoreEnds puts the ends of chat messages over the last tokens of those that may have been cut.
func (m *Model) restoreEnds(side labrador.Side, prompt string, ids [][]int32, limit int) {
	if m.recipe.chat == nil || limit == 0 {
		return
	}
	end := sync.OnceValue(func() []int32 { return m.recipe.chat.End(m.tokenizer, side, prompt) })
	for _, list := range ids {
		if len(list) >= limit {
			end := end()
			n := min(len(list), len(end))
			copy(list[len(list)-n:], end[len(end)-n:])
		}
	}
}
