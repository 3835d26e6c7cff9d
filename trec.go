package labrador

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unsafe"
)

// maxLine bounds a line of a run or qrels file, in bytes: a longer one is not such a file.
const maxLine = 1 << 20

// RunLine is one line of a TREC run: query, "Q0", document, rank, score, tag. The rank is not kept: order comes from
// the scores. The byte slices point into the parsed line.
type RunLine struct {
	Query, Doc, Tag []byte
	Score           float32
}

// ParseRunLine reads one line of a TREC run, its end of line removed. Fields are separated by any number of blanks and tabs;
// columns after the sixth are ignored, as trec_eval does. It allocates nothing unless it fails.
func ParseRunLine(line []byte) (RunLine, error) {
	var r RunLine
	var score []byte
	rest := line
	r.Query, rest = field(rest)
	_, rest = field(rest)
	r.Doc, rest = field(rest)
	_, rest = field(rest)
	score, rest = field(rest)
	r.Tag, _ = field(rest)
	if len(r.Tag) == 0 {
		return r, fmt.Errorf("%d columns, a run has 6: query Q0 document rank score tag", len(bytes.Fields(line)))
	}
	var ok bool
	if r.Score, ok = parseScore(score); !ok {
		return r, fmt.Errorf("score %q is not a number", clip(score))
	}
	return r, nil
}

// QrelsLine is one relevance judgement. The byte slices point into the parsed line.
type QrelsLine struct {
	Query, Doc []byte
	Grade      int
}

// ParseQrelsLine reads one judgement: TREC's four columns (query, iteration, document, grade) or BEIR's three (query, document,
// grade), told apart by their number. It allocates nothing unless it fails.
func ParseQrelsLine(line []byte) (QrelsLine, error) {
	var f [5][]byte
	n := 0
	for rest := line; n < len(f); n++ {
		f[n], rest = field(rest)
		if len(f[n]) == 0 {
			break
		}
	}
	q := QrelsLine{Query: f[0]}
	var grade []byte
	switch n {
	case 3:
		q.Doc, grade = f[1], f[2]
	case 4:
		q.Doc, grade = f[2], f[3]
	default:
		hint := ""
		if tabs := bytes.Count(line, []byte{'\t'}); n > tabs+1 && tabs >= 2 {
			hint = "; a blank ends a column, in an id too"
		}
		return q, fmt.Errorf("%d columns, qrels have 4 (query iteration document grade) or 3 (query document grade)%s", len(bytes.Fields(line)), hint)
	}
	var ok bool
	if q.Grade, ok = parseGrade(grade); !ok {
		return q, fmt.Errorf("grade %q is not a whole number", clip(grade))
	}
	return q, nil
}

// IsQrelsHeader says whether a file's first line is the header of BEIR's qrels (query-id, corpus-id, score) rather than a judgement.
func IsQrelsHeader(line []byte) bool {
	f := bytes.Fields(line)
	if len(f) != 3 && len(f) != 4 {
		return false
	}
	switch string(bytes.ToLower(f[len(f)-1])) {
	case "score", "rel", "relevance", "grade", "label":
		return true
	}
	return false
}

// Blank says whether a line holds nothing or a comment: trec_eval 10 skips lines that start with '#'.
func Blank(line []byte) bool {
	f, _ := field(line)
	return len(f) == 0 || line[0] == '#'
}

func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }

// field returns the first field of s and what follows it.
func field(s []byte) (f, rest []byte) {
	i := 0
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	j := i
	for j < len(s) && !isSpace(s[j]) {
		j++
	}
	return s[i:j], s[j:]
}

// maxGrade bounds a grade: trec_eval's documentation allows -127 to 127, collections in use go to some thousands.
const maxGrade = 1 << 20

func parseGrade(s []byte) (int, bool) {
	n, err := strconv.Atoi(alias(s))
	if err != nil {
		f, ferr := strconv.ParseFloat(alias(s), 64) // some BEIR exports write 1.0
		n = int(f)
		if ferr != nil || float64(n) != f || bytes.IndexByte(s, '_') >= 0 {
			return 0, false
		}
	}
	return n, n <= maxGrade && n >= -maxGrade
}

// parseScore reads a score and rounds it to float32 by way of float64, as trec_eval does (atof into a float).
func parseScore(s []byte) (float32, bool) {
	if v, ok := shortDecimal(s); ok {
		return float32(v), true
	}
	v, err := strconv.ParseFloat(alias(s), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(v) || bytes.IndexByte(s, '_') >= 0 { // Go would read 1_000
		return 0, false
	}
	return float32(v), true
}

// shortDecimal reads a plain decimal of at most 15 digits. Both the digits and the power of ten are exact float64 values, so
// the one division rounds correctly (Clinger 1990, the fast path).
func shortDecimal(s []byte) (float64, bool) {
	i, neg := 0, false
	if i < len(s) && s[i] == '-' {
		i, neg = 1, true
	}
	var m uint64
	digits, point := 0, -1
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c-'0' <= 9:
			m = m*10 + uint64(c-'0')
			if digits++; digits > 15 {
				return 0, false
			}
		case c == '.' && point < 0:
			point = digits
		default:
			return 0, false
		}
	}
	if digits == 0 {
		return 0, false
	}
	v := float64(m)
	if point >= 0 {
		v /= pow10[digits-point]
	}
	if neg {
		v = -v
	}
	return v, true
}

