package dataset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/labrador-lab/labrador"
)

// maxHeld bounds what is read of a file whose content is kept in memory (queries, judgements), in bytes after decompression.
const maxHeld = 2 << 30

// files is a source made of files, in a folder or a zip.
type files struct {
	layout
	dir  string // for messages and pictures
	zip  bool
	open func(name string) (io.ReadCloser, error) // decompressed
}

// openFiles looks at the folder or zip at path.
func openFiles(path string) (*files, error) {
	if file, inside, ok := splitZip(path); ok {
		return openZip(file, inside)
	}
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	} else if !info.IsDir() {
		return openCorpus(path), nil
	}
	var names []string
	for _, dir := range []string{"", "qrels"} {
		entries, err := os.ReadDir(filepath.Join(path, dir))
		if dir == "qrels" && err != nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		for _, e := range entries {
			names = append(names, strings.TrimPrefix(dir+"/"+e.Name(), "/"))
		}
	}
	l, err := newLayout(names)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return &files{layout: l, dir: path, open: func(name string) (io.ReadCloser, error) {
		return openRegular(filepath.Join(path, filepath.FromSlash(name)))
	}}, nil
}

// openCorpus is the source whose documents are those of one file, and which has nothing else.
func openCorpus(path string) *files {
	corpus := filepath.Base(path)
	return &files{layout: layout{corpus: corpus}, dir: filepath.Dir(path), open: func(name string) (io.ReadCloser, error) {
		if name != corpus {
			return nil, fs.ErrNotExist
		}
		return openRegular(path)
	}}
}

// openRegular opens a file that can be read as often as need be: no pipe, which would wait for a writer, and no device.
func openRegular(path string) (io.ReadCloser, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, fmt.Errorf("dataset: %s: a pipe or device, which cannot be read twice: give a file", path)
	}
	return labrador.Open(path)
}

func (f *files) splits() []string { return f.splitNames() }

