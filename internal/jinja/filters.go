package jinja

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

type filterFunc func(r *render, v any, a arguments) any

// filters are Jinja's own (jinja2 3.1, filters.py), and transformers' tojson. Those of HTML, of chance and of other files are not here.
var filters map[string]filterFunc

func init() { // they call each other by their names
	filters = map[string]filterFunc{
		"abs": (*render).abs, "attr": (*render).attr, "count": lengthOf, "length": lengthOf, "d": (*render).byDefault, "default": (*render).byDefault,
		"dictsort": (*render).dictSort, "first": (*render).first, "last": (*render).last, "float": (*render).float, "int": (*render).int,
		"items": (*render).itemsOf, "join": (*render).join, "list": (*render).listOf, "map": (*render).mapped, "max": extreme(1), "min": extreme(-1),
		"reject": picked(false, false), "select": picked(true, false), "rejectattr": picked(false, true), "selectattr": picked(true, true),
		"reverse": (*render).reversed, "round": (*render).round, "sort": (*render).sorted, "sum": (*render).sum, "unique": (*render).unique,
		"tojson": (*render).toJSON, "safe": (*render).safe,
		"format": (*render).formatFilter, "indent": (*render).indent, "string": ofText("string", func(_ *render, s string, _ []any) any { return s }),
		"title":      ofText("title", func(_ *render, s string, _ []any) any { return titleWords(s) }),
		"trim":       ofText("trim", func(_ *render, s string, a []any) any { return trimmed(s, a[0], true, true) }, "chars"),
		"upper":      ofText("upper", func(_ *render, s string, _ []any) any { return upper(s) }),
		"lower":      ofText("lower", func(_ *render, s string, _ []any) any { return lower(s) }),
		"capitalize": ofText("capitalize", func(_ *render, s string, _ []any) any { return capitalized(s) }),
		"wordcount":  ofText("wordcount", func(_ *render, s string, _ []any) any { return len(strings.FieldsFunc(s, notWord)) }),
		"replace": ofText("replace", func(r *render, s string, a []any) any {
			return r.replaced(s, r.str(a[0]), r.str(a[1]), a[2])
		}, "old", "new", "count"),
		"center": ofText("center", func(r *render, s string, a []any) any {
			return r.padded(s, number80(a[0]), " ", middle)
		}, "width"),
	}
}

func lengthOf(r *render, v any, a arguments) any {
	a.bind("length")
	return r.length(v)
}

// ofText is a filter of a value's text, with parameters.
func ofText(name string, f func(r *render, s string, given []any) any, params ...string) filterFunc {
	return func(r *render, v any, a arguments) any {
		s := r.str(v)
		if _, ok := v.(markup); ok && name != "string" {
			fail("%s of what the filter safe gives is not supported", name)
		}
		r.spend(len(s))
		out := f(r, s, a.bind(name, params...))
		if text, ok := out.(string); ok {
			r.spend(len(text))
		}
		return out
	}
}

func number80(v any) int {
	if v == absent {
		return 80
	}
	return integer1(v, "width")
}

// integer1 is an argument that must be a whole number.
func integer1(v any, name string) int {
	if !isWhole(v) {
		fail("%s is %s, not a number", name, kindOf(v))
	}
	return whole(v)
}

// flag is the truth of an argument, or its default.
func (r *render) flag(v any, none bool) bool {
	if v == absent {
		return none
	}
	return r.truth(v)
}

func (r *render) safe(v any, a arguments) any {
	a.bind("safe")
	return markup(r.str(v))
}

func (r *render) byDefault(v any, a arguments) any {
	given := a.bind("default", "default_value", "boolean")
	if given[0] == absent {
		given[0] = ""
	}
	if _, ok := v.(undefined); ok || r.flag(given[1], false) && !r.truth(v) {
		return given[0]
	}
	return v
}

func (r *render) attr(v any, a arguments) any {
	given := a.bind("attr", "name")
	name, ok := given[0].(string)
	if !ok {
		fail("attr of %s", kindOf(given[0]))
	}
	if u, ok := v.(undefined); ok {
		fail("%s is not defined", u.name)
	}
	if found := r.own(v, name); found != absent {
		return found
	}
	return undefined{name}
}

func (r *render) abs(v any, a arguments) any {
	a.bind("abs")
	switch v := v.(type) {
	case bool, int:
		n := whole(v)
		return max(n, -n)
	case float64:
		return math.Abs(v)
	}
	fail("abs of %s", kindOf(v))
	return nil
}

func (r *render) first(v any, a arguments) any {
	a.bind("first")
	if l, ok := v.(*List); ok && l.kind == kGenerator {
		if l.read || len(l.items) == 0 {
			return undefined{"the first item"}
		}
		item := l.items[0]
		l.items = l.items[1:]
		return item
	}
	items := r.iterate(v)
	if len(items) == 0 {
		return undefined{"the first item"}
	}
	return items[0]
}

