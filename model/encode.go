package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	labrador "github.com/labrador-lab/labrador"
)

// batchTokens bounds the tokens of a batch, and with them the memory that activations take; a longer text is a batch of its
// own. Weights that stay in a processor's caches are read often for little, so that activations may too.
func batchTokens(weights int64) int {
	if weights <= 64<<20 {
		return 256
	}
	return 1024
}

// minPrefix is the shortest common beginning that is worth computing once.
const minPrefix = 4

// EncodeTokens is Encode for texts that are tokens already.
func (m *Model) EncodeTokens(ctx context.Context, texts []Tokens) (labrador.Matrix, error) {
	out := labrador.NewMatrix(len(texts), m.dims)
	err := m.run(ctx, texts, m.recipe.pooling, func(w *worker, b *job) error {
		y := finish(w, &m.recipe, Forward(w, m.net, &b.Batch, m.depth))
		for s, i := range b.texts {
			w.k.Normalize(out.Row(i), y.Row(s)[:m.dims])
		}
		return nil
	})
	if err != nil {
		return labrador.Matrix{}, err
	}
	return out, nil
}

// Logits computes, for every text, the next-token logits at its end, one per row of the vocabulary, and hands them to yield with the
// text's vector, the one of EncodeTokens, where LogitsGiveVectors, else nil. yield must not keep the slices. Calls come one at a
// time in any order. An error of yield ends it.
func (m *Model) Logits(ctx context.Context, texts []Tokens, yield func(i int, vector, logits []float32) error) error {
	if m.net.head == nil {
		return fmt.Errorf("model: %s has no language-model head: no logits", m.net.Arch)
	}
	head, err := m.engine.logitsHead()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return m.run(ctx, texts, PoolLast, func(w *worker, b *job) error {
		x := Forward(w, m.net, &b.Batch, m.net.Layers)
		y := w.matrix(x.Rows, m.net.Vocab, true)
		head.Linear(w.pool, y.Mat, x.Mat)
		vector := func(int) []float32 { return nil }
		if m.LogitsGiveVectors() {
			v := finish(w, &m.recipe, x)
			vector = func(s int) []float32 {
				w.k.Normalize(v.Row(s)[:m.dims], v.Row(s)[:m.dims])
				return v.Row(s)[:m.dims]
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for s, i := range b.texts {
			if m.net.softcap != 0 {
				w.k.Softcap(y.Row(s), y.Row(s), float32(m.net.softcap))
			}
			if err := yield(i, vector(s), y.Row(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

// LogitsGiveVectors says whether one pass makes both a text's logits and its vector: those of the last token behind the last layer, in
// a language model.
func (m *Model) LogitsGiveVectors() bool {
	return m.net.head != nil && m.recipe.pooling == PoolLast && m.depth == m.net.Layers
}

// States are the states of all tokens of one text behind so many layers: 0 the embeddings, Layers() the final ones, with the
// final norm where the architecture has one.
func (m *Model) States(ctx context.Context, ids []int32, layers int) (labrador.Matrix, error) {
	if layers < 0 || layers > m.net.Layers {
		return labrador.Matrix{}, fmt.Errorf("model: layer %d: there are %d", layers, m.net.Layers)
	}
	out := labrador.NewMatrix(len(ids), m.net.Width)
	err := m.run(ctx, []Tokens{{IDs: ids}}, PoolMean, func(w *worker, b *job) error {
		b.Keep = nil
		x := Forward(w, m.net, &b.Batch, layers)
		for i := range x.Rows {
			copy(out.Row(i), x.Row(i))
		}
		return nil
	})
	return out, err
}

// Layers is the number of layers.
func (m *Model) Layers() int { return m.net.Layers }

// job is a batch of texts.
type job struct {
	Batch
	texts  []int // the batch's sequences
	prefix *prefix
}

// run cuts texts into batches and runs each on a worker; how is the pooling that will read them.
func (m *Model) run(ctx context.Context, texts []Tokens, how Pooling, each func(*worker, *job) error) error {
	if err := m.check(texts); err != nil {
		return err
	}
	if len(texts) == 0 {
		return ctx.Err()
	}
	shared, err := m.sharedPrefix(texts, how)
	if err != nil {
		return err
	}
	jobs := m.plan(texts, how, shared)
	if len(jobs) < m.threads {
		return m.runWide(ctx, jobs, each)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range m.threads {
		wg.Go(func() {
			w := <-m.single
			defer func() { m.single <- w }()
			for i := next.Add(1) - 1; int(i) < len(jobs) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := w.do(&jobs[i], each); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// runWide runs jobs one by one with all threads.
func (m *Model) runWide(ctx context.Context, jobs []job, each func(*worker, *job) error) error {
	m.wideMu.Lock()
	defer m.wideMu.Unlock()
	for i := range jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.wide.do(&jobs[i], each); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (w *worker) do(b *job, each func(*worker, *job) error) error {
	w.begin(&b.Batch)
	w.prefix = b.prefix
	return errors.Join(each(w, b), w.err)
}

// check refuses tokens that the network has no rows for, and texts that are too long for it.
func (m *Model) check(texts []Tokens) error {
	for i, t := range texts {
		if n := m.net.Context; n > 0 && len(t.IDs) > n {
			return fmt.Errorf("model: text %d has %d tokens, the model takes %d", i, len(t.IDs), n)
		}
		if len(t.IDs) == 0 && m.net.Layers > 0 {
			return fmt.Errorf("model: text %d has no tokens", i)
		}
		if end := t.end(); t.From < 0 || t.From > end || end > len(t.IDs) {
			return fmt.Errorf("model: text %d: pooling over tokens %d to %d of %d", i, t.From, end, len(t.IDs))
		}
		for _, id := range t.IDs {
			if id < 0 || int(id) >= m.net.Vocab {
				return fmt.Errorf("model: text %d has token %d, the vocabulary has %d", i, id, m.net.Vocab)
			}
		}
	}
	return nil
}

func (t Tokens) end() int {
	if t.To == 0 {
		return len(t.IDs)
	}
	return t.To
}

// keep are the tokens that the pooling reads.
func (t Tokens) keep(how Pooling) Span {
	switch {
	case len(t.IDs) == 0:
		return Span{}
	case how == PoolCLS:
		return Span{0, 1}
	case how == PoolLast:
		return Span{t.end() - 1, t.end()}
	}
	return Span{t.From, t.end()}
}

// plan sorts texts by length, longest first, and cuts them into batches, small enough that every thread has some.
func (m *Model) plan(texts []Tokens, how Pooling, shared *prefix) []job {
	order, total, start := make([]int, len(texts)), 0, shared.length()
	for i, t := range texts {
		order[i] = i
		total += len(t.IDs) - start
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(texts[b].IDs), len(texts[a].IDs)) })
	budget := min(m.batch, max(64, (total+m.threads-1)/m.threads))
	var jobs []job
	for _, i := range order {
		n := len(texts[i].IDs) - start
		last := len(jobs) - 1
		if last < 0 || len(jobs[last].IDs)+n > budget {
			jobs = append(jobs, job{Batch: Batch{Start: start, Offsets: []int{0}}, prefix: shared})
			last++
		}
		b := &jobs[last]
		k := texts[i].keep(how)
		b.IDs = append(b.IDs, texts[i].IDs[start:]...)
		b.Offsets = append(b.Offsets, len(b.IDs))
		b.Keep = append(b.Keep, Span{k.From - start, k.To - start})
		b.texts = append(b.texts, i)
	}
	return jobs
}

func (p *prefix) length() int {
	if p == nil {
		return 0
	}
	return len(p.ids)
}

// sharedPrefix finds the tokens that all texts begin with and returns their keys and values, computed now or kept from an
// earlier call. Only where attention is causal do they not depend on what follows; tokens that pooling reads cannot be
// part of it.
func (m *Model) sharedPrefix(texts []Tokens, how Pooling) (*prefix, error) {
	if !m.net.Causal || m.net.Layers == 0 {
		return nil, nil
	}
	common := texts[0].IDs[:texts[0].keep(how).From]
	for _, t := range texts[1:] {
		common = common[:commonLength(common, t.IDs[:t.keep(how).From])]
	}
	m.prefixMu.Lock()
	defer m.prefixMu.Unlock()
	for i, p := range m.prefixes {
		known := commonLength(p.ids, common) == len(p.ids)
		if known && (len(p.ids) == len(common) || len(texts) == 1) {
			m.prefixes = append(append(slices.Clone(m.prefixes[:i]), m.prefixes[i+1:]...), p)
			return p, nil
		}
	}
	if len(texts) == 1 || len(common) < minPrefix {
		return nil, nil
	}
	p := &prefix{ids: slices.Clone(common)}
	if err := m.fillPrefix(p); err != nil {
		return nil, err
	}
	const kept = 4 // the two sides of two recipes
	m.prefixes = append(m.prefixes, p)
	m.prefixes = m.prefixes[max(0, len(m.prefixes)-kept):]
	return p, nil
}

// fillPrefix computes the keys and values of a prefix.
func (m *Model) fillPrefix(p *prefix) error {
	n := len(p.ids)
	b := job{Batch: Batch{IDs: p.ids, Offsets: []int{0, n}, Keep: []Span{{n, n}}}}
	m.wideMu.Lock()
	defer m.wideMu.Unlock()
	m.wide.save = p
	defer func() { m.wide.save = nil }()
	return m.wide.do(&b, func(w *worker, b *job) error {
		Forward(w, m.net, &b.Batch, m.net.Layers)
		return nil
	})
}

func commonLength(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
