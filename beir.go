package labrador

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// maxTextLine bounds a line of a corpus or query file, in bytes: a whole book fits, a file without line ends does not.
const maxTextLine = 64 << 20

// Stream is an open text to decode: Name stands in the errors. BadUTF8, where it is set, is called with the number of every line
// that is not valid UTF-8; the readers put U+FFFD for each bad byte, as encoding/json does, and go on. BadID, where it is set, is called
// with every id that has blanks, tabs or line ends, which is an error otherwise.
type Stream struct {
	io.Reader
	Name    string
	BadUTF8 func(line int)
	BadID   func(line int, id string)
}

// OpenReader is Open for a file that is open already, in an archive for instance: it decompresses gzip and zstd and drops a byte
// order mark. Closing the result closes file; on an error file stays open.
func OpenReader(file io.ReadCloser) (io.ReadCloser, error) { return decompress(file) }

// ReadDocuments streams the documents of a corpus file (see DecodeDocuments for its forms), opened by Open. The first error ends
// the sequence; it says file, line and why.
func ReadDocuments(path string) iter.Seq2[Document, error] {
	return readPath(path, DecodeDocuments)
}

// ReadQueries streams the queries of a file (see DecodeQueries for its forms), opened by Open. The first error ends the sequence;
// it says file, line and why.
func ReadQueries(path string) iter.Seq2[Query, error] {
	return readPath(path, DecodeQueries)
}

func readPath[T any](path string, decode func(Stream) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		f, err := Open(path)
		if err != nil {
			var zero T
			yield(zero, err)
			return
		}
		defer f.Close()
		decode(Stream{Reader: f, Name: path})(yield)
	}
}

// DecodeDocuments streams documents from BEIR's corpus.jsonl, one object a line: _id (or id), title, text (or contents), image;
// other keys are skipped. A file whose first character is not '{' is MS MARCO's TSV: id, text (collection.tsv) or id, address,
// title, text (its documents). Blank lines are skipped. An id with blanks, tabs or line ends is an error, for runs cannot hold it. Memory does
// not grow with the file.
func DecodeDocuments(s Stream) iter.Seq2[Document, error] {
	return decodeLines(s, func(d *lineDecoder, line []byte) (Document, error) {
		if !d.json {
			return d.tsvDocument(line)
		}
		err := d.object(line)
		return Document{ID: d.id, Title: d.title, Text: d.text, Picture: d.image}, err
	})
}

// DecodeQueries streams queries from BEIR's queries.jsonl, one object a line: _id (or id), text, image; other keys are skipped.
// A file whose first character is not '{' is TSV: the id, a tab, the text to the end of the line. Blank lines are skipped. An id with
// blanks, tabs or line ends is an error, for runs cannot hold it.
func DecodeQueries(s Stream) iter.Seq2[Query, error] {
	return decodeLines(s, func(d *lineDecoder, line []byte) (Query, error) {
		if !d.json {
			id, text, ok := bytes.Cut(line, []byte{'\t'})
			if !ok {
				return Query{}, errors.New("no tab between id and text")
			}
			return Query{ID: validText(id), Text: validText(text)}, idError(id)
		}
		err := d.object(line)
		return Query{ID: d.id, Text: d.text, Picture: d.image}, err
	})
}