func (r *render) last(v any, a arguments) any {
	a.bind("last")
	if l, ok := v.(*List); ok && l.kind == kGenerator {
		fail("the last item of a generator")
	}
	items := r.iterate(v)
	if len(items) == 0 {
		return undefined{"the last item"}
	}
	return items[len(items)-1]
}

func (r *render) listOf(v any, a arguments) any {
	a.bind("list")
	return r.list(kList, r.iterate(v))
}

func (r *render) itemsOf(v any, a arguments) any {
	a.bind("items")
	switch v := v.(type) {
	case undefined:
		return r.list(kGenerator, nil)
	case *Dict:
		return r.list(kGenerator, v.pairs(r))
	}
	fail("items of %s", kindOf(v))
	return nil
}

func (r *render) reversed(v any, a arguments) any {
	a.bind("reverse")
	if l, ok := v.(*List); ok && l.kind == kGenerator || v == nil {
		if l == nil {
			fail("reverse of None")
		}
	}
	items := slices.Clone(r.iterate(v))
	slices.Reverse(items)
	if _, ok := v.(string); ok {
		var b strings.Builder
		for _, c := range items {
			b.WriteString(c.(string))
		}
		return b.String()
	}
	return r.list(kGenerator, items)
}

func (r *render) join(v any, a arguments) any {
	given := a.bind("join", "d", "attribute")
	between := ""
	if given[0] != absent {
		between = r.str(given[0])
	}
	get := r.getter(given[1], false)
	var b strings.Builder
	for i, item := range r.iterate(v) {
		if i > 0 {
			r.spend(len(between))
			b.WriteString(between)
		}
		s := r.str(get(item))
		r.spend(len(s))
		b.WriteString(s)
	}
	return b.String()
}

// getter is what an argument attribute gets of an item: a path of names and numbers. lower makes texts lower case.
func (r *render) getter(attribute any, lowered bool) func(any) any {
	var path []any
	switch v := attribute.(type) {
	case nil:
	case string:
		for _, part := range strings.Split(v, ".") {
			if n, err := strconv.Atoi(part); err == nil && strings.Trim(part, "0123456789") == "" {
				path = append(path, n)
			} else {
				path = append(path, part)
			}
		}
	case bool, int:
		path = []any{whole(v)}
	default:
		if attribute != absent {
			fail("an attribute that is %s", kindOf(v))
		}
	}
	return func(item any) any {
		for _, part := range path {
			r.step()
			item = r.index(item, part)
		}
		if s, ok := item.(string); ok && lowered {
			r.spend(len(s))
			return lower(s)
		}
		return item
	}
}

func (r *render) mapped(v any, a arguments) any {
	var do func(any) any
	if len(a.list) == 0 {
		given := a.bind("map", "attribute", "default")
		if slices.Contains(a.names, "attribute") {
			get := r.getter(given[0], false)
			do = func(item any) any {
				item = get(item)
				if _, ok := item.(undefined); ok && given[1] != absent {
					return given[1]
				}
				return item
			}
		}
	} else if name, ok := a.list[0].(string); ok {
		f := filters[name]
		if f == nil {
			fail("the filter %q is not supported", name)
		}
		rest := arguments{list: a.list[1:], names: a.names, named: a.named}
		do = func(item any) any { return f(r, item, rest) }
	}
	if do == nil {
		fail("map without a filter or an attribute")
	}
	var out []any
	for _, item := range r.iterate(v) {
		r.step()
		out = append(out, do(item))
	}
	return r.list(kGenerator, out)
}

// picked is select, or its opposite; by an attribute of each item, or by the item.
func picked(keep, byAttribute bool) filterFunc {
	return func(r *render, v any, a arguments) any {
		get := func(item any) any { return item }
		if byAttribute {
			if len(a.list) == 0 {
				fail("selectattr without an attribute")
			}
			get = r.getter(a.list[0], false)
			a.list = a.list[1:]
		}
		is := func(item any) bool { return r.truth(item) }
		if len(a.list) > 0 {
			name, _ := a.list[0].(string)
			t := tests[name]
			if t == nil {
				fail("the test %q is not supported", name)
			}
			rest := arguments{list: a.list[1:], names: a.names, named: a.named}
			is = func(item any) bool { return t(r, item, rest) }
		}
		var out []any
		for _, item := range r.iterate(v) {
			r.step()
			if is(get(item)) == keep {
				out = append(out, item)
			}
		}
		return r.list(kGenerator, out)
	}
}

func (r *render) sorted(v any, a arguments) any {
	given := a.bind("sort", "reverse", "case_sensitive", "attribute")
	if s, ok := given[2].(string); ok && strings.Contains(s, ",") {
		fail("sort by several attributes is not supported")
	}
	return r.list(kList, r.sortBy(r.iterate(v), r.getter(given[2], !r.flag(given[1], false)), r.flag(given[0], false)))
}

