package prompt

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// Methods and filters that make more of what they are given than it is: what they would make is counted before they make it.

// bigger is how many bytes a call makes of a value.
type bigger func(self *exec.Value, params *exec.VarArgs) int

var growing = map[string]bigger{
	"replace": func(self *exec.Value, params *exec.VarArgs) int {
		text := self.String()
		return len(text) + strings.Count(text, argument(params, 0, "old").String())*len(argument(params, 1, "new").String())
	},
	"center": padded, "ljust": padded, "rjust": padded, "zfill": padded,
	"batch": filled("linecount"), "slice": filled("slices"),
	"indent": func(self *exec.Value, params *exec.VarArgs) int {
		text, width := self.String(), argument(params, 0, "width")
		return len(text) + (strings.Count(text, "\n")+1)*max(width.Integer(), len(width.String()))
	},
	"format": func(self *exec.Value, params *exec.VarArgs) int {
		text, field := self.String(), 999
		if wide.MatchString(text) {
			return maxRendered + 1
		}
		for _, v := range params.Args {
			field += len(v.String())
		}
		for _, v := range params.KwArgs {
			field += len(v.String())
		}
		return len(text) + (strings.Count(text, "%")+strings.Count(text, "{"))*field
	},
}

// wide is a field of a format, of the filter or of the method, of more than 999 characters, or as many as an argument says.
var wide = regexp.MustCompile(`%[^a-zA-Z%]*(?:\d{4}|\*)|\{[^}]*(?:\d{4}|\{)`)

func padded(_ *exec.Value, params *exec.VarArgs) int {
	return 4 * argument(params, 0, "width").Integer() // bytes of a character
}

func filled(name string) bigger {
	return func(_ *exec.Value, params *exec.VarArgs) int { return 64 * argument(params, 0, name).Integer() }
}

// joined is the size of a list's items with a separator behind each, as far as it may be.
func joined(list *exec.Value, separator string) int {
	n := 0
	list.Iterate(func(_, _ int, item, _ *exec.Value) bool {
		n += len(item.String()) + len(separator)
		return n <= maxRendered
	}, func() {})
	return n
}

// argument is an argument of a call, by its place or its name; None where there is none.
func argument(params *exec.VarArgs, place int, name string) *exec.Value {
	if place < len(params.Args) {
		return params.Args[place]
	}
	if v := params.KwArgs[name]; v != nil {
		return v
	}
	return exec.AsValue(nil)
}

func tooLong(name string, bytes int) error {
	if bytes > maxRendered || bytes < 0 {
		return fmt.Errorf("%s would make more than %d bytes", name, maxRendered)
	}
	return nil
}

// replace is Python's str.replace; the library's wants to be told how many.
func replace(self string, _ *exec.Value, params *exec.VarArgs) (any, error) {
	if err := tooLong("replace", growing["replace"](exec.AsValue(self), params)); err != nil {
		return nil, err
	}
	count := -1
	if n := argument(params, 2, "count"); n.IsInteger() {
		count = n.Integer()
	}
	return strings.Replace(self, argument(params, 0, "old").String(), argument(params, 1, "new").String(), count), nil
}

// boundMethod is the library's method of texts, bounded.
func boundMethod(name string) exec.Method[string] {
	method, _ := builtins.Methods.Str.Get(name)
	return func(self string, value *exec.Value, params *exec.VarArgs) (any, error) {
		n := 0
		if name == "join" {
			n = joined(argument(params, 0, "iterable"), self)
		} else {
			n = growing[name](exec.AsValue(self), params)
		}
		if err := tooLong(name, n); err != nil {
			return nil, err
		}
		return method(self, value, params)
	}
}

// boundFilter is the library's filter, bounded.
func boundFilter(name string) exec.FilterFunction {
	filter, _ := builtins.Filters.Get(name)
	return func(e *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
		n := 0
		if name == "join" {
			n = joined(in, argument(params, 0, "d").String())
		} else {
			n = growing[name](in, params)
		}
		if err := tooLong(name, n); err != nil {
			return exec.AsValue(err)
		}
		return filter(e, in, params)
	}
}

// timesName is a filter that rewrite puts before each multiplication.
const timesName = "_labrador_times"

// times lets numbers pass: a text times a number has no bound.
func times(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsString() {
		return exec.AsValue(errors.New("a text times a number is not supported"))
	}
	return in
}

// withTimes puts timesName before each multiplication of a tag.
func withTimes(tag string) string {
	if !strings.Contains(tag, "*") {
		return tag
	}
	var out strings.Builder
	for i := 0; i < len(tag); i++ {
		switch c := tag[i]; c {
		case '\'', '"':
			end := min(stringEnd(tag, i), len(tag)-1)
			out.WriteString(tag[i : end+1])
			i = end
		case '*':
			if strings.HasPrefix(tag[i:], "**") {
				out.WriteString("**")
				i++
				continue
			}
			before := strings.TrimRight(tag[:i], " \t\n")
			if last := before[len(before)-1]; isName(last) || strings.IndexByte(`)]}'"`, last) >= 0 { // not the * of arguments
				out.WriteString("|" + timesName)
			}
			out.WriteByte(c)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
