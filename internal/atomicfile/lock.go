package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// ErrBusy says that another process is changing the files of a folder.
var ErrBusy = errors.New("another process is changing it: try again when that is done")

// LockName is the file that a folder is locked by; it stays behind.
const LockName = ".lock"

// Lock makes this process the only one that changes the files of the folder dir, which must exist, until unlock is called or
// the process ends, however it ends. It removes the temporary files that killed processes left there.
func Lock(dir string) (unlock func(), err error) {
	l := flock.New(filepath.Join(dir, LockName))
	locked, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("atomicfile: locking %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("%s: %w", dir, ErrBusy)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		l.Unlock()
		return nil, err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") && strings.Contains(f.Name(), ".tmp-") {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
	return func() { l.Unlock() }, nil
}
