package labrador

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// lineDecoder reads one JSON object a line by hand, several times faster than encoding/json and with the same result (a fuzz
// target compares them): it copies the four fields that matter and only checks the rest.
type lineDecoder struct {
	json                   bool // the file holds JSON, not TSV
	id, title, text, image string
	buf                    []byte // scratch for unescaping
}

// object fills the fields from line, which must hold one object and nothing else. Of a key that comes twice the last one counts.
func (d *lineDecoder) object(line []byte) error {
	d.id, d.title, d.text, d.image = "", "", "", ""
	i := skipBlanks(line, 0)
	if i == len(line) || line[i] != '{' {
		return errors.New("not a JSON object")
	}
	hasID, hasText := false, false
	i = skipBlanks(line, i+1)
	if i < len(line) && line[i] == '}' {
		return errors.New(`no "_id"`)
	}
	for {
		key, next, err := d.key(line, i)
		if err != nil {
			return err
		}
		switch string(key) {
		case "_id", "id":
			hasID = true
			d.id, i, err = d.idValue(line, next)
		case "title":
			hasText = true
			d.title, i, err = d.textValue(line, next)
		case "text", "contents":
			hasText = true
			d.text, i, err = d.textValue(line, next)
		case "image":
			hasText = true
			d.image, i, err = d.textValue(line, next)
		default:
			i, err = skipValue(line, next)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		i = skipBlanks(line, i)
		if i < len(line) && line[i] == ',' {
			i = skipBlanks(line, i+1)
			continue
		}
		if i < len(line) && line[i] == '}' {
			break
		}
		return fmt.Errorf("column %d: want ',' or '}'", i+1)
	}
	switch {
	case skipBlanks(line, i+1) != len(line):
		return errors.New("more than one object on the line")
	case !hasID:
		return errors.New(`no "_id"`)
	case !hasText && d.id != "":
		return errors.New(`no "text"`)
	}
	return idError([]byte(d.id))
}

// key reads a key and its colon; next is where the value starts.
func (d *lineDecoder) key(line []byte, i int) (key []byte, next int, err error) {
	key, i, err = d.str(line, i)
	if err != nil {
		return nil, i, err
	}
	key = bytes.Clone(key) // d.buf is used again for the value
	i = skipBlanks(line, i)
	if i == len(line) || line[i] != ':' {
		return nil, i, fmt.Errorf("column %d: want ':' after a key", i+1)
	}
	return key, skipBlanks(line, i+1), nil
}

// textValue reads a string; null is the empty one.
func (d *lineDecoder) textValue(line []byte, i int) (string, int, error) {
	if bytes.HasPrefix(line[i:], []byte("null")) {
		return "", i + 4, nil
	}
	b, i, err := d.str(line, i)
	return string(b), i, err
}

// idValue reads an id: a string, or a whole number as its digits.
func (d *lineDecoder) idValue(line []byte, i int) (string, int, error) {
	if i < len(line) && line[i] == '"' {
		b, i, err := d.str(line, i)
		return string(b), i, err
	}
	j := i
	for j < len(line) && !isSpace(line[j]) && line[j] != ',' && line[j] != '}' {
		j++
	}
	value := line[i:j]
	if len(value) == 0 {
		return "", i, fmt.Errorf("column %d: want a string", i+1)
	}
	if _, err := strconv.ParseInt(string(value), 10, 64); err == nil && json.Valid(value) {
		return string(value), j, nil
	}
	if _, err := strconv.ParseFloat(string(value), 64); err == nil && json.Valid(value) {
		return "", i, fmt.Errorf("the number %s is no id: write a string or a whole number, the same as in the judgements", clip(value))
	}
	return "", i, fmt.Errorf("%s is no id: an id is a string or a whole number", clip(value))
}

// str reads the string that starts at line[i]; next is behind its closing quote. The result is good until the next call.
func (d *lineDecoder) str(line []byte, i int) (s []byte, next int, err error) {
	if i >= len(line) || line[i] != '"' {
		return nil, i, fmt.Errorf("column %d: want a string", i+1)
	}
	i++
	end := bytes.IndexByte(line[i:], '"')
	if end < 0 {
		return nil, i, errors.New("a string without its closing quote: is the line cut off?")
	}
	if raw := line[i : i+end]; plain(raw) {
		return raw, i + end + 1, nil
	}
	return d.unescape(line, i)
}

// plain says whether b is UTF-8 without a backslash or control character, so that it stands for itself.
func plain(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c < ' ' || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.Valid(b)
}

// unescape reads the rest of a string from line[i] through d.buf.
func (d *lineDecoder) unescape(line []byte, i int) (s []byte, next int, err error) {
	out := d.buf[:0]
	defer func() { d.buf = out }()
	for i < len(line) {
		c := line[i]
		switch {
		case c == '"':
			return out, i + 1, nil
		case c < ' ':
			return nil, i, fmt.Errorf("column %d: control character %#02x in a string", i+1, c)
		case c == '\\':
			out, i, err = escape(out, line, i)
			if err != nil {
				return nil, i, err
			}
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(line[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return nil, i, errors.New("a string without its closing quote: is the line cut off?")
}

const (
	escaped   = `"\/bfnrt`
	unescaped = "\"\\/\b\f\n\r\t"
)

// escape appends what the escape at line[i] stands for. Half a surrogate pair is U+FFFD, as encoding/json has it.
func escape(out, line []byte, i int) ([]byte, int, error) {
	if i+1 < len(line) {
		if at := bytes.IndexByte([]byte(escaped), line[i+1]); at >= 0 {
			return append(out, unescaped[at]), i + 2, nil
		}
	}
	r, ok := hex4(line, i)
	if !ok {
		return out, i, fmt.Errorf("column %d: bad escape in a string", i+1)
	}
	i += 6
	if utf16.IsSurrogate(r) {
		low, ok := hex4(line, i)
		if both := utf16.DecodeRune(r, low); ok && both != utf8.RuneError {
			return utf8.AppendRune(out, both), i + 6, nil
		}
		r = utf8.RuneError
	}
	return utf8.AppendRune(out, r), i, nil
}

// hex4 reads \uXXXX at line[i].
func hex4(line []byte, i int) (rune, bool) {
	if i+6 > len(line) || line[i] != '\\' || line[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range line[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// skipValue checks the value at line[i] and returns where it ends.
func skipValue(line []byte, i int) (int, error) {
	end, depth := i, 0
	for end < len(line) {
		switch c := line[end]; c {
		case '"':
			n := stringEnd(line, end+1)
			if n < 0 {
				return i, errors.New("a string without its closing quote: is the line cut off?")
			}
			end = n - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth < 0 || depth == 0 && line[end] == ',' {
			break
		}
		end++
	}
	value := bytes.Trim(line[i:end], " \t\r\n")
	if !json.Valid(value) {
		return i, errors.New("not a JSON value")
	}
	return end, nil
}

// stringEnd is the place behind the closing quote of the string whose inside starts at line[i], or -1.
func stringEnd(line []byte, i int) int {
	for i < len(line) {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
		i++
	}
	return -1
}

func skipBlanks(line []byte, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r' || line[i] == '\n') {
		i++
	}
	return i
}
