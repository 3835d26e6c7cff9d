package store

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"time"

	"github.com/labrador-lab/labrador"
)

// keepEvery is how long encoded rows of an unfinished shard may be in memory alone. Shards that are made faster need no file of their beginning.
const keepEvery = 30 * time.Second

// recordHeader is the length of what stands before the rows of a record (the package's comment has the format).
const recordHeader = 8

// begun is a shard of a set while it is encoded by the holder of its lock.
type begun struct {
	set  *Set
	i    int
	m    labrador.Matrix // the whole shard, (hi-lo, Cols); rows that are not there yet are zero
	rows int             // the leading rows that are there
	kept int             // those of them that are on disk
	size int64           // of the whole records of the file
}

// begin reads the rows of shard i that are on disk.
func (s *Set) begin(i int) (*begun, error) {
	lo, hi := s.Range(i)
	b := &begun{set: s, i: i, m: labrador.NewMatrix(hi-lo, s.Cols)}
	var err error
	b.kept, b.size, err = s.readBegun(i, func(row int, data []byte) {
		dst := b.m.Data[row*s.Cols:]
		for j := range len(data) / 4 {
			dst[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*j:]))
		}
	})
	b.rows = b.kept
	return b, err
}

// readBegun hands the rows that are on disk of a shard that does not count to take, record by record up to the first that is not whole, and
// returns their number and the bytes of their records.
func (s *Set) readBegun(i int, take func(row int, data []byte)) (rows int, size int64, err error) {
	path := s.path(i, ".begun")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file: remove it", path)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	lo, hi := s.Range(i)
	var head [recordHeader]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return rows, size, nil
		}
		n := int64(binary.LittleEndian.Uint32(head[:]))
		length := n * int64(s.Cols) * 4
		if n == 0 || n > int64(hi-lo-rows) || length > info.Size()-size-recordHeader {
			return rows, size, nil
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(in, data); err != nil || crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return rows, size, nil
		}
		take(rows, data)
		rows, size = rows+int(n), size+recordHeader+length
	}
}

// put adds rows from row on, where there may be some already.
func (b *begun) put(row int, m labrador.Matrix) error {
	if m.Rows < 1 || m.Rows > b.m.Rows-row || m.Cols != b.m.Cols {
		return fmt.Errorf("store: shard %d: the encoder gave %d x %d vectors for %d x %d", b.i, m.Rows, m.Cols, b.m.Rows-row, b.m.Cols)
	}
	copy(b.m.Data[row*b.m.Cols:], m.Data)
	b.rows = max(b.rows, row+m.Rows)
	return nil
}

// keep writes the rows that are not on disk as a record behind the last whole one.
func (b *begun) keep() error {
	if b.rows == b.kept {
		return nil
	}
	record := make([]byte, recordHeader, recordHeader+4*(b.rows-b.kept)*b.m.Cols)
	for _, v := range b.m.Data[b.kept*b.m.Cols : b.rows*b.m.Cols] {
		record = binary.LittleEndian.AppendUint32(record, math.Float32bits(v))
	}
	binary.LittleEndian.PutUint32(record, uint32(b.rows-b.kept))
	binary.LittleEndian.PutUint32(record[4:], crc32.Checksum(record[recordHeader:], castagnoli))
	f, err := os.OpenFile(b.set.path(b.i, ".begun"), os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	if err = f.Truncate(b.size); err == nil {
		_, err = f.WriteAt(record, b.size)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	b.kept, b.size = b.rows, b.size+int64(len(record))
	return nil
}

// finish makes the shard count.
func (b *begun) finish() error {
	if err := b.set.write(b.i, b.m); err != nil {
		return err
	}
	os.Remove(b.set.path(b.i, ".begun")) // if it stays, nobody reads it, and the next FillTogether removes it
	return nil
}

// makeShard makes shard i of the sets that lack it, whose locks the caller holds, from the first row that is not on disk in all of them. When
// encoding ends early, what it made until then is on disk.
func makeShard(ctx context.Context, sets []*Set, i int, lack []bool, encode Encode) error {
	lo, hi := sets[0].Range(i)
	var shards []*begun
	row := hi - lo
	for n, s := range sets {
		if lack[n] {
			b, err := s.begin(i)
			if err != nil {
				return err
			}
			shards, row = append(shards, b), min(row, b.rows)
		}
	}
	if row < hi-lo {
		if err := fillRows(shards, row, encode(ctx, lo+row, hi, lack)); err != nil {
			return err
		}
	}
	for _, b := range shards {
		if b.rows < hi-lo {
			return fmt.Errorf("store: shard %d: the encoder gave %d vectors of %d", i, b.rows, hi-lo)
		}
		if err := b.finish(); err != nil {
			return err
		}
	}
	return nil
}

// fillRows puts the pieces into the shards, one behind the other from row on. What is there goes to disk every keepEvery, and at an error.
func fillRows(shards []*begun, row int, pieces iter.Seq2[[]labrador.Matrix, error]) error {
	last := time.Now()
	for made, err := range pieces {
		if err == nil {
			err = putAll(shards, row, made)
		}
		if err != nil || time.Since(last) >= shards[0].set.keepEvery {
			for _, b := range shards {
				err = cmp.Or(err, b.keep())
			}
			last = time.Now()
		}
		if err != nil {
			return err
		}
		row += made[0].Rows
	}
	return nil
}

func putAll(shards []*begun, row int, made []labrador.Matrix) error {
	for n, b := range shards {
		if made[n].Rows != made[0].Rows {
			return fmt.Errorf("store: shard %d: the encoder gave %d and %d vectors of the same items", b.i, made[0].Rows, made[n].Rows)
		}
		if err := b.put(row, made[n]); err != nil {
			return err
		}
	}
	return nil
}
