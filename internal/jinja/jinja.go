// Package jinja renders chat templates: the part of Jinja 3.1 that they use, over Python's values, as transformers sets it up (trim_blocks,
// lstrip_blocks, break and continue, generation, tojson, raise_exception, strftime_now, an immutable sandbox). What it does not know is an error
// that names it. Its standard is that it never renders a template otherwise than Jinja does.
//
// It is not for templates of other kinds: it knows no files, no inheritance, no escaping for HTML.
package jinja

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// What a template and one rendering may take. Chat templates loop over a few messages, with tens of steps for each.
const (
	maxTag    = 32 << 10 // bytes of a tag
	maxNested = 400      // of the parser's functions that call themselves: three for a pair of brackets
	maxRange  = 10_000   // numbers of one range()
	maxSteps  = 1 << 18  // expressions and statements
	maxBytes  = 64 << 20 // of all texts and lists that it makes or reads
	maxOut    = 8 << 20  // bytes of a rendering
	maxCalls  = 100      // of macros within each other
	maxDeep   = 5000     // of expressions within each other
	maxDepth  = 100      // of lists in lists
)

// Template is a parsed template. It is safe for concurrent use.
type Template struct {
	body []stmt
}

// Parse reads a template.
func Parse(source string) (t *Template, err error) {
	list, err := lex(source)
	if err != nil {
		return nil, err
	}
	defer func() { catch(recover(), &err) }()
	p := &parser{src: source, list: list}
	body, _ := p.body()
	return &Template{body}, nil
}

// Render renders the template with variables at a moment, which strftime_now writes. Values are what NewDict and NewList give, strings, bools, ints,
// float64s and nil.
func (t *Template) Render(vars map[string]any, now time.Time) (out string, err error) {
	defer func() { catch(recover(), &err) }()
	r := &render{now: now}
	top := &scopeOf{vars: map[string]any{}}
	for name, v := range vars {
		top.vars[name] = v
	}
	var b strings.Builder
	r.run(t.body, &scopeOf{vars: map[string]any{}, outer: top}, &b)
	return b.String(), nil
}

// failure is what this package throws, and catches before it returns.
type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// catch makes an error of a failure.
func catch(thrown any, err *error) {
	switch f := thrown.(type) {
	case nil:
	case failure:
		*err = f.error
	default:
		if e, ok := thrown.(runtime.Error); ok {
			*err = fmt.Errorf("%w", e)
			return
		}
		panic(thrown)
	}
}

// render is one rendering, held to its limits.
type render struct {
	now          time.Time
	steps, bytes int
	calls, deep  int
	filtering    bool // the filter of a loop is evaluated, before its body runs: Jinja evaluates it between the rounds
}

func (r *render) step() {
	if r.steps++; r.steps > maxSteps {
		fail("it takes more than %d steps", maxSteps)
	}
}

// spend counts bytes that are made or read.
func (r *render) spend(n int) {
	if r.bytes += n; n < 0 || n > maxBytes || r.bytes > maxBytes {
		fail("it makes texts and lists of more than %d bytes", maxBytes)
	}
}

// write writes to the rendering, or to a block of it.
func (r *render) write(b *strings.Builder, s string) {
	r.spend(len(s))
	if b.Len()+len(s) > maxOut {
		fail("it writes more than %d bytes", maxOut)
	}
	b.WriteString(s)
}

// scopeOf are the variables of a block.
type scopeOf struct {
	vars  map[string]any
	outer *scopeOf
}

func (s *scopeOf) inner() *scopeOf { return &scopeOf{map[string]any{}, s} }

func (s *scopeOf) get(name string) any {
	for at := s; at != nil; at = at.outer {
		if v, ok := at.vars[name]; ok {
			return v
		}
	}
	if f, ok := globals[name]; ok {
		return f
	}
	return undefined{name}
}