func (r *render) sortBy(items []any, key func(any) any, reverse bool) []any {
	type pair struct{ key, item any }
	pairs := make([]pair, len(items))
	for i, item := range items {
		pairs[i] = pair{key(item), item}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		if reverse {
			a, b = b, a
		}
		return r.order(a.key, b.key, 0)
	})
	out := make([]any, len(items))
	for i, p := range pairs {
		out[i] = p.item
	}
	return out
}

func (r *render) dictSort(v any, a arguments) any {
	given := a.bind("dictsort", "case_sensitive", "by", "reverse")
	d, ok := v.(*Dict)
	if !ok {
		fail("dictsort of %s", kindOf(v))
	}
	part := 0
	switch given[1] {
	case absent, "key":
	case "value":
		part = 1
	default:
		fail("dictsort by neither key nor value")
	}
	return r.list(kList, r.sortBy(d.pairs(r), r.getter(part, !r.flag(given[0], false)), r.flag(given[2], false)))
}

func (r *render) unique(v any, a arguments) any {
	given := a.bind("unique", "case_sensitive", "attribute")
	get := r.getter(given[1], !r.flag(given[0], false))
	seen := map[any]bool{}
	var out []any
	for _, item := range r.iterate(v) {
		if key := hashed(r.key(get(item))); !seen[key] {
			seen[key] = true
			out = append(out, item)
		}
	}
	return r.list(kGenerator, out)
}

func extreme(sign int) filterFunc {
	return func(r *render, v any, a arguments) any {
		given := a.bind("max", "case_sensitive", "attribute")
		get := r.getter(given[1], !r.flag(given[0], false))
		items := r.iterate(v)
		if len(items) == 0 {
			return undefined{"an item of nothing"}
		}
		best := items[0]
		for _, item := range items[1:] {
			if r.order(get(item), get(best), 0) == sign {
				best = item
			}
		}
		return best
	}
}

func (r *render) sum(v any, a arguments) any {
	given := a.bind("sum", "attribute", "start")
	get := r.getter(given[0], false)
	total := given[1]
	if total == absent {
		total = 0
	}
	for _, item := range r.iterate(v) {
		item = get(item)
		if _, ok := total.(string); ok {
			fail("sum of texts")
		}
		total = r.arithmetic("+", total, item)
	}
	return total
}

