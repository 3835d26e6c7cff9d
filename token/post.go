package token

// postProcessor puts special tokens around a text, by the template for one text.
type postProcessor []templatePart

// templatePart is the text (ids is nil) or added tokens.
type templatePart struct {
	kind int32
	ids  []int32
}

// plainTemplate adds nothing.
func plainTemplate() postProcessor { return postProcessor{{}} }

// added is the number of tokens that are put around a text.
func (p postProcessor) added() int {
	n := 0
	for i := range p {
		n += len(p[i].ids)
	}
	return n
}

// keep returns how many of n tokens stay where limit ones are left, limit <= 0 meaning all.
func (p postProcessor) keep(n int, addSpecial bool, limit int) int {
	if limit <= 0 {
		return n
	}
	if addSpecial {
		limit = max(0, limit-p.added())
	}
	return min(n, limit)
}

// single appends the ids of one text, cut to limit.
func (p postProcessor) single(dst, ids []int32, addSpecial bool, limit int) []int32 {
	ids = ids[:p.keep(len(ids), addSpecial, limit)]
	for i := range p {
		switch part := &p[i]; {
		case part.ids == nil:
			dst = append(dst, ids...)
		case addSpecial:
			dst = append(dst, part.ids...)
		}
	}
	return dst
}

// spans is single with everything that is known of the tokens.
func (p postProcessor) spans(ids []int32, spans []Span, addSpecial bool, limit int) Encoding {
	n := p.keep(len(ids), addSpecial, limit)
	var e Encoding
	for i := range p {
		switch part := &p[i]; {
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
