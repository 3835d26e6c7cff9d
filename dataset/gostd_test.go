package dataset

import (
	"fmt"
	"testing"
	"time"
)

func TestGostdCount(t *testing.T) {
	for _, name := range []string{Gostd, GostdSmall} {
		start := time.Now()
		d, err := Open(Ref{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t1 := time.Since(start)
		s, err := d.src.(*gostd).load()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range s.relevant {
			n += len(r)
		}
		fmt.Println(name, t1, time.Since(start), len(s.docs), len(s.queries), n, len(s.splits["test"]), len(s.splits["train"]))
		for _, id := range s.splits["test"][:12] {
			for _, q := range s.queries {
				if q.ID == id {
					fmt.Println(q, s.relevant[id])
				}
			}
		}
	}
}
