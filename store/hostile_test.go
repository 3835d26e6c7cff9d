package store

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// spoil is something that can happen to the folder of a whole set of ten rows of four columns.
type spoil struct {
	name   string
	do     func(t *testing.T, dir string)
	verify string // in what Verify says; "": the set is whole, as far as it is there
	remove string // in what Remove says; "": the folder is gone
}

// write puts a file of the text in the place of another.
func write(name, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		os.RemoveAll(filepath.Join(dir, name))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder puts a folder with a file in the place of a file.
func folder(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		os.RemoveAll(filepath.Join(dir, name))
		must(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name, "mine"), []byte("x"), 0o644))
	}
}

// loop puts a symbolic link to itself in the place of a file.
func loop(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		os.RemoveAll(filepath.Join(dir, name))
		if err := os.Symlink(name, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
}

// pipe puts a named pipe, whose reader waits for ever, in the place of a file.
func pipe(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		os.RemoveAll(filepath.Join(dir, name))
		if err := exec.Command("mkfifo", filepath.Join(dir, name)).Run(); err != nil {
			t.Skip(err)
		}
	}
}

// truncate makes a file so long, without writing what is behind its end.
func truncate(name string, n int64) func(*testing.T, string) {
	return func(t *testing.T, dir string) { must(t, os.Truncate(filepath.Join(dir, name), n)) }
}

// flip turns a bit of a file.
func flip(name string, at int) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		must(t, err)
		data[at] ^= 1
		must(t, os.WriteFile(path, data, 0o644))
	}
}

// set is a set.json with the numbers.
func set(key string, rows, cols, shard int) string {
	return fmt.Sprintf(`{"version":1,"key":{"model":%q},"rows":%d,"cols":%d,"shard_rows":%d}`, key, rows, cols, shard)
}

// TestHostile: whatever lies in the folder of a set, listing, verifying and removing give an answer that names it, and remove nothing that the
// store did not make.
func TestHostile(t *testing.T) {
	const most = 1<<63 - 1
	for _, c := range []spoil{
		{"nothing", func(*testing.T, string) {}, "", ""},
		{"shard cut", truncate("00000.npy", 50), "00000.npy: the shard is damaged: 50 bytes, written were 288", ""},
		{"shard empty", truncate("00000.npy", 0), "00000.npy: the shard is damaged: 0 bytes", ""},
		{"shard flipped", flip("00000.npy", 280), "00000.npy: the shard is damaged: CRC", ""},
		{"header flipped", flip("00000.npy", 20), "00000.npy: the shard is damaged: CRC", ""},
		{"shard of a tebibyte", truncate("00000.npy", 1<<40), "00000.npy: the shard is damaged: 1099511627776 bytes", ""},
		{"shard and sum of a tebibyte", func(t *testing.T, dir string) {
			truncate("00000.npy", 1<<40)(t, dir)
			write("00000.sum", "00000000 1099511627776\n")(t, dir)
		}, "1099511627776 bytes are too many for 10 x 4 vectors", ""},
		{"shard gone", func(_ *testing.T, dir string) { os.Remove(filepath.Join(dir, "00000.npy")) }, "00000.npy: no such file", ""},
		{"shard a folder", folder("00000.npy"), "00000.npy: the shard is damaged: it is not a file", `stays: ["00000.npy"]`},
		{"shard a loop", loop("00000.npy"), "too many levels of symbolic links", ""},
		{"shard a pipe", pipe("00000.npy"), "00000.npy: the shard is damaged: it is not a file", ""},
		{"sum empty", write("00000.sum", ""), `00000.sum: the shard is damaged: "" is not a checksum`, ""},
		{"sum of lines", write("00000.sum", "a\nb\n"), `"a\nb\n" is not a checksum`, ""},
		{"sum flipped", flip("00000.sum", 2), "the shard is damaged", ""},
		{"sum long", truncate("00000.sum", 1<<40), "00000.sum: 1099511627776 bytes, at most 64 belong there", ""},
		{"sum a folder", folder("00000.sum"), "", `stays: ["00000.sum"]`},
		{"sum a pipe", pipe("00000.sum"), "00000.sum is not a file", ""},
		{"a shard too many", write("00007.sum", "00000000 1\n"), "00007.sum: the set has 1 shards", ""},
		{"set cut", truncate("set.json", 20), "set.json: unexpected end", ""},
		{"set long", truncate("set.json", 1<<40), "set.json: 1099511627776 bytes, at most 1048576 belong there", ""},
		{"set of another key", write("set.json", set("n", 10, 4, ShardRows)), "set.json: its key belongs to set ", ""},
		{"set with too many rows", write("set.json", set("m", most, 4, most)), "are too many", ""},
		{"set with too many columns", write("set.json", set("m", 10, most, ShardRows)), "are too many", ""},
		{"set with many shards", write("set.json", set("m", 1<<20, 4, 1)), "10 x 4 vectors, 1 x 4 belong there", ""},
		{"set with other rows", write("set.json", set("m", 9, 4, ShardRows)), "10 x 4 vectors, 9 x 4 belong there", ""},
		{"set without rows a shard", write("set.json", set("m", 10, 4, 0)), "in shards of 0", ""},
		{"set a list", write("set.json", "[]"), "set.json: json: cannot unmarshal", ""},
		{"set a folder", folder("set.json"), "set.json is not a file", `stays: ["set.json"]`},
		{"set a loop", loop("set.json"), "too many levels of symbolic links", ""},
		{"set a pipe", pipe("set.json"), "set.json is not a file", ""},
		{"lock a folder", folder("00000.lock"), "", `stays: ["00000.lock"]`},
		{"lock a pipe", pipe("00000.lock"), "", ""},
		{"used a loop", loop("used"), "", ""},
		{"a file of the user's", write("notes\n1", "x"), "", `stays: ["notes\n1"]`},
		{"a folder of the user's", folder("backup"), "", `stays: ["backup"]`},
		{"left by a killed process", write(".00000.npy.tmp-123", "x"), "", ""},
		{"a beginning of a whole shard", write("00000.begun", "x"), "", ""},
		{"a beginning a folder", folder("00000.begun"), "", `stays: ["00000.begun"]`},
		{"a beginning a pipe", pipe("00000.begun"), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t) })
	}
}

