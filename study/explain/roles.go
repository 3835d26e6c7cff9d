package explain

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/labrador-lab/labrador/study"
)

// Role is what a language model was specialised in, as its name says.
type Role struct {
	Family     string // "qwen2.5"; "qwen" where the name does not say which
	Size       string // "7b", "" where the name does not say
	Speciality string // "", "code", "math", "reasoning" or "vision"
	Instruct   bool
}

var (
	familyName = regexp.MustCompile(`(qwen|llama|gemma|mistral|smollm|phi|deepseek|granite|olmo|falcon|yi)(?:[-_]?v?(\d+(?:\.\d+)?)([bm])?)?`)
	sizeName   = regexp.MustCompile(`(?:^|[-_. x])(\d+(?:\.\d+)?)([bm])(?:$|[-_. ])`)
	splitName  = regexp.MustCompile(`[-_. /\\]+`)
)

// RoleOf reads a role from a model's name, such as "Qwen2.5-Coder-7B-Instruct"; false for a name of no known family.
func RoleOf(model string) (Role, bool) {
	name := strings.ToLower(path.Base(strings.ReplaceAll(model, `\`, "/")))
	var r Role
	found := familyName.FindAllStringSubmatch(name, -1)
	if len(found) == 0 {
		return r, false
	}
	last := found[len(found)-1] // DeepSeek-R1-Distill-Qwen-7B is a Qwen
	r.Family = last[1]
	if last[3] == "" { // else the size, as in qwen-7b
		r.Family += last[2]
	}
	if i := sizeName.FindStringSubmatch(name); i != nil {
		r.Size = i[1] + i[2]
	}
	words := splitName.Split(name, -1)
	has := func(list ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	switch {
	case has("vl", "vision", "vlm"):
		r.Speciality = "vision"
	case has("r1", "reasoning", "thinking", "qwq"):
		r.Speciality = "reasoning"
	case has("math"):
		r.Speciality = "math"
	case has("coder", "code"):
		r.Speciality = "code"
	}
	r.Instruct = has("instruct", "chat", "it") || r.Speciality == "reasoning"
	return r, true
}

// matches says whether other is what r was specialised from, and how that step is called.
func (r Role) matches(other Role) (string, bool) {
	if r.Size != other.Size || !sameFamily(r.Family, other.Family) {
		return "", false
	}
	switch {
	case r.Speciality == "reasoning": // R1's distillate started from the math base model
		return "reasoning", other.Speciality == "math" && !other.Instruct
	case r.Speciality == "vision": // there are instruction-tuned vision models only, some without the word in their name
		return "vision", other.Speciality == "" && other.Instruct
	case r.Speciality != "":
		return r.Speciality, other.Speciality == "" && other.Instruct == r.Instruct
	}
	return "instruct", r.Instruct && other.Speciality == "" && !other.Instruct
}

func sameFamily(a, b string) bool {
	bare := func(s string) string { return strings.TrimRight(s, "0123456789.") }
	return a == b || bare(a) == bare(b) && (a == bare(a) || b == bare(b))
}

// Pair is a specialised system and the one that it is compared with.
type Pair struct {
	Step  string `json:"step"` // what was added: "code", "math", ...
	Left  string `json:"left"` // specialised
	Right string `json:"right"`
}

// Specialisations finds the pairs of systems whose models' names make them specialised and matching base, and that share every setting but
// the model and what its template brings along. The order is by step, then that of the systems.
func Specialisations(systems []study.SystemInfo) []Pair {
	var list []Pair
	for _, step := range []string{"code", "math", "reasoning", "vision", "instruct"} {
		for _, left := range systems {
			for _, right := range systems {
				a, aOK := RoleOf(left.Settings["model"])
				b, bOK := RoleOf(right.Settings["model"])
				if !aOK || !bOK || left.Kind != right.Kind || !study.SameButModel(left.Settings, right.Settings) {
					continue
				}
				if s, ok := a.matches(b); ok && s == step {
					list = append(list, Pair{step, left.Name, right.Name})
				}
			}
		}
	}
	return list
}

func sortedKeys[V any](maps ...map[string]V) []string {
	var list []string
	for _, m := range maps {
		for k := range m {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
