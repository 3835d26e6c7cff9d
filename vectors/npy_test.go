package vectors

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
)

// The files in testdata were written by NumPy 2.4.6 (numpy.lib.format.write_array) from
// [[1.5, -2, 0], [6.1035e-05, 5.9605e-08, 65504]] in the type and format version of their names.
func TestReadNPYOfNumPy(t *testing.T) {
	single := []float32{1.5, -2, 0, 6.1035e-05, 5.9605e-08, 65504}
	half := []float32{1.5, -2, 0, 6.103515625e-05, 5.9604644775390625e-08, 65504} // x.astype("f2").astype("f4"): smallest normal and subnormal
	for name, want := range map[string][]float32{"f2": half, "f4": single, "f8-v2": single, "f4-big-v3": single} {
		m, err := ReadNPY(filepath.Join("testdata", name+".npy"))
		if err != nil {
			t.Fatal(err)
		}
		if m.Rows != 2 || m.Cols != 3 {
			t.Fatalf("%s: shape (%d, %d)", name, m.Rows, m.Cols)
		}
		for i, v := range want {
			if m.Data[i] != v {
				t.Errorf("%s: element %d is %v, want %v", name, i, m.Data[i], v)
			}
		}
	}
}

func TestReadNPYRefuses(t *testing.T) {
	for name, why := range map[string]string{
		"fortran": "Fortran order", "ints": "type \"<i8\"", "one-dimension": "1-dimensional", "structured": "structured", "object": "\"|O\"",
	} {
		if _, err := ReadNPY(filepath.Join("testdata", name+".npy")); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	build := func(text string, body int) string {
		return npyMagic + "\x01\x00" + string([]byte{byte(len(text)), byte(len(text) >> 8)}) + text + strings.Repeat("x", body)
	}
	good := "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
	if h, err := parseHeader([]byte(build(good, 24))); err != nil || h.rows != 2 || h.cols != 3 {
		t.Fatalf("%+v, %v", h, err)
	}
	for name, data := range map[string]string{
		"empty":            "",
		"text":             "hello, this is no such file",
		"magic only":       npyMagic,
		"cut header":       build(good, 24)[:30],
		"cut body":         build(good, 23),
		"long body":        build(good, 25),
		"version 4":        strings.Replace(build(good, 24), "\x01\x00", "\x04\x00", 1),
		"huge header":      npyMagic + "\x02\x00\xff\xff\xff\xff" + good,
		"huge shape":       build("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0),
		"overflow to zero": build("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0),
		"rows of nothing":  build("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 0), }", 0),
		"zero by huge":     build("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 1000000000000), }", 0),
		"negative":         build("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", 24),
		"two shapes":       build("{'descr': '<f4', 'shape': (2, 3), 'fortran_order': False, 'shape': (2, 3), }", 24),
		"no order":         build("{'descr': '<f4', 'shape': (2, 3), }", 24),
		"more keys":        build("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", 24),
		"not closed":       build("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ", 24),
		"after it":         build(good+"print(1)", 24),
		"two marks":        build("{'descr': '<>f4', 'fortran_order': False, 'shape': (2, 3), }", 24),
	} {
		if h, err := parseHeader([]byte(data)); err == nil {
			t.Errorf("%s accepted: %+v", name, h)
		}
	}
}

func TestWriteNPYReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, shape := range [][2]int{{0, 5}, {1, 1}, {3, 7}, {1000, 33}} {
		m := labrador.NewMatrix(shape[0], shape[1])
		for i := range m.Data {
			m.Data[i] = float32(math.Sin(float64(i)))
		}
		if err := WriteNPY(path, m); err != nil {
			t.Fatal(err)
		}
		f, err := OpenNPY(path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Matrix.Rows != m.Rows || f.Matrix.Cols != m.Cols || m.Rows > 0 && f.m == nil {
			t.Fatalf("shape (%d, %d), mapped %v", f.Matrix.Rows, f.Matrix.Cols, f.m != nil)
		}
		for i, v := range m.Data {
			if f.Matrix.Data[i] != v {
				t.Fatalf("element %d: %v, want %v", i, f.Matrix.Data[i], v)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteNPY(path, labrador.Matrix{Rows: 2, Cols: 2, Data: make([]float32, 3)}); err == nil {
		t.Error("a matrix with a hole was written")
	}
}

// NumPy itself reads what WriteNPY wrote, where there is a Python with it.
func TestNumPyReadsWriteNPY(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("no python3 with NumPy")
	}
	path := filepath.Join(t.TempDir(), "x.npy")
	if err := WriteNPY(path, labrador.Matrix{Rows: 2, Cols: 2, Data: []float32{1, 2.5, -3, 1e-40}}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", "import numpy,sys; x=numpy.load(sys.argv[1]); print(x.dtype, x.shape, x.tolist())", path).CombinedOutput()
	if want := "float32 (2, 2) [[1.0, 2.5], [-3.0, 9.99994610111476e-41]]\n"; err != nil || string(out) != want {
		t.Fatalf("%s, %v", out, err)
	}
}

func FuzzParseHeader(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.npy")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseHeader(data)
		if err != nil {
			return
		}
		if h.rows*h.cols*h.size != len(data)-h.offset {
			t.Fatalf("%+v of %d bytes", h, len(data))
		}
		if got := len(h.convert(data[h.offset:])); got != h.rows*h.cols {
			t.Fatalf("%d elements for %+v", got, h)
		}
	})
}
