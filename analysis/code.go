package analysis

// code splits identifiers into their words and keeps the whole too.
type code struct{}

func (code) Name() string { return "code" }

func (code) Analyze(text string, t *Tokens) { english{}.Analyze(text, t) }

func languages() []string { return nil }
