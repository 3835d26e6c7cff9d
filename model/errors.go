package model

import (
	"errors"
	"path/filepath"
	"strings"
)

// pathError is an error about what is in a file or folder.
type pathError struct {
	path string
	err  error
}

// Error names the package once, then the path.
func (e *pathError) Error() string {
	return "model: " + e.path + ": " + strings.TrimPrefix(e.err.Error(), "model: ")
}

func (e *pathError) Unwrap() error { return e.err }

// within says in which file or folder an error arose, unless the error itself says it, or where in the folder.
func within(path string, err error) error {
	var inner *pathError
	if errors.As(err, &inner) {
		there, folder := filepath.Clean(inner.path), filepath.Clean(path)
		if there == folder || strings.HasPrefix(there, folder+string(filepath.Separator)) {
			return err
		}
	}
	return &pathError{path, err}
}
