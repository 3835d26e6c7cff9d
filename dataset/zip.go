package dataset

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador"
)

const (
	// maxUnpack bounds how many times its packed size a file in a zip may have: text packs 3 to 10 times, a bomb a thousand times.
	maxUnpack = 200
	// unpackFree is the size, in bytes, up to which maxUnpack does not matter.
	unpackFree = 16 << 20
)

// splitZip cuts a path that leads into a zip (x.zip/android) into the zip and the slash-separated folder inside, which is "" for the zip itself.
func splitZip(path string) (file, inside string, ok bool) {
	clean := filepath.ToSlash(filepath.Clean(path))
	for file = clean; ; {
		if strings.HasSuffix(file, ".zip") {
			if info, err := os.Stat(filepath.FromSlash(file)); err == nil && !info.IsDir() {
				return filepath.FromSlash(file), strings.TrimPrefix(clean[len(file):], "/"), true
			}
		}
		at := strings.LastIndexByte(file, '/')
		if at <= 0 {
			return "", "", false
		}
		file = file[:at]
	}
}

// openZip looks at the zip at path, or at the folder inside it. The corpus lies at the top or in one folder, as in BEIR's releases; files
// are read in place, streaming. A file that unpacks to more than maxUnpack times its size is refused, and so is a compressed file inside.
func openZip(path, inside string) (*files, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: not a folder, and as a zip: %w", path, err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		// A zip with several datasets (cqadupstack.zip/cqadupstack/android) may leave out the folders above.
		if inside == "" || strings.HasPrefix(f.Name, inside+"/") || strings.Contains(f.Name, "/"+inside+"/") {
			names = append(names, f.Name)
		}
	}
	top, err := zipTop(names)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	var local []string
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, top); ok && rest != "" && stem(rest) == rest {
			local = append(local, rest)
		}
	}
	l, err := newLayout(local)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", path, err)
	}
	return &files{layout: l, dir: path, zip: true, open: func(name string) (io.ReadCloser, error) {
		return openInZip(path, top+name)
	}}, nil
}

// zipTop is the folder, with its slash, in which the corpus lies: the highest one that has any.
func zipTop(names []string) (string, error) {
	var tops []string
	depth := 0
	for _, name := range names {
		dir, base := path.Split(name)
		if !isCorpus(base) || stem(base) != base || strings.HasPrefix(dir, "__MACOSX") {
			continue
		}
		switch n := strings.Count(dir, "/"); {
		case len(tops) == 0 || n < depth:
			tops, depth = []string{dir}, n
		case n == depth && !slices.Contains(tops, dir):
			tops = append(tops, dir)
		}
	}
	switch len(tops) {
	case 0:
		return "", fmt.Errorf("no corpus in it (one of %s)", strings.Join(corpusNames, ", "))
	case 1:
		return tops[0], nil
	}
	slices.Sort(tops)
	return "", fmt.Errorf("several datasets in one zip (%s): name one as ZIP/FOLDER", strings.Join(tops, ", "))
}

// openInZip opens one file of the zip; closing it closes the zip.
func openInZip(zipPath, name string) (io.ReadCloser, error) {
	z, err := zip.OpenReader(zipPath)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", zipPath, err)
	}
	at := slices.IndexFunc(z.File, func(f *zip.File) bool { return f.Name == name })
	if at < 0 {
		z.Close()
		return nil, fmt.Errorf("%s: %s: %w", zipPath, name, fs.ErrNotExist)
	}
	r, err := openEntry(z.File[at])
	if err != nil {
		z.Close()
		return nil, fmt.Errorf("%s: %s: %w", zipPath, name, err)
	}
	return &zipEntry{ReadCloser: r, zip: z}, nil
}

func openEntry(f *zip.File) (io.ReadCloser, error) {
	if size := f.UncompressedSize64; size > unpackFree && size/maxUnpack > f.CompressedSize64 {
		return nil, fmt.Errorf("unpacks to %d times its size, refused", size/max(1, f.CompressedSize64))
	}
	body, err := f.Open()
	if err != nil {
		return nil, err
	}
	limit := int64(min(f.UncompressedSize64, 1<<62))
	in := bufio.NewReader(io.LimitReader(body, limit+1)) // one more, so that the zip reader notices what is too long
	if head, _ := in.Peek(4); len(head) == 4 && (head[0] == 0x1f && head[1] == 0x8b || string(head) == "\x28\xb5\x2f\xfd") {
		body.Close()
		return nil, fmt.Errorf("a compressed file inside a zip: unpack it")
	}
	r, err := labrador.OpenReader(readCloser{in, body})
	if err != nil {
		body.Close()
	}
	return r, err
}

type readCloser struct {
	io.Reader
	io.Closer
}

type zipEntry struct {
	io.ReadCloser
	zip io.Closer
}

// Close closes the file and the zip.
func (e *zipEntry) Close() error {
	err := e.ReadCloser.Close()
	if zerr := e.zip.Close(); err == nil {
		err = zerr
	}
	return err
}
