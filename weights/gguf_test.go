package weights

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
)

// ggufBytes builds files by hand for the tests.
type ggufBytes struct{ b []byte }

func (g *ggufBytes) u32(v uint32) *ggufBytes {
	g.b = binary.LittleEndian.AppendUint32(g.b, v)
	return g
}

func (g *ggufBytes) u64(v uint64) *ggufBytes {
	g.b = binary.LittleEndian.AppendUint64(g.b, v)
	return g
}

func (g *ggufBytes) str(s string) *ggufBytes {
	g.u64(uint64(len(s)))
	g.b = append(g.b, s...)
	return g
}

func (g *ggufBytes) raw(b ...byte) *ggufBytes { g.b = append(g.b, b...); return g }

func (g *ggufBytes) pad(n int) *ggufBytes {
	for len(g.b)%n != 0 {
		g.b = append(g.b, 0)
	}
	return g
}

func newGGUF(version uint32, tensors, entries uint64) *ggufBytes {
	g := &ggufBytes{}
	return g.raw([]byte("GGUF")...).u32(version).u64(tensors).u64(entries)
}

func TestGGUFMetadata(t *testing.T) {
	g := newGGUF(2, 1, 16)
	g.str("u8").u32(0).raw(200)
	g.str("i8").u32(1).raw(200)
	g.str("u16").u32(2).raw(1, 2)
	g.str("i16").u32(3).raw(255, 255)
	g.str("u32").u32(4).u32(7)
	g.str("i32").u32(5).u32(math.MaxUint32)
	g.str("f32").u32(6).u32(math.Float32bits(1.5))
	g.str("bool").u32(7).raw(1)
	g.str("string").u32(8).str("Größe")
	g.str("strings").u32(9).u32(8).u64(2).str("a").str("")
	g.str("u64").u32(10).u64(1 << 40)
	g.str("i64").u32(11).u64(math.MaxUint64)
	g.str("f64").u32(12).u64(math.Float64bits(0.1))
	g.str("floats").u32(9).u32(6).u64(1).u32(math.Float32bits(2))
	g.str("nested").u32(9).u32(9).u64(1).u32(5).u64(1).u32(9)
	g.str("general.alignment").u32(4).u32(64)
	g.str("w").u32(2).u64(2).u64(3).u32(0).u64(0) // 3 rows of 2
	g.pad(64)
	for i := range 6 {
		g.u32(math.Float32bits(float32(i)))
	}
	f, err := parseGGUF(g.b)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"u8": byte(200), "i8": int8(-56), "u16": uint16(513), "i16": int16(-1), "u32": uint32(7), "i32": int32(-1),
		"f32": float32(1.5), "bool": true, "string": "Größe", "strings": []string{"a", ""}, "u64": uint64(1 << 40), "i64": int64(-1), "f64": 0.1,
		"floats": []float32{2}, "nested": []any{[]int32{9}}, "general.alignment": uint32(64)}
	if !reflect.DeepEqual(f.metadata, want) {
		t.Errorf("got %#v", f.metadata)
	}
	w, _ := f.Tensor("w")
	row := make([]float32, 2)
	if err := w.ReadRows(row, 2); err != nil || !reflect.DeepEqual(row, []float32{4, 5}) || !reflect.DeepEqual(w.Shape, []int{3, 2}) {
		t.Errorf("shape %v, last row %v, %v", w.Shape, row, err)
	}
}

