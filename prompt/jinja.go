package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
)

// environment is Jinja's as transformers sets it up (utils/chat_template_utils.py): without files, without methods that change a value, with
// two functions more. What the library does unlike Jinja is replaced.
func environment() *exec.Environment {
	now := time.Now()
	context := exec.EmptyContext().Update(builtins.GlobalFunctions).Update(builtins.GlobalVariables)
	context.Set("raise_exception", func(message string) (string, error) {
		return "", errors.New(refusal + message)
	})
	context.Set("strftime_now", func(format string) string { return strftime(now, format) })
	context.Set("range", limitedRange)
	context.Set("lipsum", func() (string, error) { return "", errors.New("lipsum gives another text each time") })
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	tests := exec.NewTestSet(map[string]exec.TestFunction{}).Update(builtins.Tests)
	tags := exec.NewControlStructureSet(map[string]parser.ControlStructureParser{}).Update(builtins.ControlStructures)
	err := errors.Join(filters.Replace("tojson", toJSON), filters.Replace("trim", trim), filters.Replace("random", random),
		tests.Replace("sequence", isSequence), filters.Register(timesName, times))
	for _, name := range []string{"replace", "join", "center", "indent", "format", "batch", "slice"} {
		err = errors.Join(err, filters.Replace(name, boundFilter(name)))
	}
	for _, name := range []string{"include", "import", "from", "extends", "block"} {
		err = errors.Join(err, tags.Replace(name, noTag))
	}
	if err != nil {
		panic(err) // the library has always had them
	}
	return &exec.Environment{Context: context, Filters: filters, Tests: tests, ControlStructures: tags, Methods: methods()}
}

// methods are the library's, less those that change a value (Jinja's ImmutableSandboxedEnvironment) and less expandtabs and format_map, which nothing
// bounds; with Python's white space, and bounds on what makes more of a text.
func methods() exec.Methods {
	m := builtins.Methods
	m.Str = some(m.Str, `capitalize casefold count encode endswith find index isalnum isalpha isascii isdecimal
		isdigit islower isnumeric isprintable isspace istitle isupper lower partition removeprefix removesuffix rfind rindex
		rpartition rsplit split splitlines startswith swapcase title upper`, map[string]exec.Method[string]{
		"strip":   strip(strings.Trim, strings.TrimFunc),
		"lstrip":  strip(strings.TrimLeft, strings.TrimLeftFunc),
		"rstrip":  strip(strings.TrimRight, strings.TrimRightFunc),
		"replace": replace, "join": boundMethod("join"), "center": boundMethod("center"), "ljust": boundMethod("ljust"),
		"rjust": boundMethod("rjust"), "zfill": boundMethod("zfill"), "format": boundMethod("format"),
	})
	m.Dict = some(m.Dict, "keys values items get copy", nil)
	m.List = some(m.List, "copy", nil)
	return m
}

// some are the named methods of a set, and own ones.
func some[T any](set *exec.MethodSet[T], names string, own map[string]exec.Method[T]) *exec.MethodSet[T] {
	out := map[string]exec.Method[T]{}
	for _, name := range strings.Fields(names) {
		if method, ok := set.Get(name); ok {
			out[name] = method
		}
	}
	maps.Copy(out, own)
	return exec.NewMethodSet(out)
}

// noTag refuses tags that read another template, or are there for one that does.
func noTag(_, args *parser.Parser) (nodes.ControlStructure, error) {
	return nil, args.Error("a chat template stands alone", nil)
}

func random(*exec.Evaluator, *exec.Value, *exec.VarArgs) *exec.Value {
	return exec.AsValue(errors.New("random gives another value each time"))
}

// isSequence is Jinja's test: a text is one.
func isSequence(_ *exec.Context, in *exec.Value, _ *exec.VarArgs) (bool, error) {
	return in.IsIterable(), nil
}

// isSpace says what Python's str.strip takes for white space: Go's, and four separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// trim is Jinja's trim: Python's str.strip of any value's text.
func trim(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	chars, ok := given(params, "chars")
	if !ok {
		return exec.AsValue(strings.TrimFunc(in.String(), isSpace))
	}
	return exec.AsValue(strings.Trim(in.String(), chars))
}

// strip is one of Python's three methods: of a set of characters, or of white space.
func strip(set func(s, cutset string) string, space func(s string, f func(rune) bool) string) exec.Method[string] {
	return func(self string, _ *exec.Value, params *exec.VarArgs) (any, error) {
		if chars, ok := given(params, "chars"); ok {
			return set(self, chars), nil
		}
		return space(self, isSpace), nil
	}
}

// given is the only argument of a call, by position or by name; none where it is None.
func given(params *exec.VarArgs, name string) (string, bool) {
	v, ok := params.KwArgs[name]
	if len(params.Args) > 0 {
		v, ok = params.Args[0], true
	}
	if !ok || v.IsNil() {
		return "", false
	}
	return v.String(), true
}

// toJSON is transformers' tojson: json.dumps with ensure_ascii off and nothing escaped for HTML.
func toJSON(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	if in.String() == printedParts {
		return exec.AsSafeValue(printedParts)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if n := params.GetKeywordArgument("indent", 0); n.IsInteger() && n.Integer() > 0 {
		enc.SetIndent("", strings.Repeat(" ", min(n.Integer(), 16)))
	}
	if err := enc.Encode(in.ToGoSimpleType(true)); err != nil {
		return exec.AsValue(err)
	}
	return exec.AsSafeValue(strings.TrimSuffix(b.String(), "\n"))
}

// limitedRange is Python's range with at most maxRange numbers, so that no template can keep the program busy.
func limitedRange(args ...int) ([]int, error) {
	from, to, step := 0, 0, 1
	switch len(args) {
	case 1:
		to = args[0]
	case 2:
		from, to = args[0], args[1]
	case 3:
		from, to, step = args[0], args[1], args[2]
	default:
		return nil, errors.New("range takes one to three numbers")
	}
	if step == 0 {
		return nil, errors.New("range: step 0")
	}
	numbers := []int{}
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); i += step {
		if len(numbers) == maxRange {
			return nil, fmt.Errorf("range of more than %d numbers", maxRange)
		}
		numbers = append(numbers, i)
	}
	return numbers, nil
}

// strftime formats the directives that published templates use.
func strftime(t time.Time, format string) string {
	return strings.NewReplacer("%d", t.Format("02"), "%b", t.Format("Jan"), "%B", t.Format("January"), "%Y", t.Format("2006"),
		"%m", t.Format("01"), "%y", t.Format("06"), "%H", t.Format("15"), "%M", t.Format("04"), "%S", t.Format("05"),
		"%A", t.Format("Monday"), "%a", t.Format("Mon"), "%%", "%").Replace(format)
}
