package weights

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/labrador-lab/labrador/internal/atomicfile"
)

// WriteSafetensors writes the tensors and the metadata (may be nil) to path, which appears only when all of it is
// written. Tensors are laid out as the reference writer does it, wide types first and then by name, so that all of them
// are aligned.
func WriteSafetensors(path string, tensors []Tensor, metadata map[string]string) error {
	header, list, err := safetensorsHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("weights: %s: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		for _, t := range list {
			if _, err := w.Write(t.Data); err != nil {
				return err
			}
		}
		return nil
	})
}

// safetensorsHeader makes the length and the JSON, padded with blanks to a multiple of 8, and the order of the data.
func safetensorsHeader(tensors []Tensor, metadata map[string]string) ([]byte, []Tensor, error) {
	list := slices.Clone(tensors)
	slices.SortFunc(list, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.BlockBytes(), a.DType.BlockBytes()), cmp.Compare(a.Name, b.Name))
	})
	header := map[string]any{}
	if metadata != nil {
		header["__metadata__"] = metadata
	}
	var at uint64
	for _, t := range list {
		size, ok := byteSize(t.DType, t.Shape)
		_, dup := header[t.Name]
		if dup || t.Name == "__metadata__" || !utf8.ValidString(t.Name) {
			return nil, nil, fmt.Errorf("safetensors: tensor %q cannot be written: the name comes twice, is the metadata's or is not UTF-8", t.Name)
		}
		if !ok || size != len(t.Data) || safetensorsTypes[t.DType.String()] != t.DType {
			return nil, nil, fmt.Errorf("safetensors: tensor %q cannot be written: %s, shape %v, %d bytes (a shape or type that does not fit)", t.Name, t.DType, t.Shape, len(t.Data))
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		header[t.Name] = entry{DType: t.DType.String(), Shape: shape, Offsets: []uint64{at, at + uint64(size)}}
		at += uint64(size)
	}
	text, err := json.Marshal(header)
	if err != nil {
		return nil, nil, err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), list, nil
}