var pow10 = [16]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// alias is s as a string without a copy, for calls that do not keep it.
func alias(s []byte) string { return unsafe.String(unsafe.SliceData(s), len(s)) }

func clip(s []byte) []byte {
	if len(s) > 40 {
		return append(s[:37:37], "..."...)
	}
	return s
}

// failing remembers how reading ended, if not with the end of the file.
type failing struct {
	io.Reader
	err error
}

// Read reads on.
func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// ScanLines calls fn with every line of the text file at path (see Open) that is not Blank, its number from 1. The line is valid until fn returns. An
// error of fn comes back with file and line.
func ScanLines(path string, fn func(line []byte, n int) error) error {
	f, err := Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := &failing{Reader: f}
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 1<<16), maxLine)
	n := 0
	for sc.Scan() {
		n++
		if Blank(sc.Bytes()) {
			continue
		}
		if err := fn(sc.Bytes(), n); err != nil {
			if in.err != nil {
				err = in.err // the line was cut by it
			}
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	if errors.Is(sc.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: line longer than %d bytes", path, n+1, maxLine)
	}
	if sc.Err() != nil {
		return fmt.Errorf("%s:%d: %w", path, n+1, sc.Err())
	}
	return nil
}

// ReadRun reads a TREC run file, compressed or not. Every query's hits come back best first by CompareHits, whatever the
// order and ranks in the file. A document that occurs twice for a query is an error.
func ReadRun(path string) (Run, error) {
	run, seen := Run{}, seenDocs{}
	var id string
	err := ScanLines(path, func(line []byte, _ int) error {
		l, err := ParseRunLine(line)
		if err != nil {
			return err
		}
		if id != string(l.Query) {
			id = string(l.Query)
		}
		hits := append(run[id], Hit{ID: string(l.Doc), Score: l.Score})
		run[id] = hits
		if n := len(hits); n >= deepRun && n&(n-1) == 0 {
			return seen.twice(id, hits) // early: a small compressed file can repeat a line for ever
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, q := range run.QueryIDs() {
		if err := seen.twice(q, run[q]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		SortHits(run[q])
	}
	return run, nil
}

// deepRun is the number of hits of a query, and then each power of two, at which ReadRun looks for repeated documents while it still reads.
const deepRun = 2048

// seenDocs finds documents that occur twice; it is kept for its memory.
type seenDocs map[string]bool

func (s seenDocs) twice(query string, hits []Hit) error {
	clear(s)
	for _, h := range hits {
		if s[h.ID] {
			return fmt.Errorf("query %s: document %s occurs twice", query, h.ID)
		}
		s[h.ID] = true
	}
	return nil
}

// ReadQrels reads relevance judgements: TREC's four columns, or BEIR's three with their header line. A pair judged twice is an error.
func ReadQrels(path string) (Qrels, error) {
	qrels := Qrels{}
	first := true
	err := ScanLines(path, func(line []byte, _ int) error {
		header := first && IsQrelsHeader(line)
		first = false
		if header {
			return nil
		}
		l, err := ParseQrelsLine(line)
		if err != nil {
			return err
		}
		docs := qrels[string(l.Query)]
		if docs == nil {
			docs = map[string]int{}
			qrels[string(l.Query)] = docs
		}
		if _, twice := docs[string(l.Doc)]; twice {
			return fmt.Errorf("query %s: document %s is judged twice", l.Query, l.Doc)
		}
		docs[string(l.Doc)] = l.Grade
		return nil
	})
	if err != nil {
		return nil, err
	}
	return qrels, nil
}

// WriteRun writes run in TREC's six columns, queries in the order of queryIDs (those without hits are left out), hits in their order in run with
// ranks from 1. Scores have the fewest digits that read back as the same float32.
func WriteRun(w io.Writer, tag string, queryIDs []string, run Run) error {
	if err := checkField("tag", tag); err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	var line []byte
	for _, q := range queryIDs {
		if err := checkField("query id", q); err != nil {
			return err
		}
		if q[0] == '#' {
			return fmt.Errorf("query id %q: a run file cannot hold it (a line starting with # is a comment)", q)
		}
		for i, h := range run[q] {
			if err := checkField("document id", h.ID); err != nil {
				return fmt.Errorf("query %s: %w", q, err)
			}
			if math.IsNaN(float64(h.Score)) {
				return fmt.Errorf("query %s: document %s: score is not a number", q, h.ID)
			}
			line = append(line[:0], q...)
			line = append(line, " Q0 "...)
			line = append(line, h.ID...)
			line = append(line, ' ')
			line = strconv.AppendInt(line, int64(i+1), 10)
			line = append(line, ' ')
			line = strconv.AppendFloat(line, float64(h.Score), 'g', -1, 32)
			line = append(line, ' ')
			line = append(line, tag...)
			line = append(line, '\n')
			if _, err := b.Write(line); err != nil {
				return err
			}
		}
	}
	return b.Flush()
}

// checkField refuses what would not come back as one column.
func checkField(what, s string) error {
	if f, rest := field([]byte(s)); len(f) == 0 || len(rest) > 0 || len(f) != len(s) {
		return fmt.Errorf("%s %q: a run file cannot hold it (empty, or with blanks)", what, s)
	}
	return nil
}
