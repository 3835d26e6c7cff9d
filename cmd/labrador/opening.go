package main

import (
	"io"
	"sync"

	"github.com/labrador-lab/labrador/internal/progress"
)

// opening shows how far models are that are being opened: a bar for each stage at a time.
type opening struct {
	w    io.Writer
	mu   sync.Mutex
	bars map[string]*stageBar
}

type stageBar struct {
	*progress.Bar
	done, total int64
}

// million is what bars count units of models in.
const million = 1e6

// tell is a model.Progress.
func (o *opening) tell(stage, unit string, done, total int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.bars[stage]
	if b == nil || done < b.done || total != b.total { // the stage of another model
		b = &stageBar{progress.New(o.w, stage, "million "+unit, total/million), 0, total}
		if o.bars == nil {
			o.bars = map[string]*stageBar{}
		}
		o.bars[stage] = b
	}
	b.Add(done/million - b.done/million)
	if b.done = done; done == total {
		b.Done()
		delete(o.bars, stage)
	}
}

// end takes away what stages that failed or were given up have left on a terminal.
func (o *opening) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range o.bars {
		b.Done()
	}
}
