package dense

import (
	"context"
	"strings"
	"testing"

	"github.com/labrador-lab/labrador"
	"github.com/labrador-lab/labrador/internal/tiny"
)

// TestLossOfEmptyTexts: texts that have no token in a table of vectors lose nothing; a sample of them alone says nothing and is refused.
func TestLossOfEmptyTexts(t *testing.T) {
	o, done := Options{Model: tiny.Model(t, "st-static")}, func(int) {}
	items := append(texts(6, 7), labrador.Item{}, labrador.Item{Text: " "})
	losses, err := MeasureLoss(context.Background(), o, items, []string{"bf16", "int8"}, done)
	if err != nil || len(losses) != 3 {
		t.Fatal(losses, err)
	}
	for _, l := range losses {
		if l.LeastCosine < .9999 || l.Cosine < .9999 || l.Cosine > 1.0001 {
			t.Errorf("%+v", l)
		}
	}
	if _, err := MeasureLoss(context.Background(), o, make([]labrador.Item, 5), nil, done); err == nil || !strings.Contains(err.Error(), "no token of the 5 texts") {
		t.Errorf("texts without a token: %v", err)
	}
}
