package jinja

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Values are Python's: nil (None), bool, int, float64, string, *List, *Dict, and those below.

// undefined is what a name stands for that is not there.
type undefined struct{ name string }

// markup is what the filter safe gives: it can be written, and nothing else.
type markup string

type listKind byte

const (
	kList listKind = iota
	kTuple
	kRange
	kView      // of a dict
	kGenerator // what many filters give: it can be read once
)

// List is a list, or something else with items.
type List struct {
	items []any
	kind  listKind
	read  bool
	// Unwritable makes it an error to write the list, and says which.
	Unwritable string
}

// NewList is a list of values.
func NewList(items ...any) *List { return &List{items: items} }

func (r *render) list(k listKind, items []any) *List {
	r.spend(32 + 48*len(items)) // an item is a pair of words, and what it points at
	return &List{items: items, kind: k}
}

// Dict is a dict, which keeps the order of its keys.
type Dict struct {
	keys, values []any
	at           map[any]int
}

// NewDict is a dict of keys and values in turn.
func NewDict(pairs ...any) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.set(pairs[i], pairs[i+1])
	}
	return d
}

// hashed is a key as a map has it: equal numbers are equal keys.
func hashed(key any) any {
	switch k := key.(type) {
	case nil, string:
		return k
	case bool, int:
		return whole(k)
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<53 {
			return int(k)
		}
		return k
	}
	fail("%s as a key of a dict is not supported", kindOf(key))
	return nil
}

func (d *Dict) set(key, v any) {
	h := hashed(key)
	if i, ok := d.at[h]; ok {
		d.values[i] = v
		return
	}
	if d.at == nil {
		d.at = map[any]int{}
	}
	d.at[h] = len(d.keys)
	d.keys, d.values = append(d.keys, key), append(d.values, v)
}

// key counts the bytes of a key, which a look-up reads.
func (r *render) key(v any) any {
	if s, ok := v.(string); ok {
		r.spend(len(s))
	}
	return v
}

func (d *Dict) get(key any) (any, bool) {
	if i, ok := d.at[hashed(key)]; ok {
		return d.values[i], true
	}
	return nil, false
}

func (d *Dict) pairs(r *render) []any {
	out := make([]any, len(d.keys))
	for i, k := range d.keys {
		out[i] = r.list(kTuple, []any{k, d.values[i]})
	}
	return out
}

// namespace has attributes that a template sets.
type namespace struct{ vars map[string]any }

func (n *namespace) set(name string, v any) {
	if strings.HasPrefix(name, "_") {
		fail("the attribute %s of a namespace begins with _", name)
	}
	n.vars[name] = v
}

// loop is a for's variable of that name.
type loop struct {
	items     []any
	at, depth int
	again     func(any) any // nil where it is not recursive
	last      any           // what changed was given last; nil: nothing
}

// kindOf says what a value is, for errors.
func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a text"
	case undefined:
		return v.name + ", which is not defined,"
	case *List:
		return []string{"a list", "a tuple", "a range", "a view of a dict", "a generator"}[v.kind]
	case *Dict:
		return "a dict"
	case *namespace:
		return "a namespace"
	case markup:
		return "what the filter safe gives"
	}
	return "a function"
}

func isWhole(v any) bool {
	switch v.(type) {
	case bool, int:
		return true
	}
	return false
}

func isNumber(v any) bool {
	_, is := v.(float64)
	return is || isWhole(v)
}

func whole(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case bool:
		if v {
			return 1
		}
	}
	return 0
}

func real64(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	return float64(whole(v))
}

// truth is Python's bool().
func (r *render) truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool, int:
		return whole(v) != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case markup:
		return v != ""
	case *List:
		return v.kind == kGenerator || len(v.items) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// str is Python's str().
func (r *render) str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case undefined:
		return ""
	}
	var b strings.Builder
	r.repr(&b, v, 0)
	return b.String()
}

// repr is Python's repr().
func (r *render) repr(b *strings.Builder, v any, depth int) {
	if r.step(); depth > maxDepth {
		fail("lists are nested more than %d deep", maxDepth)
	}
	n := b.Len()
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int:
		b.WriteString(strconv.Itoa(v))
	case float64:
		b.WriteString(floatText(v))
	case string:
		b.WriteString(quoted(v))
	case undefined:
		b.WriteString("Undefined")
	case *List:
		r.reprList(b, v, depth)
		return
	case *Dict:
		for i, k := range v.keys {
			b.WriteString(map[bool]string{true: "{", false: ", "}[i == 0])
			r.repr(b, k, depth+1)
			b.WriteString(": ")
			r.repr(b, v.values[i], depth+1)
		}
		b.WriteString(map[bool]string{true: "{}", false: "}"}[len(v.keys) == 0])
		return
	default:
		fail("%s is written, which is not supported", kindOf(v))
	}
	r.spend(b.Len() - n)
}

