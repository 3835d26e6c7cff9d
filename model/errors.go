package model

import "strings"

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

// within says in which file or folder an error arose.
func within(path string, err error) error { return &pathError{path, err} }
