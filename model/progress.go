package model

import (
	"context"
	"sync"
)

// Progress is told how far a stage of work is that takes its time where a model is large: done of total units. Calls of a stage come one at a time, from any
// goroutine, and the last one has done = total unless the stage fails or is given up.
type Progress func(stage, unit string, done, total int64)

type progressKey struct{}

// WithProgress is a context whose progress Open, Identify and DigestFiles tell.
func WithProgress(ctx context.Context, p Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, p)
}

// meter counts the units of a stage. A nil meter does nothing.
type meter struct {
	mu          sync.Mutex
	tell        Progress
	stage, unit string
	done, total int64
}

// newMeter is nil where nobody wants to be told.
func newMeter(ctx context.Context, stage, unit string, total int64) *meter {
	if p, _ := ctx.Value(progressKey{}).(Progress); p != nil && total > 0 {
		return &meter{tell: p, stage: stage, unit: unit, total: total}
	}
	return nil
}

func (m *meter) add(n int64) {
	if m == nil || n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.tell(m.stage, m.unit, m.done, m.total)
}
