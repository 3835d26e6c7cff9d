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
	"github.com/labrador-lab/labrador/kernel"
)

// tokensAtOnce bounds the tokens of a batch, and of the pieces in which each thread takes it through a layer; a longer text is one of its own. What a
// layer computes for a piece stays in a near cache, and so do the layer's weights from piece to piece where the caches hold them; states
// are of a whole batch. Small weights are read often for little: their batches are a piece. Products of float32 take as many rows at once as they combine.
func tokensAtOnce(weights int64, f kernel.Format) (batch, piece int) {
	k := kernel.Current()
	combined := k.CombinedRows(f)
	switch small := weights <= 64<<20; {
	case small:
		piece = max(256, combined)
		return piece, piece
	case combined > 0:
		return 1024, combined
	}
	return 1024, max(128, k.RowsAtOnce())
}

// mostStates bounds the bytes that one text's states take in a network that takes any length (T5's): a file in one line is a text too. It is
// about what a large T5 needs for 75,000 tokens; networks with a limit take what that asks for.
const mostStates = 4 << 30

// longestText is how many tokens mostStates are for: as in memory, a token takes about seven results of the width in its layer and the outputs of
// its widest product, beside the states of the batch. 0, any number, in static models.
func (m *Model) longestText() int {
	if m.net.Layers == 0 {
		return 0
	}
	_, widest := m.packed(kernel.FormatF32)
	width := int64(m.net.Width)
	return int(mostStates / (4 * (10*width + min(widest, 4*width))))
}

// minPrefix is the shortest common beginning that is worth computing once.
const minPrefix = 4

// EncodeTokens is Encode for texts that are tokens already.
func (m *Model) EncodeTokens(ctx context.Context, texts []Tokens) (labrador.Matrix, error) {
	list, err := m.EncodeLayers(ctx, texts, []int{m.opts.Layer})
	if err != nil {
		return labrador.Matrix{}, err
	}
	return list[0], nil
}

