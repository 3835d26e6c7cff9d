package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/labrador-lab/labrador/internal/atomicfile"
	"github.com/labrador-lab/labrador/model"
)

// maxModelDepth is how deep folders of a model lie in each other: sentence-transformers' modules are one deep.
const maxModelDepth = 4

// modelFiles are the files of a model, a file or a folder, links followed: the Hub's cache folders consist of links. Hidden files are not
// part of a model.
func modelFiles(path string, depth int) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("model %s: not a file or folder", path)
		}
		return []string{path}, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("model: folders lie more than %d deep in each other at %s", maxModelDepth, path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		below, err := modelFiles(filepath.Join(path, e.Name()), depth-1)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}

// keptDigest is a digest with what its files looked like when it was made.
type keptDigest struct {
	Stamp  string `json:"stamp"`
	Digest string `json:"digest"`
}

// digestOfModel is a hash over names and contents of a model's files. Models are large, so it is kept in the cache and holds as long as
// the files' sizes and times of change stay.
func digestOfModel(ctx context.Context, path string) (string, error) {
	files, err := modelFiles(path, maxModelDepth)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", fmt.Errorf("model %s: the folder is empty", path)
	}
	stamp, newest, err := stampOf(path, files)
	if err != nil {
		return "", err
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	place := digestPlace(cache, path)
	var kept keptDigest
	if data, err := os.ReadFile(place); err == nil && json.Unmarshal(data, &kept) == nil && kept.Stamp == stamp {
		return kept.Digest, nil
	}
	sums, err := model.DigestFiles(ctx, files)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for i, f := range files {
		fmt.Fprintf(h, "%q %x\n", relative(path, f), sums[i])
	}
	kept = keptDigest{stamp, hex.EncodeToString(h.Sum(nil))}
	if time.Since(newest) > 2*time.Second { // a file that was just written may be written again within its time's resolution
		keepDigest(place, kept)
	}
	return kept.Digest, nil
}

// relative is a file's path in its model.
func relative(model, file string) string {
	rel, err := filepath.Rel(model, file)
	if err != nil {
		return file
	}
	return filepath.ToSlash(rel)
}

// stampOf puts names, sizes and times of change in a text, and finds the latest time.
func stampOf(path string, files []string) (string, time.Time, error) {
	h, newest := sha256.New(), time.Time{}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return "", newest, err
		}
		fmt.Fprintf(h, "%q %d %d\n", relative(path, f), info.Size(), info.ModTime().UnixNano())
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return "2 " + hex.EncodeToString(h.Sum(nil)), newest, nil
}

func digestPlace(cache, model string) string {
	if abs, err := filepath.Abs(model); err == nil {
		model = abs
	}
	sum := sha256.Sum256([]byte(model))
	return filepath.Join(cache, "digests", hex.EncodeToString(sum[:16])+".json")
}

// keepDigest writes a digest; a cache that cannot be written only costs time.
func keepDigest(place string, kept keptDigest) {
	if os.MkdirAll(filepath.Dir(place), fs.FileMode(0o755)) != nil {
		return
	}
	_ = atomicfile.Write(place, func(w io.Writer) error { return json.NewEncoder(w).Encode(kept) })
}
