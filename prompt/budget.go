package prompt

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// What one rendering may take: a chat template loops over a few messages, with tens of steps for each.
const (
	maxRange    = 10_000 // numbers of one range()
	maxSteps    = 20_000 // rounds of loops; a call of what may call itself counts as fifty
	maxTime     = 10 * time.Second
	maxRendered = 8 << 20 // bytes of a rendered prompt, and of a variable
	maxDepth    = 32      // of lists in lists
)

// stepName and boundName are functions that are called at the start of what may repeat, and behind each assignment (budgetCall).
const stepName, boundName = "_labrador_step", "_labrador_bound"

// budget holds one rendering of a template to its limits.
type budget struct {
	steps int
	until time.Time
	out   limitedWriter
}

func newBudget() *budget {
	return &budget{until: time.Now().Add(maxTime), out: limitedWriter{left: maxRendered}}
}

// define makes the functions known to a template.
func (b *budget) define(vars map[string]any) {
	vars[stepName] = func(args *exec.VarArgs) *exec.Value { return answer(b.step(args.First().Integer())) }
	vars[boundName] = func(args *exec.VarArgs) *exec.Value {
		for _, v := range args.Args {
			if left := bounded(v.Val, maxDepth, maxRendered); left < 0 {
				return answer(fmt.Errorf("a variable has more than %d bytes or lists in lists without end", maxRendered))
			}
		}
		return answer(nil)
	}
}

func answer(err error) *exec.Value {
	if err != nil {
		return exec.AsValue(err)
	}
	return exec.AsValue("")
}

func (b *budget) step(n int) error {
	b.steps += n
	switch {
	case b.steps > maxSteps:
		return fmt.Errorf("its loops and macros take more than %d steps", maxSteps)
	case b.steps%64 < n && time.Now().After(b.until):
		return fmt.Errorf("it takes longer than %s", maxTime)
	}
	return nil
}

// bounded is what is left of a number of bytes behind the value, negative where it has more, or is deeper.
func bounded(v reflect.Value, depth, left int) int {
	left -= 64 // about what any value takes
	if left < 0 || depth < 0 {
		return -1
	}
	switch v.Kind() {
	case reflect.String:
		return left - v.Len()
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() || !v.CanInterface() {
			return left
		}
		if inner, ok := v.Interface().(*exec.Value); ok {
			return bounded(inner.Val, depth, left)
		}
		return bounded(v.Elem(), depth-1, left)
	case reflect.Slice:
		for i := 0; i < v.Len() && left >= 0; i++ {
			left = bounded(v.Index(i), depth-1, left)
		}
	case reflect.Map:
		for iter := v.MapRange(); left >= 0 && iter.Next(); {
			left = bounded(iter.Value(), depth-1, left)
		}
	case reflect.Struct: // the library's dictionaries
		for i := 0; i < v.NumField() && left >= 0; i++ {
			left = bounded(v.Field(i), depth-1, left)
		}
	}
	return left
}

type limitedWriter struct {
	strings.Builder
	left int
}

func (w *limitedWriter) Write(p []byte) (int, error) { return w.WriteString(string(p)) }

func (w *limitedWriter) WriteString(s string) (int, error) {
	if len(s) > w.left {
		return 0, fmt.Errorf("the rendered prompt has more than %d bytes", maxRendered)
	}
	w.left -= len(s)
	return w.Builder.WriteString(s)
}

var _ io.StringWriter = (*limitedWriter)(nil)
