package weights

import "fmt"

// DType is the element type of a tensor. Block types pack a fixed number of elements into a block of bytes.
type DType uint8

// Element types. The names are those of safetensors and of GGUF.
const (
	F32 DType = iota + 1
	F64
	F16
	BF16
	F8E4M3
	F8E5M2
	Bool
	U8
	I8
	U16
	I16
	U32
	I32
	U64
	I64
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	IQ4_NL
	IQ4_XS
)

// layout is how a type lies in memory: block elements in bytes bytes.
type layout struct {
	name         string
	block, bytes int
}

var layouts = [...]layout{
	F32: {"F32", 1, 4}, F64: {"F64", 1, 8}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2},
	F8E4M3: {"F8_E4M3", 1, 1}, F8E5M2: {"F8_E5M2", 1, 1}, Bool: {"BOOL", 1, 1},
	U8: {"U8", 1, 1}, I8: {"I8", 1, 1}, U16: {"U16", 1, 2}, I16: {"I16", 1, 2},
	U32: {"U32", 1, 4}, I32: {"I32", 1, 4}, U64: {"U64", 1, 8}, I64: {"I64", 1, 8},
	Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22}, Q5_1: {"Q5_1", 32, 24}, Q8_0: {"Q8_0", 32, 34},
	Q2_K: {"Q2_K", 256, 84}, Q3_K: {"Q3_K", 256, 110}, Q4_K: {"Q4_K", 256, 144}, Q5_K: {"Q5_K", 256, 176},
	Q6_K: {"Q6_K", 256, 210}, IQ4_NL: {"IQ4_NL", 32, 18}, IQ4_XS: {"IQ4_XS", 256, 136},
}

// String is the type's published name, such as "BF16" or "Q4_K".
func (d DType) String() string {
	if !d.known() {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return layouts[d].name
}

func (d DType) known() bool { return d > 0 && int(d) < len(layouts) }

// Block is the number of elements that are stored together: 1 for plain types.
func (d DType) Block() int { return layouts[d].block }

// BlockBytes is the size of one block in bytes; for plain types the size of an element.
func (d DType) BlockBytes() int { return layouts[d].bytes }

// Float reports whether tensors of the type can be read as floats: every type but booleans and integers.
func (d DType) Float() bool { return d.known() && (d <= F8E5M2 || d >= Q4_0) }

// safetensorsTypes are the types of the safetensors format that this package reads.
var safetensorsTypes = map[string]DType{
	"F64": F64, "F32": F32, "F16": F16, "BF16": BF16, "F8_E4M3": F8E4M3, "F8_E5M2": F8E5M2, "BOOL": Bool,
	"U8": U8, "I8": I8, "U16": U16, "I16": I16, "U32": U32, "I32": I32, "U64": U64, "I64": I64,
}

// ggufTypes are ggml's type numbers (ggml.h, enum ggml_type).
var ggufTypes = map[uint32]DType{
	0: F32, 1: F16, 2: Q4_0, 3: Q4_1, 6: Q5_0, 7: Q5_1, 8: Q8_0, 10: Q2_K, 11: Q3_K, 12: Q4_K, 13: Q5_K, 14: Q6_K,
	20: IQ4_NL, 23: IQ4_XS, 24: I8, 25: I16, 26: I32, 27: I64, 28: F64, 30: BF16,
}

// ggufUnread names ggml types that exist and are not read, for the error message.
var ggufUnread = map[uint32]string{
	9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S", 22: "IQ2_S", 29: "IQ1_M",
	34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0", 42: "Q2_0",
}
