package bench

import "testing"

// TestEncodeAuto: the row says which arithmetic ran where the model chose it, and its share of that one's ceiling.
func TestEncodeAuto(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of timed calls")
	}
	row, err := Encode(t.Context(), EncodeOptions{Shape: "minilm", DType: "auto", Threads: 1, Batch: 1, Len: 4})
	if err != nil {
		t.Fatal(err)
	}
	if d := row["dtype"]; d != "bf16" && d != "int8" {
		t.Errorf("auto ran in %v", d)
	}
	for _, name := range []string{"share", "alone_share", "best_share", "best_alone_share"} {
		if share, ok := row[name].(float64); !ok || share <= 0 {
			t.Errorf("%s %v of %v", name, row[name], row["ceiling_gflops"])
		}
	}
}
