package prompt

import (
	"slices"
	"strings"
	"testing"
)

// TestWords compares with NLTKWordTokenizer of nltk 3.10.4 (the sentences were cut by hand, as Punkt's tables are not part
// of the package).
func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		`which language model finds things best?`:                          `which language model finds things best ?`,
		`i can't believe it's "not" butter (really). we'll see, won't we?`: "i ca n't believe it 's `` not '' butter ( really ) . we 'll see , wo n't we ?",
		`the 3.5% rise, e.g. in the u.s. market; see fig. 2: a--b`:         `the 3.5 % rise , e.g. in the u.s. market ; see fig. 2 : a -- b`,
		`'tis cannot gonna wanna go`:                                       `' tis can not gon na wan na go`,
		`def add(a: int, b: int) -> int: return a + b`:                     `def add ( a : int , b : int ) - > int : return a + b`,
		"he said ``hi'' and left... then came back.":                       "he said `` hi '' and left ... then came back .",
		`'quoted words' and o'reilly's book`:                               `' quoted words ' and o'reilly 's book`,
		`say "hello there" now`:                                            "say `` hello there '' now",
	} {
		if got := strings.Join(words(text), " "); got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestSentences(t *testing.T) {
	got := sentences("first one. second e.g. this! is it? (yes.) 3. point j. smith... end")
	want := []string{"first one.", " second e.g. this!", " is it?", " (yes.)", " 3. point j. smith... end"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
