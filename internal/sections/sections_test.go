package sections

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func sample(chunk int) []byte {
	var b bytes.Buffer
	w := NewWriter(&b, "test", 3, chunk)
	w.Begin("small")
	w.Write([]byte("hello"))
	w.Begin("empty")
	w.Begin("large")
	w.Write(bytes.Repeat([]byte{7}, chunk))
	w.Write(bytes.Repeat([]byte{8}, 9))
	w.Close()
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, chunk := range []int{Megabyte, Page} {
		roundTrip(t, chunk)
	}
}

func roundTrip(t *testing.T, chunk int) {
	f, err := Read(sample(chunk), "test")
	if err != nil || f.Version != 3 || strings.Join(f.Names(), " ") != "small empty large" {
		t.Fatal(f, err)
	}
	if b, err := f.Section("small"); err != nil || string(b) != "hello" {
		t.Fatalf("%q %v", b, err)
	}
	if b, err := f.Range("large", chunk, chunk+9); err != nil || len(b) != 9 || b[8] != 8 {
		t.Fatalf("%v %v", b, err)
	}
	if err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Section("none"); err == nil {
		t.Fatal("a missing section is found")
	}
	if _, err := Read(sample(chunk), "other"); err == nil {
		t.Fatal("another kind is read")
	}
}

// TestEveryFlipIsSeen flips one bit at a time in header, table, trailer and at the ends of sections, and cuts the file.
func TestEveryFlipIsSeen(t *testing.T) {
	for _, c := range []struct{ chunk, second, large int }{{Megabyte, 64, 128}, {Page, Page, 2 * Page}} {
		whole := sample(c.chunk)
		seen := func(b []byte) bool {
			f, err := Read(b, "test")
			return err != nil || f.Verify() != nil
		}
		end := c.large + c.chunk + 9
		positions := []int{c.second, c.second + 4, c.large, c.large + c.chunk, end - 1}
		for i := range 24 {
			positions = append(positions, i)
		}
		for i := end; i < len(whole); i++ {
			positions = append(positions, i)
		}
		for _, i := range positions {
			b := bytes.Clone(whole)
			b[i] ^= 0x10
			if !seen(b) {
				t.Errorf("chunks of %d: a flip at %d of %d is not seen", c.chunk, i, len(whole))
			}
		}
		for _, n := range []int{0, 10, 64, 100, c.large + c.chunk, len(whole) - 1} {
			if !seen(whole[:n]) {
				t.Errorf("chunks of %d: a cut at %d is not seen", c.chunk, n)
			}
		}
	}
}

// TestRangeReadsItsChunksOnly damages one chunk: others are read, also after it was refused.
func TestRangeReadsItsChunksOnly(t *testing.T) {
	b := sample(Page)
	b[2*Page+100] ^= 1
	f, err := Read(b, "test")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := f.Range("large", Page, Page+9); err != nil {
			t.Error(err)
		}
		if _, err := f.Range("large", Page-1, Page+9); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "section large") {
			t.Error(err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(Page)[:200])
	f.Add(sample(Page))
	f.Add(sample(Megabyte))
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, err := Read(b, "test"); err == nil {
			file.Verify()
		}
	})
}
