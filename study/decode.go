package study

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decode fills the struct that into points at from a mapping. Fields take the key of their yaml tag; a field without one
// is not settable from a file. A single value is taken for a list of one. keys says which further keys the mapping may
// have, read by somebody else.
func decode(n *node, into any, keys ...string) error {
	if n.kind != mapNode {
		return n.fail("want a mapping, got %s", n.kind)
	}
	v := reflect.ValueOf(into).Elem()
	fields := fieldsOf(v)
	for i, k := range n.keys {
		field, ok := fields[k.name]
		if !ok {
			if slices.Contains(keys, k.name) {
				continue
			}
			return unknownKey(k, append(names(fields), keys...))
		}
		if err := setValue(field, n.items[i]); err != nil {
			return wrap(err, k.name)
		}
	}
	return nil
}

// wrap puts the key before a message about its value.
func wrap(err error, key string) error {
	if e, ok := err.(*ParseError); ok {
		return &ParseError{Line: e.Line, Msg: key + ": " + e.Msg}
	}
	return err
}

func unknownKey(k key, known []string) error {
	slices.Sort(known)
	return failAt(k.line, "unknown key %q%s", k.name, suggestion(k.name, known))
}

// fieldsOf are the settable fields of a struct by key, those of embedded structs included.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag := f.Tag.Get("yaml")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			for name, field := range fieldsOf(v.Field(i)) {
				fields[name] = field
			}
		case tag != "" && tag != "-":
			fields[tag] = v.Field(i)
		}
	}
	return fields
}

func names(fields map[string]reflect.Value) []string {
	list := make([]string, 0, len(fields))
	for name := range fields {
		list = append(list, name)
	}
	return list
}

func setValue(v reflect.Value, n *node) error {
	switch v.Kind() {
	case reflect.Slice:
		return setList(v, n)
	case reflect.Map:
		return setMap(v, n)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := setValue(p.Elem(), n); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.Struct:
		return decode(n, v.Addr().Interface())
	}
	if n.kind != scalarNode {
		return n.fail("want a single value, got %s", n.kind)
	}
	return setScalar(v, n)
}

func setList(v reflect.Value, n *node) error {
	items := []*node{n}
	if n.kind == listNode {
		items = n.items
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := setValue(list.Index(i), item); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func setMap(v reflect.Value, n *node) error {
	if n.kind != mapNode {
		return n.fail("want a mapping, got %s", n.kind)
	}
	m := reflect.MakeMap(v.Type())
	for i, k := range n.keys {
		value := reflect.New(v.Type().Elem()).Elem()
		if err := setValue(value, n.items[i]); err != nil {
			return wrap(err, k.name)
		}
		m.SetMapIndex(reflect.ValueOf(k.name), value)
	}
	v.Set(m)
	return nil
}

func setScalar(v reflect.Value, n *node) error {
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.text)
	case reflect.Bool:
		switch n.text {
		case "true", "false":
			v.SetBool(n.text == "true")
		default:
			return n.fail("want true or false, got %q", n.text)
		}
	case reflect.Int, reflect.Int64:
		var x int64
		if x, err = strconv.ParseInt(n.text, 10, 64); err != nil {
			return n.fail("want a whole number, got %q", n.text)
		}
		v.SetInt(x)
	case reflect.Uint64:
		var x uint64
		if x, err = strconv.ParseUint(n.text, 10, 64); err != nil {
			return n.fail("want a whole number from 0 up, got %q", n.text)
		}
		v.SetUint(x)
	case reflect.Float64, reflect.Float32:
		var x float64
		if x, err = strconv.ParseFloat(n.text, 64); err != nil || x != x || x-x != 0 {
			return n.fail("want a number, got %q", n.text)
		}
		v.SetFloat(x)
	default:
		panic(fmt.Sprintf("study: a setting of type %s", v.Type()))
	}
	return nil
}

// suggestion is what to add to a message about a name that is not known: the nearest known one, or all of them when none
// is near and they are few.
func suggestion(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(" (did you mean %q?)", best)
	case len(known) == 0:
		return ""
	case len(known) <= 12:
		return " (known: " + strings.Join(known, ", ") + ")"
	}
	return fmt.Sprintf(" (known: %s and %d more)", strings.Join(known[:12], ", "), len(known)-12)
}

// editDistance is Levenshtein's distance over bytes, of names up to 64 bytes; longer ones are cut.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
