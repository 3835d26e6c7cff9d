package weights

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file makes safetensors bytes of a header and n bytes of data.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestHostileSafetensors(t *testing.T) {
	long := binary.LittleEndian.AppendUint64(nil, 1<<62)
	cases := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "at least 8"},
		{"header beyond the file", append(long, "{}"...), "header length"},
		{"not an object", file(`[]`, 0), "not a JSON object"},
		{"cut JSON", file(`{"a":{"dtype":"F32"`, 0), "tensor a"},
		{"unknown dtype", file(`{"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}}`, 4), `tensor a: unknown dtype "Q9"`},
		{"offsets beyond", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4), "tensor a: data_offsets"},
		{"offsets swapped", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "tensor a: data_offsets"},
		{"negative offset", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 4), "tensor a"},
		{"wrong shape", file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}`, 4), "tensor a: shape"},
		{"negative shape", file(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, 4), "tensor a: shape"},
		{"absurd shape", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0), "tensor a: shape"},
		{"misaligned", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 6), "tensor b: begins at byte 2, not aligned"},
		{"overlap", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "tensor b: begins at byte 4"},
		{"hole", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "tensor a: begins at byte 4"},
		{"tail", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8), "4 bytes after"},
		{"header too long", append(binary.LittleEndian.AppendUint64(nil, maxHeader+1), make([]byte, maxHeader+1)...), "at most 100000000"},
		// What follows the reference reader refuses too (safetensors 0.8.0: "missing field", "duplicate field", "invalid type", "invalid UTF-8").
		{"no shape", file(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 4), "tensor a: no shape"},
		{"shape null", file(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4), "tensor a: no shape"},
		{"shape of fractions", file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), "tensor a: shape: json: cannot unmarshal number 1.5"},
		{"shape beyond 64 bits", file(`{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}`, 4), "tensor a: shape: json: cannot unmarshal number 9223372036854775808"},
		{"fields in capitals", file(`{"a":{"DTYPE":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), "tensor a: no dtype"},
		{"dtype twice", file(`{"a":{"dtype":"F16","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), "tensor a: dtype comes twice"},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), "__metadata__ comes twice"},
		{"not UTF-8", file("{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "not UTF-8"},
		{"no object", file(`{"a":[1]}`, 0), "tensor a: the entry is [1]"},
		{"thousands of dimensions", file(`{"a":{"dtype":"F32","shape":[`+strings.Repeat("1,", 5000)+`1],"data_offsets":[0,4]}}`, 4), "tensor a: an entry of 10"},
		{"twice", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4), "tensor a comes twice"},
		{"more behind the object", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} {more`, 4), "5 bytes that are not blank"},
		{"pointer of Git LFS", []byte("version https://git-lfs.github.com/spec/v1\n"), "pointer of Git LFS?"},
		{"cut off", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4), "is the file cut off"},
		{"metadata of numbers", file(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
	}
	for _, c := range cases {
		_, err := parseSafetensors(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	in := []Tensor{
		{Name: "b", DType: U8, Shape: []int{3}, Data: []byte{1, 2, 3}},
		FromFloat32s("a", []int{2, 2}, []float32{1, -2, 0.5, 4}),
		{Name: "h", DType: BF16, Shape: []int{1}, Data: []byte{0x80, 0x3f}},
		FromFloat32s("s", nil, []float32{7}),
	}
	if err := WriteSafetensors(path, in, map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Names(); !slices.Equal(got, []string{"a", "b", "h", "s"}) {
		t.Fatalf("names %v", got)
	}
	a, _ := f.Tensor("a")
	row := make([]float32, 2)
	if err := a.ReadRows(row, 1); err != nil || row[0] != 0.5 || row[1] != 4 {
		t.Fatalf("row %v, %v", row, err)
	}
	if err := a.ReadRows(row, 2); err == nil {
		t.Fatal("row 2 of 2 read")
	}
	for first, want := range [][]float32{{1, -2}, {0.5, 4}} {
		if err := a.FetchRows(row, first); err != nil || !slices.Equal(row, want) {
			t.Fatalf("row %d fetched: %v, %v", first, row, err)
		}
	}
	for _, first := range []int{-1, 2} {
		if err := a.FetchRows(row, first); err == nil || !strings.Contains(err.Error(), "tensor a") {
			t.Fatalf("row %d of 2 fetched: %v", first, err)
		}
	}
	if err := in[1].FetchRows(row, 1); err != nil || row[0] != 0.5 || row[1] != 4 {
		t.Fatalf("fetched of no file: %v, %v", row, err)
	}
	f.Release()
	h, _ := f.Tensor("h")
	if v, _ := h.Float32s(); v[0] != 1 {
		t.Fatalf("bf16 %v", v)
	}
	b, _ := f.Tensor("b")
	if _, err := b.Float32s(); err == nil || !strings.Contains(err.Error(), "tensor b") {
		t.Fatalf("integers read as floats: %v", err)
	}
	if _, err := f.Tensor("none"); err == nil || !strings.Contains(err.Error(), "none") {
		t.Fatalf("missing tensor: %v", err)
	}
	if err := WriteSafetensors(path, []Tensor{{Name: "x", DType: F32, Shape: []int{2}, Data: []byte{1}}}, nil); err == nil {
		t.Fatal("wrote a tensor whose shape does not fit")
	}
}

func TestSharded(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, tensors ...Tensor) {
		if err := WriteSafetensors(filepath.Join(dir, name), tensors, nil); err != nil {
			t.Fatal(err)
		}
	}
	write("m-1.safetensors", FromFloat32s("a", []int{1}, []float32{1}))
	write("m-2.safetensors", FromFloat32s("b", []int{1}, []float32{2}))
	index := filepath.Join(dir, "model.safetensors.index.json")
	put := func(s string) {
		if err := os.WriteFile(index, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"metadata":{"total_size":8},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}`)
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := f.Tensor("b")
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := b.Float32s(); v[0] != 2 {
		t.Fatal(v)
	}
	if len(f.Paths()) != 3 {
		t.Fatal(f.Paths())
	}
	for bad, want := range map[string]string{
		`{}`: "weight_map",
		`{"weight_map":{"a":"../m-1.safetensors"}}`: "not a file name",
		`{"weight_map":{"c":"m-1.safetensors"}}`:    "no tensor c",
		`{"weight_map":{"a":"m-9.safetensors"}}`:    "m-9",
		`{"weight_map":{"a":5}}`:                    "weight_map: the file of tensor a is 5",
	} {
		put(bad)
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(file(`{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4))
	f.Add(file(`{"a":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},"b":{"dtype":"F8_E4M3","shape":[],"data_offsets":[8,9]}}`, 9))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSafetensors(data)
		if err != nil {
			return
		}
		for _, x := range s.tensors {
			if x.DType.Float() {
				if _, err := x.Float32s(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestNoFile: what is no file is refused, not waited for.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	if err := exec.Command("mkfifo", path).Run(); err != nil {
		t.Skip(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), path+": not a regular file") {
		t.Errorf("a pipe: %v", err)
	}
}

// TestCutMeanwhile: a file that gets shorter while it is open is an error, not a fault of its mapping.
func TestCutMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteSafetensors(path, []Tensor{FromFloat32s("x", []int{100_000}, make([]float32, 100_000))}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 1000); err != nil {
		t.Skip(err) // some systems keep a mapped file
	}
	x, err := f.Tensor("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Float32s(); err == nil || !strings.Contains(err.Error(), "tensor x: the file ends before it") {
		t.Errorf("got %v", err)
	}
}

// TestWriteNames: names that the safetensors library (0.8) could not read back are refused, and nothing is written.
func TestWriteNames(t *testing.T) {
	one := func(name string) Tensor { return FromFloat32s(name, []int{1}, []float32{1}) }
	for _, list := range [][]Tensor{{one("__metadata__")}, {one("a\xff"), one("a\xfe")}, {one("a"), one("a")}} {
		dir := t.TempDir()
		if err := WriteSafetensors(filepath.Join(dir, "x.safetensors"), list, nil); err == nil || !strings.Contains(err.Error(), "cannot be written: the name") {
			t.Errorf("%q: %v", list[0].Name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%q: left %v", list[0].Name, left)
		}
	}
}
