package analysis

import (
	"testing"
	"time"
)

func TestStates(t *testing.T) {
	s := time.Now()
	d := wordRules()
	t.Log(len(d.next), time.Since(s))
	s = time.Now()
	wordClasses()
	t.Log(time.Since(s))
}
