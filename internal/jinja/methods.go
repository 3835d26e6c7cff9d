package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	stringMethods map[string]stringMethod
	dictMethods   map[string]func(*render, *Dict, arguments) any
	listMethods   map[string]func(*render, *List, arguments) any
)

func init() { // they call functions that look for methods
	stringMethods, dictMethods, listMethods = methodsOfStrings(), methodsOfDicts(), methodsOfLists()
}

type stringMethod = func(r *render, s string, a arguments) any

func methodsOfStrings() map[string]stringMethod {
	plain := func(name string, f func(string) any) stringMethod {
		return func(r *render, s string, a arguments) any {
			a.bind(name)
			r.spend(2 * len(s))
			return f(s)
		}
	}
	strip := func(name string, left, right bool) stringMethod {
		return func(r *render, s string, a arguments) any {
			r.spend(len(s))
			return trimmed(s, a.bind(name, "chars")[0], left, right)
		}
	}
	pad := func(name string, at side) stringMethod {
		return func(r *render, s string, a arguments) any {
			given := a.bind(name, "width", "fillchar")
			fill := " "
			if given[1] != absent {
				fill = theText(name, given[1])
			}
			return r.padded(s, integer1(given[0], "width"), fill, at)
		}
	}
	all := func(name string, is func(rune) bool) stringMethod {
		return plain(name, func(s string) any {
			return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !is(c) })
		})
	}
	cased := func(name string, change func(string) string) stringMethod {
		return plain(name, func(s string) any {
			return change(s) == s && strings.ContainsFunc(s, func(c rune) bool { return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) })
		})
	}
	return map[string]stringMethod{
		"upper": plain("upper", func(s string) any { return upper(s) }), "lower": plain("lower", func(s string) any { return lower(s) }),
		"title": plain("title", func(s string) any { return titleText(s) }), "capitalize": plain("capitalize", func(s string) any { return capitalized(s) }),
		"swapcase": plain("swapcase", func(s string) any {
			if !ascii(s) {
				fail("swapcase of a text that is not ASCII is not supported")
			}
			return strings.Map(func(c rune) rune {
				if unicode.IsUpper(c) {
					return unicode.ToLower(c)
				}
				return unicode.ToUpper(c)
			}, s)
		}),
		"strip": strip("strip", true, true), "lstrip": strip("lstrip", true, false), "rstrip": strip("rstrip", false, true),
		"ljust": pad("ljust", leftSide), "rjust": pad("rjust", rightSide), "center": pad("center", middle),
		"isspace": all("isspace", IsSpace), "isalpha": all("isalpha", unicode.IsLetter),
		"isdigit":   all("isdigit", digit),
		"isdecimal": all("isdecimal", unicode.IsDigit),
		"isnumeric": all("isnumeric", digit),
		"isalnum":   all("isalnum", func(c rune) bool { return unicode.IsLetter(c) || digit(c) }),
		"isascii":   plain("isascii", func(s string) any { return ascii(s) }),
		"isupper":   cased("isupper", upper), "islower": cased("islower", lower),
		"istitle":    plain("istitle", func(s string) any { return titleText(s) == s && titleText(s) != lower(upper(s)) }),
		"startswith": affix("startswith", strings.HasPrefix), "endswith": affix("endswith", strings.HasSuffix),
		"removeprefix": plainText("removeprefix", strings.TrimPrefix), "removesuffix": plainText("removesuffix", strings.TrimSuffix),
		"split":      func(r *render, s string, a arguments) any { return r.split(s, a, false) },
		"rsplit":     func(r *render, s string, a arguments) any { return r.split(s, a, true) },
		"splitlines": splitLinesMethod, "partition": partition("partition", strings.Index), "rpartition": partition("rpartition", strings.LastIndex),
		"find": find("find", strings.Index, false), "rfind": find("rfind", strings.LastIndex, false),
		"index": find("index", strings.Index, true), "rindex": find("rindex", strings.LastIndex, true),
		"count": func(r *render, s string, a arguments) any {
			r.spend(len(s))
			return strings.Count(s, theText("count", a.bind("count", "sub")[0]))
		},
		"replace": func(r *render, s string, a arguments) any {
			given := a.bind("replace", "old", "new", "count")
			return r.replaced(s, theText("replace", given[0]), theText("replace", given[1]), given[2])
		},
		"join": func(r *render, s string, a arguments) any {
			items := r.iterate(a.bind("join", "iterable")[0])
			for _, item := range items {
				theText("join", item)
			}
			return r.join(r.list(kList, items), arguments{list: []any{s}})
		},
		"zfill": func(r *render, s string, a arguments) any {
			if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
				fail("zfill of a text with a sign is not supported")
			}
			return r.padded(s, integer1(a.bind("zfill", "width")[0], "width"), "0", rightSide)
		},
		"format": func(r *render, s string, a arguments) any { return r.format(s, a) },
	}
}

