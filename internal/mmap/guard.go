package mmap

import (
	"errors"
	"runtime"
	"runtime/debug"
)

// errCut is what became of a file when a mapping has no bytes where it had them.
var errCut = errors.New("the file ends before what it held when it was opened: was it written again while it was read?")

// Guard calls read, which reads mappings in this goroutine. Where the file of one was cut off meanwhile, which would end the process with a
// SIGBUS, it returns an error.
func Guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface {
			runtime.Error
			Addr() uintptr
		}:
			err = errCut
		default:
			panic(r)
		}
	}()
	return read()
}
