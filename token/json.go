package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader walks through JSON without building values: encoding/json takes most of a second for a large vocabulary. Small
// parts are cut out with raw and given to encoding/json.
type jsonReader struct {
	b   []byte
	i   int
	buf []byte
}

func newJSONReader(b []byte) (*jsonReader, error) {
	b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	return &jsonReader{b: b}, nil
}

func (r *jsonReader) fail(what string) error { return fmt.Errorf("JSON, byte %d: %s", r.i, what) }

// peek returns the next byte after white space, 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.i < len(r.b); r.i++ {
		if c := r.b[r.i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

func (r *jsonReader) expect(c byte) error {
	if r.peek() != c {
		return r.fail("expected " + strconv.QuoteRune(rune(c)))
	}
	r.i++
	return nil
}

// list reads what lies between open and close, calling item at the start of each.
func (r *jsonReader) list(open, end byte, item func() error) error {
	if err := r.expect(open); err != nil {
		return err
	}
	if r.peek() == end {
		r.i++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.i++
		case end:
			r.i++
			return nil
		default:
			return r.fail("expected ',' or " + strconv.QuoteRune(rune(end)))
		}
	}
}

func (r *jsonReader) array(item func() error) error { return r.list('[', ']', item) }

// object calls member for each member with its key, valid until the next call to str; member reads the value.
func (r *jsonReader) object(member func(key []byte) error) error {
	return r.list('{', '}', func() error {
		key, err := r.str()
		if err == nil {
			err = r.expect(':')
		}
		if err != nil {
			return err
		}
		return member(key)
	})
}

// str reads a string. What it returns is valid until the next call.
func (r *jsonReader) str() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start := r.i
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return r.b[start : r.i-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return nil, r.fail("control character in a string")
		}
	}
	return nil, r.fail("string without end")
}

func (r *jsonReader) escaped(start int) ([]byte, error) {
	out := append(r.buf[:0], r.b[start:r.i]...)
	for r.i < len(r.b) {
		c := r.b[r.i]
		r.i++
		switch {
		case c == '"':
			r.buf = out
			return out, nil
		case c < ' ':
			return nil, r.fail("control character in a string")
		case c != '\\':
			out = append(out, c)
			continue
		case r.i == len(r.b):
			return nil, r.fail("string without end")
		}
		c = r.b[r.i]
		r.i++
		if j := bytes.IndexByte([]byte(`"\/bfnrt`), c); j >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[j])
			continue
		}
		u, err := r.unicode(c)
		if err != nil {
			return nil, err
		}
		out = utf8.AppendRune(out, u)
	}
	return nil, r.fail("string without end")
}

// unicode reads the rest of \uXXXX, and a second one after the first half of a pair. c is the letter after the backslash.
func (r *jsonReader) unicode(c byte) (rune, error) {
	u, ok := r.hex4(c)
	if !ok {
		return 0, r.fail("bad escape")
	}
	if !utf16.IsSurrogate(u) {
		return u, nil
	}
	if r.i+1 < len(r.b) && r.b[r.i] == '\\' {
		r.i += 2
		if v, ok := r.hex4(r.b[r.i-1]); ok {
			if u = utf16.DecodeRune(u, v); u != utf8.RuneError {
				return u, nil
			}
		}
	}
	return 0, r.fail("half of a surrogate pair")
}

func (r *jsonReader) hex4(c byte) (rune, bool) {
	if c != 'u' || r.i+4 > len(r.b) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.b[r.i:r.i+4]), 16, 16)
	r.i += 4
	return rune(v), err == nil
}

// number reads a number.
func (r *jsonReader) number() (string, error) {
	r.peek()
	start := r.i
	for r.i < len(r.b) && bytes.IndexByte([]byte("+-.0123456789eE"), r.b[r.i]) >= 0 {
		r.i++
	}
	if start == r.i {
		return "", r.fail("expected a number")
	}
	return viewString(r.b[start:r.i]), nil
}

func (r *jsonReader) int() (int64, error) {
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, r.fail("expected a whole number, not " + s)
	}
	return v, nil
}