// digit says what has a digit's value, as far as ASCII and the decimal digits of other scripts.
func digit(c rune) bool {
	if unicode.IsNumber(c) && !unicode.IsDigit(c) {
		fail("whether %q is a digit is not supported", c)
	}
	return unicode.IsDigit(c)
}

// theText is an argument that must be a text.
func theText(name string, v any) string {
	s, ok := v.(string)
	if !ok {
		if v == absent {
			fail("%s has too few arguments", name)
		}
		fail("%s of %s", name, kindOf(v))
	}
	return s
}

func plainText(name string, f func(s, part string) string) stringMethod {
	return func(r *render, s string, a arguments) any {
		r.spend(len(s))
		return f(s, theText(name, a.bind(name, "part")[0]))
	}
}

func affix(name string, has func(s, part string) bool) stringMethod {
	return func(r *render, s string, a arguments) any {
		given := a.bind(name, "prefix")[0]
		if t, ok := given.(*List); ok && t.kind == kTuple {
			for _, part := range t.items {
				if has(s, theText(name, part)) {
					return true
				}
			}
			return false
		}
		return has(s, theText(name, given))
	}
}

func splitLinesMethod(r *render, s string, a arguments) any {
	r.spend(len(s))
	return r.texts(splitLines(s, r.flag(a.bind("splitlines", "keepends")[0], false)))
}

func partition(name string, at func(s, sep string) int) stringMethod {
	return func(r *render, s string, a arguments) any {
		sep := theText(name, a.bind(name, "sep")[0])
		if sep == "" {
			fail("an empty separator")
		}
		r.spend(2 * len(s))
		i := at(s, sep)
		switch {
		case i >= 0:
			return r.list(kTuple, []any{s[:i], sep, s[i+len(sep):]})
		case name == "partition":
			return r.list(kTuple, []any{s, "", ""})
		}
		return r.list(kTuple, []any{"", "", s})
	}
}

func find(name string, at func(s, part string) int, must bool) stringMethod {
	return func(r *render, s string, a arguments) any {
		r.spend(len(s))
		i := at(s, theText(name, a.bind(name, "sub")[0]))
		if i < 0 && must {
			fail("%s: the text is not there", name)
		}
		if i < 0 {
			return -1
		}
		return utf8.RuneCountInString(s[:i])
	}
}

func methodsOfDicts() map[string]func(*render, *Dict, arguments) any {
	return map[string]func(*render, *Dict, arguments) any{
		"keys": func(r *render, d *Dict, a arguments) any {
			a.bind("keys")
			return r.list(kView, d.keys)
		},
		"values": func(r *render, d *Dict, a arguments) any {
			a.bind("values")
			return r.list(kView, d.values)
		},
		"items": func(r *render, d *Dict, a arguments) any {
			a.bind("items")
			return r.list(kView, d.pairs(r))
		},
		"copy": func(_ *render, d *Dict, a arguments) any {
			a.bind("copy")
			return d
		},
		"get": func(r *render, d *Dict, a arguments) any {
			if len(a.names) > 0 || len(a.list) == 0 {
				fail("get with names, or of nothing")
			}
			given := a.bind("get", "key", "default")
			if _, ok := given[0].(undefined); !ok {
				if v, ok := d.get(r.key(given[0])); ok {
					return v
				}
			}
			if given[1] == absent {
				return nil
			}
			return given[1]
		},
	}
}

func methodsOfLists() map[string]func(*render, *List, arguments) any {
	return map[string]func(*render, *List, arguments) any{
		"count": func(r *render, l *List, a arguments) any {
			n := 0
			want := a.bind("count", "value")[0]
			for _, item := range l.items {
				n += whole(r.equal(item, want, 0))
			}
			return n
		},
		"index": func(r *render, l *List, a arguments) any {
			want := a.bind("index", "value")[0]
			for i, item := range l.items {
				if r.equal(item, want, 0) {
					return i
				}
			}
			fail("index: the value is not in the list")
			return nil
		},
	}
}