// decodeLines runs one over the lines of s; whether they hold JSON is told by the first of them.
func decodeLines[T any](s Stream, one func(*lineDecoder, []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		lines := textLines{in: bufio.NewReaderSize(s.Reader, 1<<18)}
		d := &lineDecoder{}
		for first := true; ; {
			line, err := lines.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(zero, fmt.Errorf("%s:%d: %w", s.Name, lines.n, err))
				return
			}
			if len(line) == 0 {
				continue
			}
			if first {
				d.json, first = line[skipBlanks(line, 0)] == '{', false
			}
			if s.BadUTF8 != nil && !utf8.Valid(line) {
				s.BadUTF8(lines.n)
			}
			if d.json && len(bytes.TrimSpace(line)) == 1 {
				yield(zero, fmt.Errorf("%s:%d: an object over several lines: JSON lines have each on one", s.Name, lines.n))
				return
			}
			item, err := one(d, line)
			if bad, is := err.(*badID); is && s.BadID != nil {
				s.BadID(lines.n, bad.id)
				err = nil
			}
			if err != nil {
				yield(zero, fmt.Errorf("%s:%d: %w", s.Name, lines.n, err))
				return
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// textLines cuts a stream into lines. The slice is good until the next call.
type textLines struct {
	in   *bufio.Reader
	long []byte // a line longer than the reader's buffer
	n    int    // the number of the line that next returned, from 1
}

// next returns a line without its end, empty when it holds only blanks.
func (l *textLines) next() ([]byte, error) {
	l.n++
	line, err := l.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.long = append(l.long[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = l.in.ReadSlice('\n')
			l.long = append(l.long, line...)
			if len(l.long) > maxTextLine {
				return nil, fmt.Errorf("a line of more than %d MiB", maxTextLine>>20)
			}
		}
		line = l.long
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	if err == io.EOF && len(line) == 0 {
		return nil, io.EOF
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(bytes.TrimSpace(line)) == 0 {
		return nil, nil
	}
	return line, nil
}

// tsvDocument reads a line of MS MARCO's collection.tsv (id, text) or msmarco-docs.tsv (id, address, title, text).
func (d *lineDecoder) tsvDocument(line []byte) (Document, error) {
	f := bytes.Split(line, []byte{'\t'})
	switch len(f) {
	case 1:
		return Document{}, errors.New(`neither an object, {"_id": "1", "text": "..."}, nor id, tab, text`)
	case 2:
		return Document{ID: validText(f[0]), Text: validText(f[1])}, idError(f[0])
	case 4:
		return Document{ID: validText(f[0]), Title: validText(f[2]), Text: validText(f[3])}, idError(f[0])
	}
	return Document{}, fmt.Errorf("%d columns between tabs, a corpus in TSV has 2 (id, text) or 4 (id, address, title, text)", len(f))
}

// idError refuses an id that would not come back as one column of a run or of judgements. trec_eval would take the rest of an id with a blank
// for the rank and all that follows for something else, without a word.
func idError(id []byte) error {
	switch f, _ := field(id); {
	case len(f) == 0:
		return errors.New("empty id")
	case len(f) < len(id):
		return &badID{validText(id)}
	}
	return nil
}

// badID is an id with blanks, tabs or line ends.
type badID struct{ id string }

func (e *badID) Error() string {
	return fmt.Sprintf("id %q: a blank, a tab or the end of a line in it would end it in TREC runs and judgements: put another character there, or none", clip([]byte(e.id)))
}

// validText is b with U+FFFD for every byte that is not UTF-8.
func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// WriteDocuments writes BEIR's corpus.jsonl: _id, title, text and, for documents with a picture, image.
func WriteDocuments(w io.Writer, docs iter.Seq2[Document, error]) error {
	enc := jsonLines(w)
	for d, err := range docs {
		if err == nil {
			err = enc.Encode(struct {
				ID    string `json:"_id"`
				Title string `json:"title"`
				Text  string `json:"text"`
				Image string `json:"image,omitempty"`
			}{d.ID, d.Title, d.Text, d.Picture})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WriteQueries writes BEIR's queries.jsonl: _id, text and, for queries with a picture, image.
func WriteQueries(w io.Writer, queries []Query) error {
	enc := jsonLines(w)
	for _, q := range queries {
		err := enc.Encode(struct {
			ID    string `json:"_id"`
			Text  string `json:"text"`
			Image string `json:"image,omitempty"`
		}{q.ID, q.Text, q.Picture})
		if err != nil {
			return err
		}
	}
	return nil
}

func jsonLines(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}
