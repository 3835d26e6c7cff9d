package weights

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/labrador-lab/labrador/internal/outside"
)

// TestBlocksEqualReference dequantises blocks that the gguf Python package made and compares with the floats it gives,
// bit for bit.
func TestBlocksEqualReference(t *testing.T) {
	dir := outside.Data(t, "reference/gguf-blocks")
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index []struct {
		Type   string
		ID     uint32
		Values int
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	if len(index) < 14 {
		t.Fatalf("%d types", len(index))
	}
	for _, e := range index {
		t.Run(e.Type, func(t *testing.T) {
			d := ggufTypes[e.ID]
			if d.String() != e.Type {
				t.Fatalf("type %d is %s here", e.ID, d)
			}
			blocks, err := os.ReadFile(filepath.Join(dir, e.Type+".bin"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(dir, e.Type+".f32"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := Tensor{Name: e.Type, DType: d, Shape: []int{e.Values}, Data: blocks}.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if w := binary.LittleEndian.Uint32(want[4*i:]); math.Float32bits(v) != w {
					t.Fatalf("value %d: %v, want %v", i, v, math.Float32frombits(w))
				}
			}
		})
	}
}

// TestSmallFloats checks values that IEEE 754 (binary16) and the OCP 8-bit formats (Micikevicius et al. 2022, table 1) state.
func TestSmallFloats(t *testing.T) {
	halves := map[uint16]float32{0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x7c00: float32(math.Inf(1)), 0x3555: 0.333251953125,
		0x7e00: float32(math.NaN()), 0x8000: float32(math.Copysign(0, -1))}
	brains := map[uint16]float32{0x3f80: 1, 0xc000: -2, 0x4049: 3.140625, 0x0080: 0x1p-126, 0x0001: 0x1p-133, 0xff80: float32(math.Inf(-1)), 0x7fc0: float32(math.NaN()), 0x8000: float32(math.Copysign(0, -1))}
	for _, d := range []struct {
		DType
		values map[uint16]float32
	}{{F16, halves}, {BF16, brains}} {
		for bits, want := range d.values {
			for _, at := range []int{0, 1} { // bytes that lie as numbers do, and a byte further
				for _, n := range []int{1, 7, 16, 35} {
					src, got := make([]byte, at, at+2*n), make([]float32, n)
					for range n {
						src = binary.LittleEndian.AppendUint16(src, bits)
					}
					decode(d.DType, got, src[at:])
					for _, v := range got {
						if math.Float32bits(v) != math.Float32bits(want) && (v == v || want == want) {
							t.Fatalf("%s %#x, %d of them from byte %d on: %v, want %v", d.DType, bits, n, at, got, want)
						}
					}
				}
			}
		}
	}
	for b, want := range map[byte]float32{0x7e: 448, 0x08: 0x1p-6, 0x07: 0.875 * 0x1p-6, 0x01: 0x1p-9, 0xb8: -1} {
		if got := e4m3(b); got != want {
			t.Errorf("e4m3(%#x) = %v, want %v", b, got, want)
		}
	}
	five := make([]float32, 3)
	decode(F8E5M2, five, []byte{0x7b, 0x04, 0x01})
	for i, want := range []float32{57344, 0x1p-14, 0x1p-16} {
		if five[i] != want {
			t.Errorf("E5M2 %d: %v, want %v", i, five[i], want)
		}
	}
}
