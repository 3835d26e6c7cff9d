package jinja

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrRefused is the error of a template that calls raise_exception.
var ErrRefused = errors.New("the template refuses")

// globals are the functions that a template always has (transformers 5.23, utils/chat_template_utils.py).
var globals = map[string]any{
	"range": function(numbers), "dict": function(dictOf), "namespace": function(namespaceOf),
	"raise_exception": function(func(r *render, a arguments) any {
		panic(failure{fmt.Errorf("%w: %s", ErrRefused, r.str(a.bind("raise_exception", "message")[0]))})
	}),
	"strftime_now": function(func(r *render, a arguments) any {
		return strftime(r.now, theText("strftime_now", a.bind("strftime_now", "format")[0]))
	}),
	"joiner": unsupported("joiner"), "cycler": unsupported("cycler"), "lipsum": unsupported("lipsum"),
}

func unsupported(name string) function {
	return func(*render, arguments) any {
		fail("the function %s is not supported", name)
		return nil
	}
}

// numbers is Python's range with at most maxRange numbers.
func numbers(r *render, a arguments) any {
	if len(a.names) > 0 || len(a.list) < 1 || len(a.list) > 3 {
		fail("range takes one to three numbers")
	}
	var n [3]int
	for i, v := range a.list {
		n[i] = integer1(v, "a number of range")
	}
	from, to, step := 0, n[0], 1
	if len(a.list) > 1 {
		from, to = n[0], n[1]
	}
	if len(a.list) > 2 {
		step = n[2]
	}
	if step == 0 {
		fail("a range of step 0")
	}
	var items []any
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(items) == maxRange {
			fail("range of more than %d numbers", maxRange)
		}
		items = append(items, i)
	}
	return r.list(kRange, items)
}

func dictOf(r *render, a arguments) any {
	d := &Dict{}
	if len(a.list) > 0 {
		from, ok := a.list[0].(*Dict)
		if !ok || len(a.list) > 1 {
			fail("dict of other than names and a dict is not supported")
		}
		for i, k := range from.keys {
			d.set(r.key(k), from.values[i])
		}
	}
	for i, name := range a.names {
		d.set(name, a.named[i])
	}
	r.spend(64 * len(d.keys))
	return d
}

func namespaceOf(r *render, a arguments) any {
	d := dictOf(r, a).(*Dict)
	n := &namespace{map[string]any{}}
	for i, k := range d.keys {
		name, ok := k.(string)
		if !ok {
			fail("a namespace of other than names")
		}
		n.set(name, d.values[i])
	}
	return n
}

// strftime formats a moment as Python does in the C locale.
func strftime(t time.Time, format string) string {
	layouts := map[byte]string{'d': "02", 'b': "Jan", 'h': "Jan", 'B': "January", 'Y': "2006", 'm': "01", 'y': "06", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
		'p': "PM", 'A': "Monday", 'a': "Mon", 'e': "_2", 'j': "002", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06"}
	short := map[byte]string{'d': "2", 'm': "1", 'I': "3", 'M': "4", 'S': "5"}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		table := layouts
		if i++; i < len(format) && format[i] == '-' {
			table = short
			i++
		}
		switch {
		case i < len(format) && format[i] == '%' && format[i-1] == '%':
			b.WriteByte('%')
		case i < len(format) && table[format[i]] != "":
			b.WriteString(t.Format(table[format[i]]))
		default:
			fail("the date format %.40q is not supported", format)
		}
	}
	return b.String()
}

// toJSON is transformers' tojson: Python's json.dumps, with ensure_ascii off.
func (r *render) toJSON(v any, a arguments) any {
	given := a.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys")
	j := jsonWriter{r: r, comma: ", ", colon: ": ", ascii: r.flag(given[0], false), sort: r.flag(given[3], false)}
	switch in := given[1].(type) {
	case nil:
	case string:
		j.newline, j.indent, j.comma = "\n", in, ","
	default:
		if given[1] != absent {
			j.newline, j.indent, j.comma = "\n", r.repeat(" ", integer1(in, "indent")), ","
		}
	}
	if t, ok := given[2].(*List); ok && len(t.items) == 2 {
		j.comma, j.colon = theText("separators", t.items[0]), theText("separators", t.items[1])
	} else if given[2] != absent && given[2] != nil {
		fail("separators of tojson that are no two texts")
	}
	j.write(v, 0)
	return j.b.String()
}

type jsonWriter struct {
	r               *render
	b               strings.Builder
	newline, indent string
	comma, colon    string
	ascii, sort     bool
}

func (j *jsonWriter) add(s string) {
	j.r.spend(len(s))
	j.b.WriteString(s)
}

func (j *jsonWriter) write(v any, depth int) {
	if j.r.step(); depth > maxDepth {
		fail("lists are nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		j.add("null")
	case bool:
		j.add(strconv.FormatBool(v))
	case int:
		j.add(strconv.Itoa(v))
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			fail("%v as JSON is not supported", v)
		}
		j.add(floatText(v))
	case string:
		j.text(v)
	case *List:
		if v.Unwritable != "" {
			fail("%s", v.Unwritable)
		}
		if v.kind > kTuple {
			fail("%s as JSON", kindOf(v))
		}
		j.within("[", "]", len(v.items), depth, func(i int) { j.write(v.items[i], depth+1) })
	case *Dict:
		if j.sort {
			v = j.r.sortedDict(v)
		}
		j.within("{", "}", len(v.keys), depth, func(i int) {
			switch k := v.keys[i].(type) {
			case string:
				j.text(k)
			default:
				var key jsonWriter
				key.r = j.r
				key.write(k, depth)
				j.text(key.b.String())
			}
			j.add(j.colon)
			j.write(v.values[i], depth+1)
		})
	default:
		fail("%s as JSON", kindOf(v))
	}
}

func (r *render) sortedDict(d *Dict) *Dict {
	out := &Dict{}
	for _, p := range r.sortBy(d.pairs(r), r.getter(0, false), false) {
		pair := p.(*List)
		out.set(pair.items[0], pair.items[1])
	}
	return out
}

// within writes n items between two marks.
func (j *jsonWriter) within(open, shut string, n, depth int, item func(i int)) {
	j.add(open)
	for i := range n {
		if i > 0 {
			j.add(j.comma)
		}
		j.add(j.newline + j.r.repeat(j.indent, depth+1))
		item(i)
	}
	if n > 0 {
		j.add(j.newline + j.r.repeat(j.indent, depth))
	}
	j.add(shut)
}

func (j *jsonWriter) text(s string) {
	j.add(`"`)
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			j.b.WriteByte('\\')
			j.b.WriteRune(c)
		case c < 0x20 && strings.ContainsRune("\b\f\n\r\t", c):
			j.b.WriteString(map[rune]string{'\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}[c])
		case c < 0x20, j.ascii && c >= 0x7f && c < 0x10000 && c != 0x7f:
			fmt.Fprintf(&j.b, `\u%04x`, c)
		case j.ascii && c >= 0x10000:
			fmt.Fprintf(&j.b, `\u%04x\u%04x`, 0xd800+(c-0x10000)>>10, 0xdc00+(c-0x10000)&0x3ff)
		default:
			j.b.WriteRune(c)
		}
	}
	j.r.spend(len(s))
	j.add(`"`)
}
