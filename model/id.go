package model

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	labrador "github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/kernel"
)

// ID is a digest of everything that the vectors depend on: the weights' files, the configuration, the tokenizer, the options,
// the version of the engine and how this processor's tier rounds (bf16 and int8 differ between tiers). The first call reads all files, unless Identify did. Where one cannot be read any more it begins with "unreadable".
func (m *Model) ID() string { return m.LayerID(m.opts.Layer) }

// LayerID is the ID of the same model opened with another Options.Layer.
func (m *Model) LayerID(layer int) string {
	sums, err := m.sumFiles(context.Background())
	if err != nil {
		return "unreadable: " + err.Error()
	}
	o := m.opts
	o.Threads, o.Layer = 0, layer
	options, err := json.Marshal(o)
	if err != nil {
		panic(err) // plain numbers and strings always marshal
	}
	h := sha256.New()
	io.WriteString(h, sums)
	if m.recipe.chat != nil {
		for _, side := range []labrador.Side{labrador.QuerySide, labrador.DocumentSide} {
			text, _ := m.message(side, "") // a template may write the date
			fmt.Fprintf(h, "%s message %q\n", side, text)
		}
	}
	fmt.Fprintf(h, "engine %d %s %s\n", EngineVersion, kernel.Current().Arithmetic(m.engine.format), options)
	return fmt.Sprintf("%s-%s-%s", m.net.Arch, m.DType(), hex.EncodeToString(h.Sum(nil))[:32])
}

// Identify reads the files that the ID depends on, all of the model's, until ctx ends.
func (m *Model) Identify(ctx context.Context) error {
	_, err := m.sumFiles(ctx)
	return err
}

// sideFiles decide the vectors where a folder has them: what package token reads, the chat template, and the settings of sentence-transformers.
var sideFiles = append([]string{"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "added_tokens.json", "tokenizer.model",
	"sentencepiece.bpe.model", "spiece.model", "spm.model", "vocab.json", "merges.txt", "vocab.txt", "config_sentence_transformers.json"}, transformerFiles...)

// sumFiles lists the names and digests of the files that the vectors depend on, a line each. It reads them once.
func (m *Model) sumFiles(ctx context.Context) (string, error) {
	m.sumsMu.Lock()
	defer m.sumsMu.Unlock()
	if m.fileSums != "" {
		return m.fileSums, nil
	}
	var paths []string
	for _, f := range m.files {
		paths = append(paths, f.Paths()...)
	}
	for _, p := range m.read {
		paths = append(paths, p)
		for _, name := range sideFiles {
			paths = append(paths, filepath.Join(filepath.Dir(p), name))
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	paths = slices.DeleteFunc(paths, func(p string) bool {
		_, err := os.Stat(p)
		return os.IsNotExist(err)
	})
	sums, err := DigestFiles(ctx, paths)
	if err != nil {
		return "", err
	}
	var list strings.Builder
	for i, p := range paths {
		fmt.Fprintf(&list, "%s %x\n", filepath.Base(p), sums[i])
	}
	m.fileSums = list.String()
	return m.fileSums, nil
}

// DigestFiles are digests of files, 32 bytes each: the SHA-256 of the SHA-256 of a file's pieces of 16 MiB. It tells its progress (WithProgress).
func DigestFiles(ctx context.Context, paths []string) ([][]byte, error) {
	var bytes int64
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, err
		}
		bytes += info.Size()
	}
	meter, sums := newMeter(ctx, "reading the model's files", "bytes", bytes), make([][]byte, len(paths))
	for i, p := range paths {
		var err error
		if sums[i], err = fileDigest(ctx, p, meter); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// fileDigest hashes a file's pieces at the same time.
func fileDigest(ctx context.Context, path string, meter *meter) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for a writer
		return nil, fmt.Errorf("model: %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const piece = 16 << 20
	sums := make([][]byte, (info.Size()+piece-1)/piece)
	errs := make([]error, len(sums))
	limit := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i := range sums {
		if ctx.Err() != nil {
			break
		}
		limit <- struct{}{}
		wg.Go(func() {
			h := sha256.New()
			from := int64(i) * piece
			if n, err := io.Copy(h, io.NewSectionReader(f, from, piece)); err != nil {
				errs[i] = err
			} else if n != min(piece, info.Size()-from) {
				errs[i] = fmt.Errorf("model: %s changed while it was read", path)
			}
			sums[i] = h.Sum(nil)
			meter.add(min(piece, info.Size()-from))
			<-limit
		})
	}
	wg.Wait()
	if err := cmp.Or(ctx.Err(), errors.Join(errs...)); err != nil {
		return nil, err
	}
	h := sha256.New()
	for _, s := range sums {
		h.Write(s)
	}
	return h.Sum(nil), nil
}