func (r *render) reprList(b *strings.Builder, l *List, depth int) {
	switch {
	case l.Unwritable != "":
		fail("%s", l.Unwritable)
	case l.kind != kList && l.kind != kTuple:
		fail("%s is written, which is not supported", kindOf(l))
	}
	marks := "[]"
	if l.kind == kTuple {
		marks = "()"
	}
	b.WriteByte(marks[0])
	for i, item := range l.items {
		if i > 0 {
			b.WriteString(", ")
		}
		r.repr(b, item, depth+1)
	}
	if l.kind == kTuple && len(l.items) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(marks[1])
}

// floatText is Python's repr of a float.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return map[bool]string{true: "inf", false: "-inf"}[f > 0]
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quoted is Python's repr of a text.
func quoted(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, c := range s {
		switch {
		case c == rune(quote) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n' || c == '\r' || c == '\t':
			b.WriteString(map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}[c])
		case c == ' ' || unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x100:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

// equal is Python's ==.
func (r *render) equal(a, b any, depth int) bool {
	if r.step(); depth > maxDepth {
		fail("lists are nested more than %d deep", maxDepth)
	}
	if isNumber(a) && isNumber(b) {
		if isWhole(a) && isWhole(b) {
			return whole(a) == whole(b)
		}
		return real64(a) == real64(b)
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		r.spend(min(len(x), len(y)))
		return ok && x == y
	case undefined:
		_, ok := b.(undefined)
		return ok
	case *List:
		y, ok := b.(*List)
		if ok && x != y && (x.kind != y.kind || x.kind == kView) && x.kind != kGenerator && max(x.kind, y.kind) > kTuple {
			fail("%s is compared with %s, which is not supported", kindOf(a), kindOf(b))
		}
		return ok && (x == y || x.kind == y.kind && x.kind != kGenerator && slices.EqualFunc(x.items, y.items, func(a, b any) bool { return r.equal(a, b, depth+1) }))
	case *Dict:
		y, ok := b.(*Dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false
		}
		for i, k := range x.keys {
			if v, has := y.get(r.key(k)); !has || !r.equal(x.values[i], v, depth+1) {
				return false
			}
		}
		return true
	case *namespace:
		return a == b
	case markup:
		fail("%s is compared, which is not supported", kindOf(a))
	}
	if _, ok := b.(markup); ok {
		fail("%s is compared, which is not supported", kindOf(b))
	}
	switch a.(type) {
	case bool, int, float64:
		return false
	}
	fail("%s is compared, which is not supported", kindOf(a))
	return false
}

// order is -1, 0 or 1 as a is less than, equal to or greater than b; 2 where they are not numbers.
func (r *render) order(a, b any, depth int) int {
	if r.step(); depth > maxDepth {
		fail("lists are nested more than %d deep", maxDepth)
	}
	switch x := a.(type) {
	case bool, int, float64:
		if isNumber(b) {
			if isWhole(a) && isWhole(b) {
				return cmp.Compare(whole(a), whole(b))
			}
			if math.IsNaN(real64(a)) || math.IsNaN(real64(b)) {
				return 2
			}
			return cmp.Compare(real64(a), real64(b))
		}
	case string:
		if y, ok := b.(string); ok {
			r.spend(min(len(x), len(y)))
			return strings.Compare(x, y)
		}
	case *List:
		if y, ok := b.(*List); ok && x.kind == y.kind && x.kind <= kTuple {
			for i := range min(len(x.items), len(y.items)) {
				if !r.equal(x.items[i], y.items[i], depth+1) {
					return r.order(x.items[i], y.items[i], depth+1)
				}
			}
			return cmp.Compare(len(x.items), len(y.items))
		}
	}
	fail("%s and %s have no order", kindOf(a), kindOf(b))
	return 0
}

// contains is Python's in.
func (r *render) contains(in, v any) bool {
	switch x := in.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			fail("%s in a text", kindOf(v))
		}
		r.spend(len(x))
		return strings.Contains(x, s)
	case *Dict:
		if _, ok := v.(undefined); ok {
			return false
		}
		_, ok := x.get(r.key(v))
		return ok
	}
	return slices.ContainsFunc(r.iterate(in), func(item any) bool { return r.equal(item, v, 0) })
}

// iterate gives the items of a value.
func (r *render) iterate(v any) []any {
	switch v := v.(type) {
	case undefined:
		return nil
	case string:
		r.spend(16 * len(v))
		items := make([]any, 0, utf8.RuneCountInString(v))
		for _, c := range v {
			items = append(items, string(c))
		}
		return items
	case *Dict:
		r.spend(16 * len(v.keys))
		return v.keys
	case *List:
		if v.kind == kGenerator {
			if v.read {
				return nil
			}
			v.read = true
		}
		r.spend(16 * len(v.items))
		return v.items
	}
	fail("%s has no items", kindOf(v))
	return nil
}