// EncodeLayers is EncodeTokens for several values of Options.Layer at once: the vectors of each, in their order, those that a model
// opened with it gives, to the bit but for float32 of long texts, which rounds otherwise where a layer is not the last. The texts go through the network once, as deep as the deepest of them.
func (m *Model) EncodeLayers(ctx context.Context, texts []Tokens, layers []int) ([]labrador.Matrix, error) {
	depths, deepest, err := m.depths(layers)
	if err != nil {
		return nil, err
	}
	out := make([]labrador.Matrix, len(layers))
	for n := range out {
		out[n] = labrador.NewMatrix(len(texts), m.dims)
	}
	err = m.run(ctx, texts, m.recipe.pooling, func(w *worker, b *job) error {
		m.forward(w, b, depths, deepest, func(n int, y rows) {
			for s, i := range b.texts {
				m.unit(w, out[n].Row(i), y.Row(s), i)
			}
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TextError says why a text has no vector: it is too long, or its vector is not one of unit length (it has a number that is not finite, or
// is zero; or a logit is not finite: settings or weights of the checkpoint are broken, or its states do not fit the numbers that the model computes in).
type TextError struct {
	Text  int // its number in the call
	Cause string
}

func (e *TextError) Error() string { return fmt.Sprintf("model: text %d %s", e.Text, e.Cause) }

// unit makes dst the vector of a text: the first numbers of x, at unit length. Static models have a zero vector for a text without tokens.
func (m *Model) unit(w *worker, dst, x []float32, text int) {
	w.k.Normalize(dst, x[:len(dst)])
	if n := w.k.Dot(dst, dst); !(n > 0.5 && n < 2) && (n != 0 || m.net.Layers > 0) && w.err == nil {
		w.err = &TextError{text, "has a vector that is zero or not finite: the checkpoint's weights or settings are broken"}
	}
}

// depths are how many layers each value of Options.Layer takes, and the most of them.
func (m *Model) depths(layers []int) (depths []int, deepest int, err error) {
	for _, layer := range layers {
		d, err := m.net.depth(layer)
		if err != nil {
			return nil, 0, err
		}
		depths, deepest = append(depths, d), max(deepest, d)
	}
	return depths, deepest, nil
}

// forward runs a batch through so many layers and hands the pooled states behind depths[n] of them, a row per sequence, to take as number n.
// It returns the final states, of static models none.
func (m *Model) forward(w *worker, b *job, depths []int, deepest int, take func(n int, y rows)) rows {
	each := func(depth int, x rows) {
		if !slices.Contains(depths, depth) {
			return
		}
		y := finish(w, &m.recipe, x)
		for n, d := range depths {
			if d == depth {
				take(n, y)
			}
		}
	}
	w.tap = func(depth int, x rows) {
		if depth < deepest { // behind the deepest there is the final norm
			each(depth, x)
		}
	}
	defer func() { w.tap = nil }()
	if s, ok := m.net.body.(*static); ok { // has no states: a text may be of any length
		y := behindPooling(w, &m.recipe, w.poolTable(s.embed, m.recipe.pooling))
		for n := range depths {
			take(n, y)
		}
		return rows{}
	}
	x := Forward(w, m.net, &b.Batch, deepest)
	each(deepest, x)
	return x
}

// Logits computes, for every text, the next-token logits at its end, one per row of the vocabulary, and hands them to yield with the
// text's vectors of the layers (EncodeLayers), for which LogitsGiveVectors must hold. yield must not keep the slices, nor use the
// model, which waits for it. Calls come one at a time in any order. An error of yield ends it.
func (m *Model) Logits(ctx context.Context, texts []Tokens, layers []int, yield func(i int, vectors [][]float32, logits []float32) error) error {
	if m.net.head == nil {
		return fmt.Errorf("model: %s has no language-model head: no logits", m.net.Arch)
	}
	if len(layers) > 0 && !m.LogitsGiveVectors() {
		return fmt.Errorf("model: vectors by %s pooling are not made of the states that the logits come from", m.recipe.pooling)
	}
	depths, _, err := m.depths(layers)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	return m.run(ctx, texts, PoolLast, func(w *worker, b *job) error {
		head, err := m.engine.logitsHead(ctx) // here, where Close waits
		if err != nil {
			return err
		}
		vectors := make([][][]float32, len(b.texts))
		for s := range vectors {
			vectors[s] = make([][]float32, len(layers))
		}
		x := m.forward(w, b, depths, m.net.Layers, func(n int, y rows) {
			for s := range vectors {
				vectors[s][n] = make([]float32, m.dims)
				m.unit(w, vectors[s][n], y.Row(s), b.texts[s])
			}
		})
		if w.ended() {
			return w.err
		}
		y := w.matrix(x.Rows, m.net.Vocab, true)
		head.Linear(w.pool, y.Mat, x.Mat)
		for s, i := range b.texts {
			if slices.ContainsFunc(y.Row(s), func(v float32) bool { return v-v != 0 }) {
				return &TextError{i, "has a logit that is not finite: the checkpoint's weights or settings are broken"}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for s, i := range b.texts {
			if m.net.softcap != 0 {
				w.k.Softcap(y.Row(s), y.Row(s), float32(m.net.softcap))
			}
			if err := yield(i, vectors[s], y.Row(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

// LogitsGiveVectors says whether one pass makes both a text's logits and its vectors: those of the last token, in a language model.
func (m *Model) LogitsGiveVectors() bool { return m.net.head != nil && m.recipe.pooling == PoolLast }

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

var errClosed = errors.New("model: the model is closed")

// run cuts texts into batches and runs each on a worker; how is the pooling that will read them.
func (m *Model) run(ctx context.Context, texts []Tokens, how Pooling, each func(*worker, *job) error) error {
	if err := m.check(texts); err != nil {
		return err
	}
	if len(texts) == 0 {
		return ctx.Err()
	}
	shared, err := m.sharedPrefix(ctx, texts, how)
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
			w, open := <-m.single
			if !open {
				cancel(errClosed)
				return
			}
			defer func() { m.single <- w }()
			for i := next.Add(1) - 1; int(i) < len(jobs) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := w.do(ctx, &jobs[i], each); err != nil {
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
	if m.wide == nil {
		return errClosed
	}
	for i := range jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.wide.do(ctx, &jobs[i], each); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (w *worker) do(ctx context.Context, b *job, each func(*worker, *job) error) error {
	w.begin(ctx, &b.Batch)
	w.prefix = b.prefix
	err := each(w, b)
	return cmp.Or(w.err, err)
}

// check refuses tokens that the network has no rows for, and texts that are too long for it.
func (m *Model) check(texts []Tokens) error {
	for i, t := range texts {
		if !m.net.takes(len(t.IDs)) {
			return &TextError{i, fmt.Sprintf("has %d tokens, the model takes %d", len(t.IDs), max(m.net.Context, m.net.Stretch))}
		}
		if n := len(t.IDs); m.longest > 0 && n > m.longest && n > m.net.Context {
			return &TextError{i, fmt.Sprintf("has %d tokens, and more than %d take too much memory; this model has no limit of its own: set one with --max-tokens (max_tokens of a study or an index)", n, m.longest)}
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
	case how == PoolCLS: // behind a prompt that is left out the first token is another
		from := min(t.From, t.end()-1)
		return Span{from, from + 1}
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

// turnsByLength says whether one of the texts is so long that its length decides how its positions turn (dynamic scaling).
func (n *Network) turnsByLength(texts []Tokens) bool {
	d, ok := n.body.(*decoder)
	return ok && slices.ContainsFunc(d.layers, func(l decoderLayer) bool {
		return slices.ContainsFunc(texts, func(t Tokens) bool { return l.rope.scales(len(t.IDs)) })
	})
}

func (p *prefix) length() int {
	if p == nil {
		return 0
	}
	return len(p.ids)
}

// sharedPrefix finds the tokens that all texts begin with and returns their keys and values, computed now or kept from an
// earlier call. Only where attention is causal, and positions turn the same in texts of any length, do they not depend on what
// follows; tokens that pooling reads cannot be part of it.
func (m *Model) sharedPrefix(ctx context.Context, texts []Tokens, how Pooling) (*prefix, error) {
	if !m.net.Causal || m.net.Layers == 0 || m.net.turnsByLength(texts) {
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
	if err := m.fillPrefix(ctx, p); err != nil {
		return nil, err
	}
	const kept = 4 // the two sides of two recipes
	m.prefixes = append(m.prefixes, p)
	m.prefixes = m.prefixes[max(0, len(m.prefixes)-kept):]
	return p, nil
}

// fillPrefix computes the keys and values of a prefix.
func (m *Model) fillPrefix(ctx context.Context, p *prefix) error {
	n := len(p.ids)
	b := job{Batch: Batch{IDs: p.ids, Offsets: []int{0, n}, Keep: []Span{{n, n}}}}
	m.wideMu.Lock()
	defer m.wideMu.Unlock()
	if m.wide == nil {
		return errClosed
	}
	m.wide.save = p
	defer func() { m.wide.save = nil }()
	return m.wide.do(ctx, &b, func(w *worker, b *job) error {
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