func (r *render) int(v any, a arguments) any {
	given := a.bind("int", "default", "base")
	other := any(0)
	if given[0] != absent {
		other = given[0]
	}
	if given[1] != absent && !r.equal(given[1], 10, 0) {
		fail("int of another base than 10 is not supported")
	}
	switch v := v.(type) {
	case undefined:
		fail("%s is not defined", v.name)
	case bool, int:
		return whole(v)
	case float64:
		if math.Abs(v) < 1<<53 {
			return int(v)
		}
		return other
	case string:
		s := strings.TrimFunc(v, IsSpace)
		if n, err := strconv.Atoi(s); err == nil && !strings.HasPrefix(s, "_") {
			return n
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && strings.Trim(s, "0123456789.+-eE") == "" && math.Abs(f) < 1<<53 {
			return int(f)
		}
		if strings.ContainsFunc(s, unicode.IsDigit) && strings.Trim(s, "0123456789_+-") == "" || strings.ContainsFunc(s, func(c rune) bool { return c > 127 && unicode.IsDigit(c) }) {
			fail("the text %.40q as a number is not supported", s)
		}
	}
	return other
}

func (r *render) float(v any, a arguments) any {
	given := a.bind("float", "default")
	other := any(0.0)
	if given[0] != absent {
		other = given[0]
	}
	switch v := v.(type) {
	case undefined:
		fail("%s is not defined", v.name)
	case bool, int, float64:
		return real64(v)
	case string:
		s := strings.TrimFunc(v, IsSpace)
		if f, err := strconv.ParseFloat(s, 64); err == nil && strings.Trim(s, "0123456789.+-eE") == "" {
			return f
		}
		if strings.ContainsFunc(s, unicode.IsDigit) && !strings.ContainsFunc(s, func(c rune) bool { return c != '_' && !unicode.IsDigit(c) }) {
			fail("the text %.40q as a number is not supported", s)
		}
		switch lower(strings.TrimLeft(s, "+-")) {
		case "nan", "inf", "infinity":
			fail("the text %q as a number is not supported", s)
		}
	}
	return other
}

func (r *render) round(v any, a arguments) any {
	given := a.bind("round", "precision", "method")
	places := 0
	if given[0] != absent {
		places = integer1(given[0], "precision")
	}
	method := "common"
	if given[1] != absent {
		method, _ = given[1].(string)
	}
	if !isNumber(v) || places < 0 || places > 15 {
		fail("round of %s to %d places is not supported", kindOf(v), places)
	}
	f, scale := real64(v), math.Pow(10, float64(places))
	switch method {
	case "common":
		if isWhole(v) {
			return whole(v)
		}
		out, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', places, 64), 64)
		return out
	case "ceil":
		return math.Ceil(f*scale) / scale
	case "floor":
		return math.Floor(f*scale) / scale
	}
	fail("round by %q", method)
	return nil
}

func (r *render) indent(v any, a arguments) any {
	given := a.bind("indent", "width", "first", "blank")
	s := theText("indent", v)
	by := strings.Repeat(" ", 4)
	switch w := given[0].(type) {
	case string:
		by = w
	default:
		if w != absent {
			by = r.repeat(" ", integer1(w, "width"))
		}
	}
	lines := splitLines(s+"\n", false)
	r.spend(2*len(s) + len(lines)*len(by))
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == 0 && r.flag(given[1], false) || i > 0 && (line != "" || r.flag(given[2], false)) {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	return b.String()
}

func notWord(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c) }

// tests are Jinja's own (jinja2 3.1, tests.py).
var tests map[string]func(r *render, v any, a arguments) bool

func init() {
	plain := func(is func(v any) bool) func(*render, any, arguments) bool {
		return func(_ *render, v any, a arguments) bool {
			a.bind("a test")
			return is(v)
		}
	}
	compared := func(op string) func(*render, any, arguments) bool {
		return func(r *render, v any, a arguments) bool {
			given := a.bind("a test", "other")[0]
			if given == absent {
				fail("a test of %s with nothing", op)
			}
			return r.compare(op, v, given)
		}
	}
	cased := func(change func(string) string) func(*render, any, arguments) bool {
		return func(r *render, v any, a arguments) bool {
			a.bind("a test")
			s := r.str(v)
			return change(s) == s && strings.ContainsFunc(s, func(c rune) bool { return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) })
		}
	}
	remainder := func(want func(n, by int) bool, params ...string) func(*render, any, arguments) bool {
		return func(_ *render, v any, a arguments) bool {
			by := 2
			if given := a.bind("a test", params...); len(given) > 0 {
				by = integer1(given[0], "num")
			}
			if by == 0 {
				fail("a division by zero")
			}
			return want(integer1(v, "the tested value"), by)
		}
	}
	isA := func(kinds ...string) func(*render, any, arguments) bool {
		return plain(func(v any) bool { return slices.Contains(kinds, kindOf(v)) })
	}
	tests = map[string]func(*render, any, arguments) bool{
		"boolean": isA("a bool"), "integer": isA("an int"), "float": isA("a float"), "number": plain(isNumber), "mapping": isA("a dict"), "none": isA("None"),
		"string":  plain(func(v any) bool { _, m := v.(markup); return m || kindOf(v) == "a text" }),
		"true":    plain(func(v any) bool { return v == true }),
		"false":   plain(func(v any) bool { return v == false }),
		"defined": plain(func(v any) bool { _, is := v.(undefined); return !is }),
		"undefined": plain(func(v any) bool {
			_, is := v.(undefined)
			return is
		}),
		"callable": plain(func(v any) bool { _, u := v.(undefined); return u || kindOf(v) == "a function" }),
		"iterable": plain(func(v any) bool {
			switch v.(type) {
			case string, markup, *List, *Dict, undefined:
				return true
			}
			return false
		}),
		"sequence": plain(func(v any) bool {
			switch v := v.(type) {
			case string, markup, *Dict, undefined:
				return true
			case *List:
				return v.kind <= kRange
			}
			return false
		}),
		"odd": remainder(func(n, by int) bool { return floorMod(n, by) == 1 }), "even": remainder(func(n, by int) bool { return floorMod(n, by) == 0 }),
		"divisibleby": remainder(func(n, by int) bool { return floorMod(n, by) == 0 }, "num"),
		"lower":       cased(lower), "upper": cased(upper),
		"==": compared("=="), "eq": compared("=="), "equalto": compared("=="), "!=": compared("!="), "ne": compared("!="),
		">": compared(">"), "gt": compared(">"), "greaterthan": compared(">"), ">=": compared(">="), "ge": compared(">="),
		"<": compared("<"), "lt": compared("<"), "lessthan": compared("<"), "<=": compared("<="), "le": compared("<="),
		"in": compared("in"), "sameas": sameAs,
	}
}

func sameAs(_ *render, v any, a arguments) bool {
	other := a.bind("sameas", "other")[0]
	switch v.(type) {
	case nil, bool:
		return cmp.Compare(kindOf(v), kindOf(other)) == 0 && v == other
	}
	fail("sameas of %s is not supported", kindOf(v))
	return false
}
