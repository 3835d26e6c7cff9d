package progress

import (
	"bytes"
	"testing"
	"time"
)

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, "indexing", "documents", 100)
	clock := b.start
	b.now = func() time.Time { return clock }
	b.Add(10)
	if out.Len() != 0 {
		t.Fatalf("wrote at once: %q", out.String())
	}
	clock = clock.Add(10 * time.Second)
	b.Add(40)
	b.Done()
	if want := "indexing: 50/100 documents, 5/s, 10s left\n"; out.String() != want {
		t.Fatalf("got %q, want %q", out.String(), want)
	}
	var none *Bar
	none.Add(1)
	none.Done()
}
