package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is an open checkpoint: tensors by name.
type File interface {
	// Names are the tensors' names in ascending order.
	Names() []string
	// Tensor returns the tensor called name, or an error that names the file and the tensor.
	Tensor(name string) (Tensor, error)
	// Paths are the files that the checkpoint consists of.
	Paths() []string
	// Release tells the system that what was read of the files need not stay in memory. Tensors stay valid.
	Release()
	// Close unmaps the files. Tensors must not be used afterwards.
	Close() error
}

// Open opens a checkpoint: a .safetensors file, a model.safetensors.index.json with its shards, a .gguf file, or a folder
// that holds one of them under its usual name.
func Open(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if info.IsDir() {
		if path, err = inFolder(path); err != nil {
			return nil, err
		}
	}
	switch {
	case strings.HasSuffix(path, ".index.json"):
		return OpenSharded(path)
	case strings.HasSuffix(path, ".gguf"):
		return OpenGGUF(path)
	}
	return OpenSafetensors(path)
}

// inFolder finds the checkpoint in a folder: the usual names first, then the only file of a known kind.
func inFolder(dir string) (string, error) {
	for _, name := range []string{"model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("weights: %w", err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("weights: %w", err)
	}
	var found []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".safetensors" || ext == ".gguf" {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 1:
		return filepath.Join(dir, found[0]), nil
	case 0:
		if _, err := os.Stat(filepath.Join(dir, "pytorch_model.bin")); err == nil {
			return "", fmt.Errorf("weights: %s: only pytorch_model.bin, which is a program and not read: convert it to model.safetensors", dir)
		}
		return "", fmt.Errorf("weights: %s: no model.safetensors, model.safetensors.index.json or .gguf file in this folder", dir)
	}
	return "", fmt.Errorf("weights: %s: several weight files (%s): give one of them", dir, strings.Join(found, ", "))
}