// length is Python's len().
func (r *render) length(v any) int {
	switch v := v.(type) {
	case undefined:
		return 0
	case string:
		r.spend(len(v))
		return utf8.RuneCountInString(v)
	case *Dict:
		return len(v.keys)
	case *List:
		if v.kind != kGenerator {
			return len(v.items)
		}
	}
	fail("%s has no length", kindOf(v))
	return 0
}

// attribute is v.name: Jinja looks for an attribute of the object before an item.
func (r *render) attribute(v any, name string) any {
	if x, ok := v.(undefined); ok {
		fail("%s is not defined", x.name)
	}
	if found := r.own(v, name); found != absent {
		return found
	}
	if d, ok := v.(*Dict); ok {
		if item, has := d.get(name); has {
			return item
		}
	}
	return undefined{name}
}

// index is v[i]: Jinja looks for an item before an attribute of the object.
func (r *render) index(v, i any) any {
	if x, ok := v.(undefined); ok {
		fail("%s is not defined", x.name)
	}
	name, isName := i.(string)
	switch x := v.(type) {
	case *Dict:
		switch i.(type) {
		case *List, *Dict, undefined:
			return undefined{"an item"}
		}
		if item, has := x.get(r.key(i)); has {
			return item
		}
	case string:
		if isWhole(i) {
			r.spend(len(x))
			if c := []rune(x); whole(i) < len(c) && whole(i) >= -len(c) {
				return string(c[(whole(i)+len(c))%len(c)])
			}
		}
	case *List:
		if n := len(x.items); isWhole(i) && x.kind <= kRange && whole(i) < n && whole(i) >= -n {
			return x.items[(whole(i)+n)%n]
		}
	}
	if isName {
		if found := r.own(v, name); found != absent {
			return found
		}
	}
	return undefined{"an item"}
}

// own is an attribute that an object has of itself, absent where it has none.
func (r *render) own(v any, name string) any {
	if strings.HasPrefix(name, "__") {
		fail("the attribute %s is not supported", name)
	}
	switch v := v.(type) {
	case *loop:
		return v.attribute(r, name)
	case *namespace:
		if r.filtering {
			fail("a namespace in a loop's if is not supported")
		}
		if item, ok := v.vars[name]; ok {
			return item
		}
		return absent
	case string:
		return method(stringMethods, name, v, "capitalize casefold encode expandtabs format_map isidentifier isprintable maketrans translate")
	case *Dict:
		return method(dictMethods, name, v, "clear fromkeys pop popitem setdefault update")
	case *List:
		switch v.kind {
		case kList, kTuple:
			return method(listMethods, name, v, "append clear copy extend insert pop remove reverse sort")
		case kGenerator:
			return method(nil, name, v, "send throw close gi_frame gi_running gi_code gi_yieldfrom gi_suspended")
		}
		return method(nil, name, v, "start stop step count index mapping isdisjoint")
	case bool, int, float64:
		return method(nil, name, v, "as_integer_ratio bit_count bit_length conjugate denominator from_bytes fromhex hex imag is_integer numerator real to_bytes")
	case markup, *closure, function:
		fail("the attribute %s of %s is not supported", name, kindOf(v))
	}
	return absent
}

// method is a method of a value; refused are names of Python's that are not here.
func method[T any](set map[string]func(*render, T, arguments) any, name string, self T, refused string) any {
	if m, ok := set[name]; ok {
		return function(func(r *render, a arguments) any { return m(r, self, a) })
	}
	if slices.Contains(strings.Fields(refused), name) {
		fail("the method %s of %s is not supported", name, kindOf(self))
	}
	return absent
}

func (l *loop) attribute(r *render, name string) any {
	n := len(l.items)
	switch name {
	case "index":
		return l.at + 1
	case "index0":
		return l.at
	case "first":
		return l.at == 0
	case "last":
		return l.at == n-1
	case "length":
		return n
	case "revindex":
		return n - l.at
	case "revindex0":
		return n - l.at - 1
	case "depth":
		return l.depth + 1
	case "depth0":
		return l.depth
	case "previtem":
		if l.at == 0 {
			return undefined{"loop.previtem"}
		}
		return l.items[l.at-1]
	case "nextitem":
		if l.at == n-1 {
			return undefined{"loop.nextitem"}
		}
		return l.items[l.at+1]
	case "cycle":
		return function(func(_ *render, a arguments) any {
			if len(a.list) == 0 || len(a.names) > 0 {
				fail("loop.cycle without values")
			}
			return a.list[l.at%len(a.list)]
		})
	case "changed":
		return function(func(r *render, a arguments) any {
			given := r.list(kTuple, a.list)
			changed := l.last == nil || !r.equal(l.last, given, 0)
			l.last = given
			return changed
		})
	}
	return absent
}
