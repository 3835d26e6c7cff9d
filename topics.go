package labrador

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
)

// maxTopics bounds a topic file, in bytes; the largest TREC ones have some hundred kilobytes.
const maxTopics = 256 << 20

// ReadTopics reads TREC topics in file order: the classical SGML (<top>, <num> Number: 301, <title> and text up to the next tag,
// over as many lines as it takes, closing tags or none) and the XML of later tracks (<topic number="1"> with <title> or <query>,
// or nothing but text inside). The query's text is the title, on one line. Ids lose a leading "Number:", and then
// leading zeros too, since qrels write topic 051 as 51.
func ReadTopics(path string) ([]Query, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTopics+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(data) > maxTopics {
		return nil, fmt.Errorf("%s: larger than %d MB, which no topic file is", path, maxTopics>>20)
	}
	queries, line, err := parseTopics(data)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, line, err)
	}
	return queries, nil
}

// topic collects one <top> or <topic> element.
type topic struct {
	id, title, query, bare string
	line                   int
}

// parseTopics returns the topics, or the line and cause of what is wrong.
func parseTopics(data []byte) (queries []Query, line int, err error) {
	var cur *topic
	seen := map[string]bool{}
	lines := lineCounter{data: data}
	end := func() error {
		if cur == nil {
			return nil
		}
		q, err := cur.finish()
		line, cur = cur.line, nil
		if err != nil {
			return err
		}
		if seen[q.ID] {
			return fmt.Errorf("topic %s occurs twice", q.ID)
		}
		seen[q.ID] = true
		queries = append(queries, q)
		return nil
	}
	for tag, at := nextTag(data, 0); tag.name != ""; tag, at = nextTag(data, at) {
		isTopic := tag.name == "top" || tag.name == "topic"
		if isTopic {
			if err := end(); err != nil {
				return nil, line, err
			}
		}
		if isTopic && !tag.closing {
			cur = &topic{line: lines.at(tag.start), id: tag.number()}
		}
		if cur != nil && !tag.closing {
			cur.take(tag.name, fieldText(data, at))
		}
	}
	if err := end(); err != nil {
		return nil, line, err
	}
	if len(queries) == 0 {
		return nil, 1, fmt.Errorf("no <top> or <topic> element: not a TREC topic file")
	}
	return queries, 0, nil
}

// take keeps the text that follows tag name.
func (t *topic) take(name, text string) {
	switch name {
	case "top", "topic":
		t.bare = text
	case "num", "number", "identifier":
		if t.id == "" {
			t.id = topicID(text)
		}
	case "title":
		if t.title == "" {
			t.title = strings.TrimSpace(strings.TrimPrefix(text, "Topic:"))
		}
	case "query":
		if t.query == "" {
			t.query = text
		}
	}
}

func (t *topic) finish() (Query, error) {
	if t.id == "" {
		return Query{}, fmt.Errorf("topic without a number (<num>, or number=\"...\")")
	}
	if strings.ContainsAny(t.id, " \t") {
		return Query{}, fmt.Errorf("topic number %q has blanks: runs and qrels cannot name it", t.id)
	}
	for _, text := range []string{t.title, t.query, t.bare} {
		if text != "" {
			return Query{ID: t.id, Text: text}, nil
		}
	}
	return Query{}, fmt.Errorf("topic %s has no <title> and no <query>", t.id)
}

func topicID(text string) string {
	rest, numbered := strings.CutPrefix(text, "Number:")
	if !numbered {
		return text
	}
	id := strings.TrimSpace(rest)
	if short := strings.TrimLeft(id, "0"); short != "" {
		return short
	}
	return id
}

// topicTag is one tag: <name attributes> or </name>.
type topicTag struct {
	name    string // lower case
	attrs   string
	closing bool
	start   int // offset of '<'
}

// inlineTags are markup inside a text, not the end of it.
var inlineTags = []string{"b", "i", "em", "strong", "sub", "sup", "br", "p", "u"}

// nextTag finds the first tag at or after offset from, and the offset behind it. A '<' that no letter or '/' follows is text.
// A tag without a name ends the data.
func nextTag(data []byte, from int) (topicTag, int) {
	for {
		i := bytes.IndexByte(data[from:], '<')
		if i < 0 {
			return topicTag{}, len(data)
		}
		start := from + i
		if bytes.HasPrefix(data[start:], []byte("<!--")) {
			if j := bytes.Index(data[start:], []byte("-->")); j >= 0 {
				from = start + j + 3
				continue
			}
			return topicTag{}, len(data)
		}
		if tag, end := readTag(data, start); tag.name != "" && !slices.Contains(inlineTags, tag.name) {
			return tag, end
		}
		from = start + 1
	}
}

// readTag reads the tag at data[start] == '<', if it is one.
func readTag(data []byte, start int) (topicTag, int) {
	t := topicTag{start: start}
	i := start + 1
	if i < len(data) && data[i] == '/' {
		t.closing = true
		i++
	}
	j := i
	for j < len(data) && isNameByte(data[j], j > i) {
		j++
	}
	// A tag ends on its own line; a longer search would make a text full of '<' quadratic.
	end := bytes.IndexAny(data[j:min(len(data), j+1024)], "<>")
	if j == i || end < 0 || data[j+end] != '>' {
		return topicTag{}, start + 1
	}
	t.name = strings.ToLower(string(data[i:j]))
	t.attrs = string(data[j : j+end])
	return t, j + end + 1
}

func isNameByte(c byte, inside bool) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || inside && (c == '-' || c == '_' || c >= '0' && c <= '9')
}

// number is the value of the attribute number, num or id.
func (t topicTag) number() string {
	for rest := t.attrs; ; {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return ""
		}
		after = strings.TrimSpace(after)
		if after == "" || after[0] != '"' && after[0] != '\'' {
			return ""
		}
		value, next, ok := strings.Cut(after[1:], after[:1])
		if !ok {
			return ""
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "number", "num", "id":
			return html.UnescapeString(strings.TrimSpace(value))
		}
		rest = next
	}
}

// fieldText is the text from offset at to the next tag, on one line, entities decoded.
func fieldText(data []byte, at int) string {
	tag, end := nextTag(data, at)
	if tag.name != "" {
		end = tag.start
	}
	text := data[at:end]
	for _, name := range inlineTags {
		text = bytes.ReplaceAll(text, []byte("<"+name+">"), []byte(" "))
		text = bytes.ReplaceAll(text, []byte("</"+name+">"), []byte(" "))
	}
	return strings.Join(strings.Fields(html.UnescapeString(string(text))), " ")
}

// lineCounter turns ascending offsets into line numbers.
type lineCounter struct {
	data     []byte
	off, num int
}

func (l *lineCounter) at(off int) int {
	l.num += bytes.Count(l.data[l.off:off], []byte("\n"))
	l.off = off
	return l.num + 1
}
