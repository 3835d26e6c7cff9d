package labrador

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	utf8BOM   = []byte{0xef, 0xbb, 0xbf}
	utf16LE   = []byte{0xff, 0xfe} // what PowerShell's > writes, for one; neither begins any UTF-8
	utf16BE   = []byte{0xfe, 0xff}
)

// maxZstdWindow bounds what a zstd file's header may make its reader reserve, in bytes: 2^27, the largest that zstd itself reads
// without being told to, and what its strongest levels write.
const maxZstdWindow = 128 << 20

// Open opens a text file for reading. Files compressed with gzip or zstd are known by their first bytes, whatever their
// name, and read as what they hold; a UTF-8 byte order mark is dropped, and one of UTF-16 is an error. The path "-" is standard input, which Close leaves open.
func Open(path string) (io.ReadCloser, error) {
	var file io.ReadCloser = io.NopCloser(os.Stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, fmt.Errorf("%s: is a folder, not a file", path)
		}
		file = f
	}
	r, err := decompress(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// opened is a decompressed text and what has to be closed behind it.
type opened struct {
	io.Reader
	closers []func() error
}

// Close closes the decompressor, then the file.
func (o *opened) Close() error {
	var all error
	for _, c := range o.closers {
		all = errors.Join(all, c())
	}
	o.closers = nil
	return all
}

// explained names the format in a decompressor's errors.
type explained struct {
	io.Reader
	format string
}

// Read reads decompressed text.
func (e *explained) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return n, fmt.Errorf("%s: compressed with a window of more than %d MB, which zstd does not read either without --long", e.format, maxZstdWindow>>20)
	}
	return n, fmt.Errorf("%s: %w", e.format, err)
}

func decompress(file io.ReadCloser) (io.ReadCloser, error) {
	in := bufio.NewReaderSize(file, 1<<16)
	o := &opened{}
	head, err := in.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	text := in
	switch { // one buffer of text each, and a window: nothing here grows with what the file says or holds
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		o.closers = append(o.closers, z.Close)
		text = bufio.NewReaderSize(&explained{z, "gzip"}, 1<<16)
	case bytes.HasPrefix(head, zstdMagic):
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		o.closers = append(o.closers, func() error { z.Close(); return nil })
		text = bufio.NewReaderSize(&explained{z, "zstd"}, 1<<16)
	}
	bom, _ := text.Peek(3)
	switch {
	case bytes.Equal(bom, utf8BOM):
		text.Discard(3)
	case bytes.HasPrefix(bom, utf16LE) || bytes.HasPrefix(bom, utf16BE):
		o.Close()
		return nil, errors.New("text in UTF-16: write it in UTF-8")
	}
	o.closers = append(o.closers, file.Close)
	o.Reader = text
	return o, nil
}