func TestHostileGGUF(t *testing.T) {
	tensor := func(dims []uint64, kind uint32, offset uint64) *ggufBytes {
		g := newGGUF(3, 1, 0).str("w").u32(uint32(len(dims)))
		for _, d := range dims {
			g.u64(d)
		}
		return g.u32(kind).u64(offset).pad(32).raw(make([]byte, 64)...)
	}
	twice := newGGUF(3, 2, 0)
	for _, name := range []string{"w", "v"} {
		twice.str(name).u32(1).u64(16).u32(0).u64(map[string]uint64{"w": 0, "v": 32}[name])
	}
	deep := newGGUF(3, 0, 1).str("k").u32(9)
	for range 50 {
		deep.u32(9).u64(1)
	}
	cases := []struct {
		name string
		b    *ggufBytes
		want string
	}{
		{"empty", &ggufBytes{}, "does not begin"},
		{"pointer of Git LFS", (&ggufBytes{}).raw([]byte("version https://git-lfs.github.com/spec/v1\n")...), "pointer of Git LFS?"},
		{"cut off", tensor([]uint64{1000}, 0, 0), "is the file cut off"},
		{"version 1", newGGUF(1, 0, 0), "version 1"},
		{"big-endian", newGGUF(3<<24, 0, 0), "a big-endian file"}, // gguf-py writes all numbers so, the version too
		{"header as long as a file", newGGUF(3, 0, 1).str("k").u32(9).u32(0).u64(maxHeader).raw(make([]byte, maxHeader)...), "headers of more than"},
		{"name as long as a file", newGGUF(3, 0, 1).u64(maxHeader).raw(make([]byte, maxHeader)...), "headers of more than"},
		{"absurd counts", newGGUF(3, 1<<60, 1<<60), "metadata entries"},
		{"long key", newGGUF(3, 0, 1).u64(1 << 60).raw(make([]byte, 30)...), "header ends"},
		{"unknown value type", newGGUF(3, 0, 1).str("key").u32(99).u64(0), "metadata key: unknown type 99"},
		{"long array", newGGUF(3, 0, 1).str("key").u32(9).u32(8).u64(1 << 50), "metadata key: array of"},
		{"deep arrays", deep, "nested deeper"},
		{"alignment", newGGUF(3, 0, 1).str("general.alignment").u32(4).u32(3), "general.alignment"},
		{"dimensions", tensor([]uint64{1, 1, 1, 1, 1, 1, 1, 1, 1}, 0, 0), "tensor w: 9 dimensions"},
		{"huge dimension", tensor([]uint64{1 << 50}, 0, 0), "tensor w: dimensions"},
		{"beyond", tensor([]uint64{1000}, 0, 0), "tensor w: shape [1000]"},
		{"overflow", tensor([]uint64{1 << 30, 1 << 30, 1 << 30}, 0, 0), "tensor w: dimensions"},
		{"part of a block", tensor([]uint64{31}, 2, 0), "tensor w: dimensions"},
		{"unread type", tensor([]uint64{32}, 16, 0), "tensor w: type IQ2_XXS is not read"},
		{"unread new type", tensor([]uint64{64}, 40, 0), "tensor w: type NVFP4 is not read"}, // gguf-py 0.19, GGMLQuantizationType
		{"unknown type", tensor([]uint64{32}, 77, 0), "tensor w: type number 77"},
		{"misaligned", tensor([]uint64{1}, 0, 4), "tensor w: offset 4"},
		{"overlap", twice.pad(32).raw(make([]byte, 128)...), "tensor v: begins at byte 32, inside w"},
	}
	for _, c := range cases {
		_, err := parseGGUF(c.b.b)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestRealGGUF reads a published file; the expected figures are its model card's.
func TestRealGGUF(t *testing.T) {
	path := outside.RealModel(t, "SmolLM2-135M-Instruct.Q4_1.gguf")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for _, name := range f.Names() {
		x, _ := f.Tensor(name)
		n += x.Len()
	}
	if n != 134515008 { // huggingface.co/HuggingFaceTB/SmolLM2-135M: 135M, embeddings tied
		t.Errorf("%d parameters", n)
	}
	if m := f.(*GGUF).Metadata(); m["general.architecture"] != "llama" || len(m["tokenizer.ggml.tokens"].([]string)) != 49152 {
		t.Errorf("metadata: %v", m["general.architecture"])
	}
	cut := filepath.Join(t.TempDir(), "cut.gguf")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 3, 24, 5000, 1 << 20, len(whole) - 1} {
		if err := os.WriteFile(cut, whole[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		if g, err := Open(cut); err == nil {
			g.Close()
			t.Errorf("opened a file cut at %d bytes", size)
		}
	}
}

func FuzzGGUF(f *testing.F) {
	f.Add(newGGUF(3, 1, 1).str("k").u32(9).u32(8).u64(1).str("a").str("w").u32(1).u64(32).u32(2).u64(0).pad(32).raw(make([]byte, 18)...).b)
	f.Add(newGGUF(2, 1, 1).str("general.alignment").u32(4).u32(8).str("w").u32(1).u64(256).u32(14).u64(0).pad(8).raw(make([]byte, 210)...).b)
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := parseGGUF(data)
		if err != nil {
			return
		}
		for _, x := range g.tensors {
			if x.DType.Float() {
				if _, err := x.Float32s(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
