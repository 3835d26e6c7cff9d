package vectors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// The .npy format (NumPy's numpy.lib.format, versions 1.0 to 3.0): the bytes \x93NUMPY, one byte each for the major and minor
// version, the length of the header (little-endian uint16 in version 1, uint32 after), the header: a Python dict
// literal with the keys descr, fortran_order and shape, padded with blanks, and the elements.
const npyMagic = "\x93NUMPY"

// header says what an .npy file holds.
type header struct {
	size       int  // bytes of an element: 2, 4 or 8, floating point
	bigEndian  bool // byte order
	rows, cols int
	offset     int // where the elements start
}

// parseHeader reads the header of a whole .npy file's bytes and checks that exactly the elements it promises follow.
func parseHeader(data []byte) (header, error) {
	text, offset, err := headerText(data)
	if err != nil {
		return header{}, err
	}
	h := header{offset: offset}
	fields, err := parseDict(text)
	if err != nil {
		return header{}, fmt.Errorf("header %s: %w", clip(text), err)
	}
	if err := h.setType(fields.descr); err != nil {
		return header{}, err
	}
	if fields.fortran {
		return header{}, errors.New("elements are in Fortran order; save np.ascontiguousarray(x) instead")
	}
	if len(fields.shape) != 2 {
		return header{}, fmt.Errorf("array is %d-dimensional; vectors need 2 dimensions, one row per id", len(fields.shape))
	}
	rows, cols := fields.shape[0], fields.shape[1]
	if cols == 0 {
		return header{}, fmt.Errorf("rows of shape (%d, 0) have no elements", rows)
	}
	hi, elements := bits.Mul64(rows, cols)
	over, want := bits.Mul64(elements, uint64(h.size))
	if have := uint64(len(data) - offset); hi != 0 || over != 0 || want != have {
		return header{}, fmt.Errorf("shape (%d, %d) of %d-byte elements does not fit the %d bytes after the header: the file is cut off or not one array",
			rows, cols, h.size, have)
	}
	if rows > uint64(len(data)) || cols > uint64(len(data)) {
		return header{}, fmt.Errorf("shape (%d, %d) is impossible in a file of %d bytes", rows, cols, len(data))
	}
	h.rows, h.cols = int(rows), int(cols)
	return h, nil
}

// headerText cuts out the dict literal; offset is where the elements start.
func headerText(data []byte) (text string, offset int, err error) {
	if len(data) < 10 || string(data[:6]) != npyMagic {
		return "", 0, errors.New("not an .npy file: it does not start with \\x93NUMPY")
	}
	var start, length uint64
	switch major := data[6]; major {
	case 1:
		start, length = 10, uint64(binary.LittleEndian.Uint16(data[8:]))
	case 2, 3:
		if len(data) < 12 {
			return "", 0, errors.New("cut off within the header")
		}
		start, length = 12, uint64(binary.LittleEndian.Uint32(data[8:]))
	default:
		return "", 0, fmt.Errorf("version %d.%d of the format is unknown (1 to 3 are known)", major, data[7])
	}
	if start+length > uint64(len(data)) {
		return "", 0, fmt.Errorf("header of %d bytes in a file of %d", length, len(data))
	}
	return string(data[start : start+length]), int(start + length), nil
}

// setType reads NumPy's type string, such as "<f4".
func (h *header) setType(descr string) error {
	kind := strings.TrimLeft(descr, "<>=|")
	switch kind {
	case "f2", "f4", "f8":
		h.size = int(kind[1] - '0')
	default:
		return fmt.Errorf("elements of type %q; vectors are f2, f4 or f8 (save x.astype(np.float32))", descr)
	}
	h.bigEndian = strings.HasPrefix(descr, ">")
	if len(descr)-len(kind) > 1 {
		return fmt.Errorf("elements of type %q are unknown", descr)
	}
	return nil
}

type dict struct {
	descr   string
	fortran bool
	shape   []uint64
}

// parseDict reads the dict literal: exactly the three keys, in any order.
func parseDict(text string) (dict, error) {
	p := literal{strings.TrimRight(text, " \n\x00")}
	var d dict
	seen := map[string]bool{}
	p.expect("{")
	closed := p.accept("}")
	for ; p.ok() && !closed; closed = p.accept("}") {
		key := p.str()
		p.expect(":")
		if seen[key] {
			return d, fmt.Errorf("key %q occurs twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			d.descr = p.str()
		case "fortran_order":
			d.fortran = p.accept("True")
			if !d.fortran {
				p.expect("False")
			}
		case "shape":
			d.shape = p.tuple()
		default:
			return d, fmt.Errorf("key %q is unknown", clip(key))
		}
		if !p.accept(",") && !p.peek("}") {
			p.fail()
		}
	}
	if !closed || p.rest != "" {
		return d, errors.New("is no dict of descr, fortran_order and shape (structured types are not read)")
	}
	if len(seen) != 3 {
		return d, errors.New("lacks one of descr, fortran_order, shape")
	}
	return d, nil
}

// literal is what is left to read of a Python literal. A failure sticks.
type literal struct{ rest string }

const failed = "\x00failed"

func (p *literal) fail()    { p.rest = failed }
func (p *literal) ok() bool { return p.rest != failed && p.rest != "" }

func (p *literal) peek(token string) bool {
	if p.rest != failed {
		p.rest = strings.TrimLeft(p.rest, " ")
	}
	return strings.HasPrefix(p.rest, token)
}

func (p *literal) accept(token string) bool {
	if !p.peek(token) {
		return false
	}
	p.rest = p.rest[len(token):]
	return true
}

func (p *literal) expect(token string) {
	if !p.accept(token) {
		p.fail()
	}
}

// str reads a string in single or double quotes; one with an escape is no key or type of this format.
func (p *literal) str() string {
	for _, quote := range []string{"'", `"`} {
		if p.accept(quote) {
			s, rest, found := strings.Cut(p.rest, quote)
			if !found || strings.Contains(s, `\`) {
				break
			}
			p.rest = rest
			return s
		}
	}
	p.fail()
	return ""
}

// tuple reads numbers such as (3, 4) or (3,); a trailing L, which Python 2 wrote, is passed over.
func (p *literal) tuple() []uint64 {
	var list []uint64
	p.expect("(")
	for p.ok() && !p.accept(")") {
		end := 0
		for p.peek(""); end < len(p.rest) && '0' <= p.rest[end] && p.rest[end] <= '9'; end++ {
		}
		n, err := strconv.ParseUint(p.rest[:end], 10, 64)
		if err != nil || len(list) == 32 { // NumPy's own limit was 32 dimensions
			p.fail()
			return nil
		}
		p.rest = p.rest[end:]
		p.accept("L")
		list = append(list, n)
		if !p.accept(",") && !p.peek(")") {
			p.fail()
		}
	}
	return list
}

func clip(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return strconv.Quote(s)
}
