package dataset

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Ref names a dataset in a study file or on the command line. In YAML it is a name (scifact), a path (../path/to/folder, x.zip, docs.jsonl) or a
// mapping with the keys path, name, split, group, drop_self, relevance_level. The zero value of a field leaves it to the dataset.
type Ref struct {
	Name           string // a name to look up; beside a Path, what to call it
	Path           string // a folder or zip, or a file of documents
	Split          string // "test" where there is one, else the only one
	Group          string
	DropSelf       *bool
	RelevanceLevel int

	Folders []string // data folders that names are looked up in; set by the caller, not by YAML
	Base    string   // the folder that a relative Path starts from: the study file's; "" is the working folder
}

// ParseRef reads the short form: a name, or a path when it looks like one (it has a slash, starts with a dot or ends in .zip, .jsonl or
// .tsv, these two compressed or not). Behind a last '@' may stand the split: nfcorpus@dev.
func ParseRef(s string) Ref {
	var ref Ref
	if at := strings.LastIndexByte(s, '@'); at > 0 && !strings.ContainsAny(s[at:], `/\`) && !isDocumentFile(s) {
		s, ref.Split = s[:at], s[at+1:]
	}
	if strings.ContainsAny(s, `/\`) || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".zip") || isDocumentFile(s) {
		ref.Path = s
	} else {
		ref.Name = s
	}
	return ref
}

// isDocumentFile says whether a path is called as a file of documents is.
func isDocumentFile(path string) bool {
	return strings.HasSuffix(stem(path), ".jsonl") || strings.HasSuffix(stem(path), ".tsv")
}

// String is the name where there is one, else the path.
func (r Ref) String() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Path
}

// Validate says what is wrong with the reference itself.
func (r Ref) Validate() error {
	switch {
	case r.Name == "" && r.Path == "":
		return fmt.Errorf("dataset: neither a name nor a path is given")
	case r.Path == "" && strings.ContainsAny(r.Name, `/\`):
		return fmt.Errorf("dataset %s: a name has no slash; a folder is given as path", r.Name)
	case strings.ContainsAny(r.Name, " \t\r\n"):
		return fmt.Errorf("dataset %q: a name has no blanks", r.Name)
	case r.RelevanceLevel < 0:
		return fmt.Errorf("dataset %s: relevance_level %d: the lowest grade that counts is 1 or more", r, r.RelevanceLevel)
	}
	return nil
}

var refKeys = []string{"drop_self", "group", "name", "path", "relevance_level", "split"}

// UnmarshalYAML reads the three YAML forms. A key that it does not know is an error.
func (r *Ref) UnmarshalYAML(unmarshal func(any) error) error {
	var short string
	if unmarshal(&short) == nil {
		*r = ParseRef(short)
		return r.Validate()
	}
	var keys map[string]any
	if err := unmarshal(&keys); err != nil {
		return fmt.Errorf("dataset: want a name, a path or a mapping: %w", err)
	}
	for key := range keys {
		if !slices.Contains(refKeys, key) {
			return fmt.Errorf("dataset: unknown key %q, there is: %s", key, strings.Join(refKeys, ", "))
		}
	}
	var long struct {
		Name           string `yaml:"name"`
		Path           string `yaml:"path"`
		Split          string `yaml:"split"`
		Group          string `yaml:"group"`
		DropSelf       *bool  `yaml:"drop_self"`
		RelevanceLevel int    `yaml:"relevance_level"`
	}
	if err := unmarshal(&long); err != nil {
		return err
	}
	*r = Ref{Name: long.Name, Path: long.Path, Split: long.Split, Group: long.Group, DropSelf: long.DropSelf, RelevanceLevel: long.RelevanceLevel}
	return r.Validate()
}

// localPath is Path as seen from Base.
func (r Ref) localPath() string {
	if filepath.IsAbs(r.Path) || r.Base == "" {
		return r.Path
	}
	return filepath.Join(r.Base, r.Path)
}