func (c spoil) check(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "[a]*")) // no pattern
	must(t, err)
	whole, err := s.Set(Key{"model": "m"}, 10, 4)
	must(t, err)
	must(t, whole.Fill(t.Context(), encodeRows(4)))
	dir := whole.dir
	c.do(t, dir)
	if infos, err := s.List(); err != nil || len(infos) != 1 || (infos[0].Key == nil) != (infos[0].Problem != "") {
		t.Errorf("list: %+v, %v", infos, err)
	}
	wrong, err := s.Verify()
	switch {
	case err != nil:
		t.Errorf("verify: %v", err)
	case c.verify == "" && len(wrong) > 0:
		t.Errorf("verify: %v", wrong)
	case c.verify != "" && (len(wrong) != 1 || !strings.Contains(wrong[0].Error(), c.verify) || !strings.Contains(wrong[0].Error(), dir)):
		t.Errorf("verify: %v, want %q", wrong, c.verify)
	}
	if set, err := s.Set(Key{"model": "m"}, 10, 4); err != nil {
		if !strings.Contains(err.Error(), "labrador cache prune "+filepath.Base(dir)) {
			t.Errorf("opened: %v", err)
		}
	} else if set.Missing() > 10 {
		t.Errorf("%d rows of 10 are missing", set.Missing())
	}
	err = s.Remove(filepath.Base(dir))
	_, there := os.Lstat(dir)
	switch {
	case c.remove == "" && (err != nil || there == nil):
		t.Errorf("remove: %v, folder: %v", err, there)
	case c.remove != "" && (err == nil || !strings.Contains(err.Error(), c.remove) || there != nil):
		t.Errorf("remove: %v, want %q", err, c.remove)
	}
}

// TestHostileStore: what in the store's folder is no set is neither listed nor removed, through a link neither.
func TestHostileStore(t *testing.T) {
	s, err := Open(t.TempDir())
	must(t, err)
	id := func(letter string) string { return strings.Repeat(letter, 32) }
	mine := t.TempDir()
	must(t, os.WriteFile(filepath.Join(mine, "set.json"), []byte("mine"), 0o644))
	must(t, os.MkdirAll(filepath.Join(s.dir, id("a"), "mine"), 0o755))
	must(t, os.WriteFile(filepath.Join(s.dir, id("b")), []byte("mine"), 0o644))
	must(t, os.MkdirAll(filepath.Join(s.dir, id("e")+"\n"), 0o755))
	linked := os.Symlink(mine, filepath.Join(s.dir, id("c"))) == nil
	if linked {
		must(t, os.Symlink(id("d"), filepath.Join(s.dir, id("d"))))
	}
	if infos, err := s.List(); err != nil || len(infos) != 0 {
		t.Errorf("%+v, %v", infos, err)
	}
	if gone, stuck, err := s.Prune(0); err != nil || len(gone)+len(stuck) != 0 {
		t.Errorf("pruned %v, %v, %v", gone, stuck, err)
	}
	for _, c := range [][2]string{{id("a"), "stays"}, {id("b"), "is not a folder"}, {id("c"), "is not a folder"}, {id("d"), "is not a folder"}, {id("f"), "no set"},
		{id("e") + "\n", "is no set"}, {"..", "is no set"}, {"", "is no set"}, {strings.ToUpper(id("a")), "is no set"}} {
		if !linked && strings.Contains("cd", c[0][:1]) {
			continue
		}
		if err := s.Remove(c[0]); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%q: %v", c[0], err)
		}
	}
	for _, path := range []string{filepath.Join(mine, "set.json"), filepath.Join(s.dir, id("a"), "mine"), filepath.Join(s.dir, id("b"))} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestPruneSaysWhatIsStuck: of a set with a file of the user's, what is the store's goes.
func TestPruneSaysWhatIsStuck(t *testing.T) {
	s, err := Open(t.TempDir())
	must(t, err)
	whole, err := s.Set(Key{"model": "m"}, 10, 4)
	must(t, err)
	must(t, whole.Fill(t.Context(), encodeRows(4)))
	write("mine", "x")(t, whole.dir)
	gone, stuck, err := s.Prune(0)
	if err != nil || len(gone) != 1 || len(stuck) != 1 || !strings.Contains(stuck[0].Error(), `stays: ["mine"]`) {
		t.Errorf("%v, %v, %v", gone, stuck, err)
	}
	if infos, err := s.List(); err != nil || len(infos) != 0 {
		t.Errorf("%v, %v", infos, err)
	}
}