// float reads a number as Rust's serde_json does, whose last digit may differ from the nearest float64: ways of equal scores to cut a text are
// told apart by it.
func (r *jsonReader) float() (float64, error) {
	s, err := r.number()
	if err != nil {
		return 0, err
	}
	if v, err := strconv.ParseFloat(s, 64); err != nil || v == 0 {
		if err != nil {
			err = r.fail("bad number " + s)
		}
		return v, err
	}
	digits, exponent, _ := strings.Cut(strings.ToLower(strings.TrimLeft(s, "+-")), "e")
	e, _ := strconv.Atoi(exponent)
	whole, fraction, _ := strings.Cut(digits, ".")
	m, left := significand(0, whole)
	if e += left; left == 0 {
		m, left = significand(m, fraction)
		e -= len(fraction) - left
	}
	v := scaled(float64(m), e)
	if s[0] == '-' {
		v = -v
	}
	return v, nil
}

// significand is m with the digits behind it that 64 bits have room for, and the number of those that they have not.
func significand(m uint64, digits string) (uint64, int) {
	for i, c := range []byte(digits) {
		d := uint64(c - '0')
		if m > (math.MaxUint64-d)/10 {
			return m, len(digits) - i
		}
		m = 10*m + d
	}
	return m, 0
}

// scaled is m times 10 to the e, multiplied or divided once where a float64 holds the power.
func scaled(m float64, e int) float64 {
	for ; e < -308; e += 308 {
		m /= 1e308
	}
	if e < 0 {
		return m / power(-e)
	}
	return m * power(e)
}

// power is 10 to the n, for n up to 308 the nearest float64; math.Pow10 is that only for small n.
func power(n int) float64 {
	if n < 32 {
		return math.Pow10(n)
	}
	p, _ := strconv.ParseFloat("1e"+strconv.Itoa(n), 64)
	return p
}

// raw cuts out the next value; only its brackets and strings are checked.
func (r *jsonReader) raw() (json.RawMessage, error) {
	r.peek()
	start, depth := r.i, 0
	for r.i < len(r.b) {
		c := r.b[r.i]
		if !jsonMarks[c] {
			r.i++
			continue
		}
		switch c {
		case '"':
			if err := r.skipString(); err != nil {
				return nil, err
			}
		case '[', '{':
			depth++
			r.i++
		case ',':
			if depth == 0 {
				return r.cut(start)
			}
			r.i++
			continue
		default:
			if depth == 0 {
				return r.cut(start)
			}
			depth--
			r.i++
		}
		if depth == 0 {
			return r.cut(start)
		}
	}
	return r.cut(start)
}

// jsonMarks are the characters that raw looks at.
var jsonMarks = [256]bool{'"': true, '[': true, ']': true, '{': true, '}': true, ',': true}

func (r *jsonReader) cut(start int) (json.RawMessage, error) {
	if start == r.i {
		return nil, r.fail("expected a value")
	}
	return r.b[start:r.i], nil
}

func (r *jsonReader) skipString() error {
	for r.i++; r.i < len(r.b); r.i++ {
		for r.i < len(r.b) && r.b[r.i] != '"' { // strings are short: no call for each
			r.i++
		}
		if r.i == len(r.b) {
			break
		}
		n := 0
		for r.b[r.i-1-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			r.i++
			return nil
		}
	}
	return r.fail("string without end")
}

// end checks that nothing follows.
func (r *jsonReader) end() error {
	if r.peek(); r.i < len(r.b) {
		return r.fail("something after the end")
	}
	return nil
}

// fields decodes a part of a tokenizer file; a field that v does not have is refused.
func fields(raw json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// isNull says whether a part of a file is absent or null.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null" }

// typeOf returns the "type" of a part of a tokenizer file.
func typeOf(raw json.RawMessage) (string, error) {
	var t struct{ Type string }
	if err := json.Unmarshal(raw, &t); err != nil {
		return "", err
	}
	return t.Type, nil
}
