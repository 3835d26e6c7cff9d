package eval

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

const (
	blockSize = 4 << 20 // bytes read at once; a block grows only where one query's hits need more
	maxLine   = 1 << 20 // bytes; a longer line is no run's
)

// block is a piece of a run file: whole lines, and never a part of a query's neighbouring lines.
type block struct {
	data  []byte
	seq   int // 0, 1, ... in file order
	lines int // lines of the file before it
}

// cutBlocks reads r to its end and hands out its blocks in order. free gives it buffers to fill and takes back what emit's
// receiver has done with. It stops early, without an error, when ctx ends.
func cutBlocks(ctx context.Context, r io.Reader, free chan []byte, out chan<- block) error {
	var rest []byte // begun, not handed out yet
	for seq, lines, size := 0, 0, blockSize; ; {
		var buf []byte
		select {
		case buf = <-free:
		case <-ctx.Done():
			return nil
		}
		buf = append(buf[:0], rest...)
		buf, end, err := fillTo(r, buf, size)
		if err != nil {
			return err
		}
		cut := len(buf)
		if !end {
			if cut, err = lastQuery(buf, lines); err != nil {
				return err
			}
		}
		rest = append(rest[:0], buf[cut:]...)
		if cut == 0 && !end {
			size *= 2 // one query fills the block
			free <- buf
			continue
		}
		size = max(blockSize, 2*len(rest))
		b := block{data: buf[:cut], seq: seq, lines: lines}
		seq++
		lines += bytes.Count(b.data, []byte("\n"))
		select {
		case out <- b:
		case <-ctx.Done():
			return nil
		}
		if end {
			return nil
		}
	}
}

// fillTo reads until buf holds size bytes; end says that the file ended before.
func fillTo(r io.Reader, buf []byte, size int) (_ []byte, end bool, err error) {
	n := len(buf)
	if cap(buf) < size {
		buf = append(make([]byte, 0, size), buf...)
	}
	for n < size {
		m, err := r.Read(buf[n:size])
		n += m
		if err == io.EOF { // not io.ReadFull, which turns a compressed file cut short into a plain end
			return buf[:n], true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return buf[:n], false, nil
}

// lastQuery is where the lines of the last query begin in data, which may go on behind data's end. lines counts the lines before data.
func lastQuery(data []byte, lines int) (int, error) {
	end := bytes.LastIndexByte(data, '\n') + 1
	if len(data)-end > maxLine {
		return 0, lineError{lines + 1 + bytes.Count(data[:end], []byte("\n")), fmt.Errorf("line longer than %d bytes", maxLine)}
	}
	cut := end
	var last []byte
	for cut > 0 {
		start := bytes.LastIndexByte(data[:cut-1], '\n') + 1
		q := queryOf(data[start:cut])
		switch {
		case len(q) == 0: // blank line or comment
		case last == nil:
			last = q
		case !bytes.Equal(q, last):
			return cut, nil
		}
		cut = start
	}
	return 0, nil
}

// queryOf is the first field of a line, nothing for blank lines and comments.
func queryOf(line []byte) []byte {
	if len(line) > 0 && line[0] == '#' {
		return nil
	}
	i := 0
	for i < len(line) && isSpace(line[i]) {
		i++
	}
	j := i
	for j < len(line) && !isSpace(line[j]) {
		j++
	}
	return line[i:j]
}

func isSpace(c byte) bool { return c == ' ' || (c >= '\t' && c <= '\r') }
