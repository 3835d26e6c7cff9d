package main

import (
	"fmt"
	"strings"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/vectors"
	"github.com/labrador-lab/labrador/weights"
)

// openVectors opens given vectors with their ids: an .npy file, or a .safetensors file that holds one matrix. An empty
// idsPath means the vectors' path with ".ids" after it.
func openVectors(path, idsPath string) (*vectors.Set, error) {
	if !strings.HasSuffix(path, ".safetensors") {
		return vectors.OpenSet(path, idsPath)
	}
	m, err := readMatrix(path)
	if err != nil {
		return nil, err
	}
	if idsPath == "" {
		idsPath = path + ".ids"
	}
	ids, err := vectors.ReadIDs(idsPath)
	if err != nil {
		return nil, err
	}
	return vectors.NewSet(path, ids, m)
}

// readMatrix reads the only two-dimensional tensor of floats in a .safetensors file.
func readMatrix(path string) (labrador.Matrix, error) {
	var m labrador.Matrix
	f, err := weights.OpenSafetensors(path)
	if err != nil {
		return m, err
	}
	defer f.Close()
	var found []weights.Tensor
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return m, err
		}
		if len(t.Shape) == 2 && t.Shape[1] > 0 && t.DType.Float() {
			found = append(found, t)
		}
	}
	if len(found) != 1 {
		return m, fmt.Errorf("%s: %d matrices of floats among the tensors %v; vectors are one: save it alone", path, len(found), f.Names())
	}
	m.Rows, m.Cols = found[0].Shape[0], found[0].Shape[1]
	if m.Data, err = found[0].Float32s(); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}
