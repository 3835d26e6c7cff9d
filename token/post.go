package token

// postProcessor puts special tokens around texts: a template each for one text and for two.
type postProcessor struct {
	one, two []templatePart
}

// templatePart is a text (ids is nil) or added tokens.
type templatePart struct {
	second bool // the second text
	kind   int32
	ids    []int32
}

// plainTemplates add nothing.
func plainTemplates() postProcessor {
	return postProcessor{one: []templatePart{{}}, two: []templatePart{{}, {second: true, kind: 1}}}
}

// added is the number of tokens that are put around one text or a pair.
func (p *postProcessor) added(pair bool) int {
	parts := p.one
	if pair {
		parts = p.two
	}
	n := 0
	for i := range parts {
		n += len(parts[i].ids)
	}
	return n
}

// keep returns how many of n tokens stay where limit ones are left, limit <= 0 meaning all.
func (p *postProcessor) keep(n int, addSpecial bool, limit int) int {
	if limit <= 0 {
		return n
	}
	if addSpecial {
		limit = max(0, limit-p.added(false))
	}
	return min(n, limit)
}

// single appends the ids of one text, cut to limit.
func (p *postProcessor) single(dst, ids []int32, addSpecial bool, limit int) []int32 {
	ids = ids[:p.keep(len(ids), addSpecial, limit)]
	for i := range p.one {
		switch part := &p.one[i]; {
		case part.ids == nil:
			dst = append(dst, ids...)
		case addSpecial:
			dst = append(dst, part.ids...)
		}
	}
	return dst
}

// pair appends the ids of two texts.
func (p *postProcessor) pair(dst, a, b []int32, addSpecial bool) []int32 {
	for i := range p.two {
		switch part := &p.two[i]; {
		case part.ids == nil && part.second:
			dst = append(dst, b...)
		case part.ids == nil:
			dst = append(dst, a...)
		case addSpecial:
			dst = append(dst, part.ids...)
		}
	}
	return dst
}

// spans is single with everything that is known of the tokens.
func (p *postProcessor) spans(ids []int32, spans []Span, addSpecial bool, limit int) Encoding {
	n := p.keep(len(ids), addSpecial, limit)
	var e Encoding
	for i := range p.one {
		switch part := &p.one[i]; {
		case part.ids == nil:
			e.IDs, e.Spans = append(e.IDs, ids[:n]...), append(e.Spans, spans[:n]...)
			e.grow(part.kind, false)
		case addSpecial:
			e.IDs = append(e.IDs, part.ids...)
			e.Spans = append(e.Spans, make([]Span, len(part.ids))...)
			e.grow(part.kind, true)
		}
	}
	return e
}

// grow makes Types and Added as long as IDs.
func (e *Encoding) grow(kind int32, added bool) {
	for len(e.Types) < len(e.IDs) {
		e.Types, e.Added = append(e.Types, kind), append(e.Added, added)
	}
}
