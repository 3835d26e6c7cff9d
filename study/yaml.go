package study

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on a study file. They only stop hostile input: the largest study shipped has a few hundred lines.
const (
	maxFileBytes = 256 << 10
	maxNodes     = 50_000
	maxDepth     = 16
)

// ParseError is a fault in a study file, with the place where it is.
type ParseError struct {
	File string // as given to Parse
	Line int    // counted from 1; 0 where the fault has no line
	Msg  string
}

// Error is "file:line: message".
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

type nodeKind int

const (
	scalarNode nodeKind = iota
	listNode
	mapNode
)

// String names the kind for messages.
func (k nodeKind) String() string { return [...]string{"a single value", "a list", "a mapping"}[k] }

// node is a YAML value with its line. It is all that the rest of the package knows of YAML: aliases are resolved, and no
// value has a type yet.
type node struct {
	line  int
	kind  nodeKind
	text  string  // of a scalar
	items []*node // of a list, or the values of a mapping
	keys  []key   // of a mapping, one per item
}

type key struct {
	name string
	line int
}

// get is the value of key name of a mapping, nil without one.
func (n *node) get(name string) *node {
	for i, k := range n.keys {
		if k.name == name {
			return n.items[i]
		}
	}
	return nil
}

// fail makes an error at the line of n. File is filled in by Parse.
func (n *node) fail(format string, args ...any) error { return failAt(n.line, format, args...) }

func failAt(line int, format string, args ...any) error {
	return &ParseError{Line: line, Msg: fmt.Sprintf(format, args...)}
}

// readYAML parses one YAML document into nodes.
func readYAML(data []byte) (*node, error) {
	if len(data) > maxFileBytes {
		return nil, failAt(0, "%d bytes: a study file has at most %d", len(data), maxFileBytes)
	}
	if line, deep := tooDeep(data); deep {
		return nil, failAt(line, "more than %d brackets open at once", maxDepth)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType {
			continue
		}
		if body != nil {
			return nil, failAt(doc.Body.GetToken().Position.Line, "a second YAML document: a study file has one")
		}
		body = doc.Body
	}
	if body == nil {
		return nil, failAt(0, "empty: a study needs at least datasets and systems")
	}
	c := &converter{anchors: map[string]*node{}}
	return c.convert(body, 0)
}

// tooDeep counts open brackets, since the YAML parser recurses once per bracket and a stack overflow cannot be recovered
// from. It counts brackets inside of quotes too, where more than the bound are as unlikely.
func tooDeep(data []byte) (line int, deep bool) {
	line = 1
	open := 0
	for _, c := range data {
		switch c {
		case '\n':
			line++
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		}
		if open > maxDepth {
			return line, true
		}
	}
	return 0, false
}

func syntaxError(err error) error {
	var withToken interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &withToken) && withToken.GetToken() != nil {
		return failAt(withToken.GetToken().Position.Line, "not YAML: %s", withToken.GetMessage())
	}
	return failAt(0, "not YAML: %s", firstLine(err.Error()))
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// converter turns the library's tree into nodes. nodes counts what it made, aliases included.
type converter struct {
	anchors map[string]*node
	nodes   int
}

func (c *converter) convert(from ast.Node, depth int) (*node, error) {
	line := lineOf(from)
	if c.nodes++; c.nodes > maxNodes {
		return nil, failAt(line, "more than %d values", maxNodes)
	}
	if depth > maxDepth {
		return nil, failAt(line, "more than %d levels deep", maxDepth)
	}
	switch v := from.(type) {
	case *ast.MappingNode:
		return c.mapping(line, v.Values, depth)
	case *ast.MappingValueNode:
		return c.mapping(line, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		n := &node{line: line, kind: listNode}
		for _, item := range v.Values {
			child, err := c.convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
		return n, nil
	case *ast.AnchorNode:
		n, err := c.convert(v.Value, depth)
		if err == nil {
			c.anchors[v.Name.GetToken().Value] = n
		}
		return n, err
	case *ast.AliasNode:
		return c.alias(v, line)
	case *ast.LiteralNode:
		return &node{line: line, text: strings.TrimRight(v.Value.Value, "\n")}, nil
	case *ast.StringNode:
		return &node{line: line, text: v.Value}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return &node{line: line, text: from.GetToken().Value}, nil
	case nil, *ast.NullNode:
		return nil, failAt(line, "a key or list item without a value")
	}
	return nil, failAt(line, "%s is not used in study files", from.Type())
}

func (c *converter) alias(v *ast.AliasNode, line int) (*node, error) {
	name := v.Value.GetToken().Value
	to, ok := c.anchors[name]
	if !ok {
		return nil, failAt(line, "*%s: no such anchor above", name)
	}
	if c.nodes += to.size(); c.nodes > maxNodes {
		return nil, failAt(line, "more than %d values", maxNodes)
	}
	return to, nil
}

func (n *node) size() int {
	total := 1
	for _, item := range n.items {
		total += item.size()
	}
	return total
}

func (c *converter) mapping(line int, values []*ast.MappingValueNode, depth int) (*node, error) {
	n := &node{line: line, kind: mapNode}
	for _, pair := range values {
		at := lineOf(pair.Key)
		if pair.Key.Type() == ast.MergeKeyType {
			return nil, failAt(at, "'<<' is not used in study files: write the keys out, or use a list value as a sweep")
		}
		name := pair.Key.GetToken().Value
		if n.get(name) != nil {
			return nil, failAt(at, "%q is given twice", name)
		}
		if pair.Value == nil || pair.Value.Type() == ast.NullType {
			return nil, failAt(at, "%q has no value", name)
		}
		child, err := c.convert(pair.Value, depth+1)
		if err != nil {
			return nil, err
		}
		n.keys = append(n.keys, key{name, at})
		n.items = append(n.items, child)
	}
	return n, nil
}

// lineOf is the line a person would look at: a block mapping's own token is its first colon or key.
func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	switch v := n.(type) {
	case *ast.MappingNode:
		if len(v.Values) > 0 && !v.IsFlowStyle {
			return lineOf(v.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return lineOf(v.Key)
	case *ast.SequenceNode:
		if len(v.Values) > 0 && !v.IsFlowStyle {
			return lineOf(v.Values[0])
		}
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}
