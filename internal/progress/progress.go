// Package progress tells a person how far long work is: one redrawn bar on a terminal, a plain line every ten seconds
// elsewhere, nothing at all for work that ends before it would matter.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Bar counts units of work. Its methods are safe for concurrent use, and a nil *Bar does nothing.
type Bar struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	label    string
	unit     string
	total    int64 // 0: unknown
	n        int64
	start    time.Time
	last     time.Time
	drawn    bool
	note     string
	now      func() time.Time
}

// New starts a bar on w (usually os.Stderr) for total units (0 when unknown), named in unit ("documents").
func New(w io.Writer, label, unit string, total int64) *Bar {
	f, ok := w.(*os.File)
	b := &Bar{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), label: label, unit: unit, total: total, now: time.Now}
	b.start = b.now()
	b.last = b.start
	return b
}

// Add counts n units more.
func (b *Bar) Add(n int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n += n
	every := 10 * time.Second
	if b.terminal {
		every = 100 * time.Millisecond
	}
	if now := b.now(); now.Sub(b.last) >= every {
		b.last = now
		b.draw(now)
	}
}

// Note puts a few words behind the figures, such as a second rate.
func (b *Bar) Note(text string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note = text
}

// Done ends the bar: a terminal's line is cleared, so that results are not mixed with it.
func (b *Bar) Done() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal && b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

func (b *Bar) draw(now time.Time) {
	b.drawn = true
	seconds := now.Sub(b.start).Seconds()
	rate := float64(b.n) / max(seconds, 1e-9)
	line := fmt.Sprintf("%s: %d", b.label, b.n)
	if b.total > 0 {
		line += fmt.Sprintf("/%d", b.total)
	}
	line += fmt.Sprintf(" %s, %.0f/s", b.unit, rate)
	if b.total > b.n && b.n > 0 {
		left := time.Duration(float64(b.total-b.n) / rate * float64(time.Second)).Round(time.Second)
		line += fmt.Sprintf(", %s left", left)
	}
	if b.note != "" {
		line += ", " + b.note
	}
	if !b.terminal {
		fmt.Fprintln(b.w, line)
		return
	}
	if b.total > 0 {
		const width = 24
		full := min(width, int(width*b.n/b.total))
		line = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] " + line
	}
	fmt.Fprintf(b.w, "\r%s\x1b[K", line)
}
