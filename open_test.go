package labrador

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// zstdFrame is a frame by hand (RFC 8878, 3.1.1): no checksum, no content size, a window of 2^log bytes, blocks of 128 kB of newlines.
func zstdFrame(log, blocks int) []byte {
	b := append(bytes.Clone(zstdMagic), 0, byte(log-10)<<3)
	for i := range blocks {
		head := 1<<1 | 128<<10<<3 // a repeated byte
		if i == blocks-1 {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16), '\n')
	}
	return b
}

// gzipBomb is the text, compressed, as often as asked for: members of one file.
func gzipBomb(text string, times int) []byte {
	var one bytes.Buffer
	z, _ := gzip.NewWriterLevel(&one, 9)
	io.WriteString(z, text)
	z.Close()
	return bytes.Repeat(one.Bytes(), times)
}

// TestOpenRefusesUTF16: by its byte order mark, compressed or not (RFC 2781, 4.1 and 4.2).
func TestOpenRefusesUTF16(t *testing.T) {
	for _, text := range []string{"\xff\xfe{\x00", "\xfe\xff\x00{", "\xff\xfe"} {
		for _, data := range [][]byte{[]byte(text), gzipBomb(text, 1)} {
			path := filepath.Join(t.TempDir(), "corpus.jsonl")
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if f, err := Open(path); err == nil || !strings.Contains(err.Error(), "corpus.jsonl: text in UTF-16: write it in UTF-8") {
				t.Errorf("%q: %v, %v", data, f, err)
			}
		}
	}
}

// TestOpenIsBounded: small files that claim or hold a lot end in an error or are read through, and take little memory.
func TestOpenIsBounded(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		data []byte
		says string // in the error; empty: it is read
		most uint64 // bytes allocated
	}{
		"zstd window 2^28":    {zstdFrame(28, 1), "window of more than 128 MB", 8 * mb},
		"zstd window 2^41":    {zstdFrame(41, 1), "window of more than 128 MB", 8 * mb},
		"zstd window 2^27":    {zstdFrame(27, 1), "", 140 * mb},
		"zstd of blank lines": {zstdFrame(17, 80), "", 8 * mb},
		"zstd cut short":      {zstdFrame(20, 2)[:10], "zstd: unexpected EOF", 8 * mb},
		"gzip of one line":    {gzipBomb(strings.Repeat("x", mb), 1000), "line longer than", 8 * mb},
		"gzip of one hit":     {gzipBomb(strings.Repeat("q Q0 d 1 1 t\n", mb/13), 10_000), "document d occurs twice", 8 * mb},
		"gzip cut short":      {gzipBomb("q Q0 d 1 1 t\n", 2)[:50], "gzip: unexpected EOF", 8 * mb},
	} {
		path := filepath.Join(t.TempDir(), "run")
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ReadRun(path)
		runtime.ReadMemStats(&after)
		if (err == nil) != (c.says == "") || err != nil && !(strings.Contains(err.Error(), c.says) && strings.HasPrefix(err.Error(), path+":")) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > c.most {
			t.Errorf("%s: %d bytes in the file, %d MB allocated", name, len(c.data), took/mb)
		}
	}
}

// TestReadRunFindsTwice: a document that comes back is found at any depth, and nothing else is.
func TestReadRunFindsTwice(t *testing.T) {
	var lines []string
	for i := range 2*deepRun + 5 {
		lines = append(lines, fmt.Sprintf("q Q0 d%d 1 1 t\nr Q0 d%d 1 1 t\n", i, i))
	}
	text := strings.Join(lines, "")
	run, err := ReadRun(write(t, "run", text))
	if err != nil || len(run["q"]) != len(lines) || len(run["r"]) != len(lines) {
		t.Fatalf("%d and %d hits, %v", len(run["q"]), len(run["r"]), err)
	}
	for _, doc := range []int{0, deepRun - 1, deepRun, 2*deepRun + 4} {
		_, err := ReadRun(write(t, "run", text+fmt.Sprintf("r Q0 d%d 1 0 t\n", doc)))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("query r: document d%d occurs twice", doc)) {
			t.Errorf("document %d: got %v", doc, err)
		}
	}
}