// fullName is a file's name in messages.
func (f *files) fullName(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *files) documents(t tolerance) iter.Seq2[labrador.Document, error] {
	if f.corpus == "" {
		return failed[labrador.Document](fmt.Errorf("dataset: %s: %w", f.dir, errNoCorpus))
	}
	return func(yield func(labrador.Document, error) bool) {
		r, err := f.open(f.corpus)
		if err != nil {
			yield(labrador.Document{}, err)
			return
		}
		defer r.Close()
		stream := labrador.Stream{Reader: r, Name: f.fullName(f.corpus), BadUTF8: t.badUTF8, BadID: t.badID}
		for d, err := range labrador.DecodeDocuments(stream) {
			if err == nil && d.Picture != "" {
				d.Picture, err = f.picture(d)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// picture is the path of a document's picture, which must lie below the folder.
func (f *files) picture(d labrador.Document) (string, error) {
	local := filepath.FromSlash(d.Picture)
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("%s: document %s: picture %q is not below the folder", f.fullName(f.corpus), d.ID, d.Picture)
	}
	return filepath.Join(f.dir, local), nil
}

func (f *files) queries(split string, t tolerance) iter.Seq2[labrador.Query, error] {
	name := f.queryFile(split)
	switch {
	case name == "" && len(f.layout.queries) == 0:
		return failed[labrador.Query](fmt.Errorf("dataset: %s: %w", f.dir, ErrNoQueries))
	case name == "" && split == "":
		return failed[labrador.Query](fmt.Errorf("dataset: %s: queries of several splits, and judgements of none: name one query file", f.dir))
	case name == "":
		return failed[labrador.Query](fmt.Errorf("dataset: %s: no queries for split %s (queries.%s.tsv or queries.jsonl)", f.dir, split, split))
	}
	return func(yield func(labrador.Query, error) bool) {
		r, err := f.open(name)
		if err != nil {
			yield(labrador.Query{}, err)
			return
		}
		defer r.Close()
		in := bufio.NewReader(&bounded{r: r, left: maxHeld, what: f.fullName(name)})
		if head, _ := in.Peek(512); bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")) {
			f.topics(name)(yield)
			return
		}
		labrador.DecodeQueries(labrador.Stream{Reader: in, Name: f.fullName(name), BadUTF8: t.badUTF8, BadID: t.badID})(yield)
	}
}

// topics streams TREC topics.
func (f *files) topics(name string) iter.Seq2[labrador.Query, error] {
	if f.zip {
		return failed[labrador.Query](fmt.Errorf("dataset: %s: TREC topics are not read from a zip, unpack it", f.fullName(name)))
	}
	queries, err := labrador.ReadTopics(f.fullName(name))
	if err != nil {
		return failed[labrador.Query](err)
	}
	return func(yield func(labrador.Query, error) bool) {
		for _, q := range queries {
			if !yield(q, nil) {
				return
			}
		}
	}
}

func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}

func (f *files) qrels(split string, twice func(query, doc string)) (labrador.Qrels, error) {
	name := f.layout.qrels[split]
	r, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readQrels(&bounded{r: r, left: maxHeld, what: f.fullName(name)}, f.fullName(name), twice)
}

// readQrels is labrador.ReadQrels on an open file; a pair judged twice goes to twice, the first judgement counts.
func readQrels(r io.Reader, name string, twice func(query, doc string)) (labrador.Qrels, error) {
	qrels := labrador.Qrels{}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), 1<<20)
	first := true
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if labrador.Blank(line) {
			continue
		}
		header := first && labrador.IsQrelsHeader(line)
		if first = false; header {
			continue
		}
		l, err := labrador.ParseQrelsLine(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		docs := qrels[string(l.Query)]
		if docs == nil {
			docs = map[string]int{}
			qrels[string(l.Query)] = docs
		}
		if _, again := docs[string(l.Doc)]; !again {
			docs[string(l.Doc)] = l.Grade
		} else if twice == nil {
			return nil, fmt.Errorf("%s:%d: query %s: document %s is judged twice", name, n, l.Query, l.Doc)
		} else {
			twice(string(l.Query), string(l.Doc))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return qrels, nil
}

// bounded reads at most left bytes and then fails: what unpacks without end must not fill the memory.
type bounded struct {
	r    io.Reader
	left int64
	what string
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%s: larger than the %d MiB that such a file may have", b.what, maxHeld>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// digest hashes corpus, queries and judgements after decompression, and the pictures where documents have some.
func (f *files) digest(split string) (string, error) {
	h := sha256.New()
	pictures := false
	for _, name := range []string{f.corpus, f.queryFile(split), f.layout.qrels[split]} {
		if name == "" {
			return "", fmt.Errorf("dataset: %s: no corpus, or no queries for split %s", f.dir, split)
		}
		r, err := f.open(name)
		if err != nil {
			return "", err
		}
		part := sha256.New()
		head := make([]byte, 1<<16)
		n, err := io.ReadFull(r, head)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		pictures = pictures || name == f.corpus && bytes.Contains(head[:n], []byte(`"image"`))
		part.Write(head[:n])
		if err == nil {
			_, err = io.Copy(part, r)
		}
		r.Close()
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.fullName(name), err)
		}
		h.Write(part.Sum(nil))
	}
	if pictures {
		if err := f.hashPictures(h); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (f *files) hashPictures(h io.Writer) error {
	for d, err := range f.documents(tolerance{}) {
		if err != nil {
			return err
		}
		if d.Picture == "" {
			continue
		}
		b, err := os.ReadFile(d.Picture)
		if err != nil {
			return fmt.Errorf("dataset: document %s: %w", d.ID, err)
		}
		sum := sha256.Sum256(b)
		h.Write(sum[:])
	}
	return nil
}

// hashOf is the SHA-256 of the parts, in hexadecimal; no part can run into the next.
func hashOf(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (f *files) about() string {
	for _, name := range []string{"SOURCE.txt", "LICENSE", "LICENSE.txt", "LICENSE.md", "README.md"} {
		r, err := f.open(name)
		if err != nil {
			continue
		}
		line, _ := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
		r.Close()
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
