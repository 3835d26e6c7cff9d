// Package mmap maps files read-only into memory. An empty file maps to no bytes.
package mmap

import (
	"fmt"
	"os"

	mm "github.com/edsrzf/mmap-go"
)

// File is a mapped file. Data is read-only: writing to it faults. It is valid until Close.
type File struct {
	Data []byte
	m    mm.MMap
}

// Open maps the regular file path.
func Open(path string) (*File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for a writer
		return nil, fmt.Errorf("mmap: %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Map(f)
}

// Map maps an open regular file. The mapping stays when f is closed.
func Map(f *os.File) (*File, error) {
	path := f.Name()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("mmap: %s: not a regular file", path)
	}
	if info.Size() == 0 {
		return &File{}, nil
	}
	m, err := mm.Map(f, mm.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("mmap: %s: %w", path, err)
	}
	return &File{Data: m, m: m}, nil
}

// Close unmaps. Slices of Data must not be used afterwards.
func (f *File) Close() error {
	if f.m == nil {
		return nil
	}
	m := f.m
	f.m, f.Data = nil, nil
	return m.Unmap()
}
