package sections

import (
	"bytes"
	"strings"
	"testing"
)

func sample() []byte {
	var b bytes.Buffer
	w := NewWriter(&b, "test", 3)
	w.Begin("small")
	w.Write([]byte("hello"))
	w.Begin("empty")
	w.Begin("large")
	w.Write(bytes.Repeat([]byte{7}, chunk+9))
	w.Close()
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	f, err := Read(sample(), "test")
	if err != nil || f.Version != 3 || strings.Join(f.Names(), " ") != "small empty large" {
		t.Fatal(f, err)
	}
	if b, err := f.Section("small"); err != nil || string(b) != "hello" {
		t.Fatalf("%q %v", b, err)
	}
	if b, err := f.Range("large", chunk, chunk+9); err != nil || len(b) != 9 || b[8] != 7 {
		t.Fatalf("%v %v", b, err)
	}
	if err := f.Verify(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Section("none"); err == nil {
		t.Fatal("a missing section is found")
	}
	if _, err := Read(sample(), "other"); err == nil {
		t.Fatal("another kind is read")
	}
}

// TestEveryFlipIsSeen flips one bit at a time in header, table, trailer and at the ends of sections, and cuts the file.
func TestEveryFlipIsSeen(t *testing.T) {
	whole := sample()
	seen := func(b []byte) bool {
		f, err := Read(b, "test")
		return err != nil || f.Verify() != nil
	}
	positions := []int{}
	for i := range 24 {
		positions = append(positions, i)
	}
	positions = append(positions, 64, 68, 128, 128+chunk, 128+chunk+8)
	for i := 128 + chunk + 9; i < len(whole); i++ {
		positions = append(positions, i)
	}
	for _, i := range positions {
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		if !seen(b) {
			t.Errorf("a flip at %d of %d is not seen", i, len(whole))
		}
	}
	for _, n := range []int{0, 10, 64, 100, 128 + chunk, len(whole) - 1} {
		if !seen(whole[:n]) {
			t.Errorf("a cut at %d is not seen", n)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample()[:200])
	f.Add(sample())
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, err := Read(b, "test"); err == nil {
			file.Verify()
		}
	})
}
