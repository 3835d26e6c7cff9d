package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeSafetensors writes a file as the format's description has it: length of the header, JSON header, data.
func writeSafetensors(t *testing.T, path, header string, data ...uint16) {
	t.Helper()
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for _, v := range data {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpenVectorsOfSafetensors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	// bfloat16: the upper half of a float32. 0x3f80 is 1, 0x4000 is 2, 0xc040 is -3, 0x3f00 is 0.5.
	writeSafetensors(t, path, `{"n":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]},"v":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}`,
		0x3f80, 0x4000, 0xc040, 0x3f00, 0x3f80)
	if _, err := openVectors(path, ""); err == nil || !strings.Contains(err.Error(), "x.safetensors.ids") {
		t.Errorf("without ids: %v", err)
	}
	if err := os.WriteFile(path+".ids", []byte("a\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := openVectors(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if row, ok := s.Row("b"); !ok || fmt.Sprint(row) != "[-3 0.5]" {
		t.Errorf("row of b: %v", row)
	}
	writeSafetensors(t, path, `{"u":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]},"v":{"dtype":"BF16","shape":[1,1],"data_offsets":[2,4]}}`, 0, 0)
	if _, err := openVectors(path, ""); err == nil || !strings.Contains(err.Error(), "2 matrices of floats among the tensors [u v]") {
		t.Errorf("two matrices: %v", err)
	}
}
