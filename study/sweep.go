package study

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// variant is one system that a sweep expands to.
type variant struct {
	name     string
	settings *node
}

// expand makes the variants of a system entry. A list where the kind has a single value is a sweep over it, and so is a
// list of lists where it has a list; several sweeps give every combination, the last one turning fastest. The derived
// name is the entry's with the swept values behind: "bm25-code", "bm25-k1=0.9".
func expand(settings *node, name string, prototype System) ([]variant, error) {
	fields := fieldsOf(reflect.ValueOf(prototype).Elem())
	variants := []variant{{name, settings}}
	for i, k := range settings.keys {
		field, ok := fields[k.name]
		value := settings.items[i]
		if !ok || !isSweep(field, value) {
			continue
		}
		if len(value.items) == 0 {
			return nil, value.fail("%s: an empty list", k.name)
		}
		if len(variants)*len(value.items) > maxSystems {
			return nil, value.fail("sweeps make more than %d systems", maxSystems)
		}
		var next []variant
		for _, v := range variants {
			for _, choice := range value.items {
				copied := *v.settings
				copied.items = slices.Clone(copied.items)
				copied.items[i] = choice
				next = append(next, variant{v.name + "-" + choiceName(k.name, choice), &copied})
			}
		}
		variants = next
	}
	return variants, nil
}

func isSweep(field reflect.Value, value *node) bool {
	if value.kind != listNode {
		return false
	}
	if field.Kind() != reflect.Slice {
		return true
	}
	return slices.ContainsFunc(value.items, func(n *node) bool { return n.kind == listNode })
}

// choiceName names one value of a sweep: words speak for themselves, numbers and switches need their key.
func choiceName(key string, choice *node) string {
	var words []string
	if choice.kind == scalarNode {
		words = []string{choice.text}
	}
	for _, item := range choice.items {
		words = append(words, item.text)
	}
	text := strings.Join(words, "+")
	_, err := strconv.ParseFloat(text, 64)
	if err == nil || text == "true" || text == "false" {
		return key + "=" + text
	}
	return text
}
