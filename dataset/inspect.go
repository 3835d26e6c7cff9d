package dataset

import "os"

// Info is what can be said of a dataset without reading its content.
type Info struct {
	Group  string
	Splits []string
	Dir    string
	Bytes  int64 // of corpus, queries and judgements on disk, as they lie there; of the zip; 0 for the built-in sets
}

// Inspect looks at the dataset that ref names without choosing a split.
func Inspect(ref Ref) (Info, error) {
	if err := ref.Validate(); err != nil {
		return Info{}, err
	}
	src, name, dir, err := find(ref)
	if err != nil {
		return Info{}, err
	}
	if ref.Name != "" {
		name = ref.Name
	}
	d := &Dataset{Dir: dir}
	d.applyConvention(conventionOf(name, ""))
	info := Info{Group: d.Group, Splits: src.splits(), Dir: dir}
	if f, ok := src.(*files); ok {
		info.Bytes = f.size()
	}
	return info, nil
}

// size adds up the files' sizes on disk, in bytes.
func (f *files) size() int64 {
	names := []string{f.corpus, f.shared}
	for _, name := range f.layout.queries {
		names = append(names, name)
	}
	for _, name := range f.layout.qrels {
		names = append(names, name)
	}
	if f.zip {
		if info, err := os.Stat(f.dir); err == nil {
			return info.Size()
		}
	}
	var sum int64
	for _, name := range names {
		if info, err := os.Stat(f.fullName(name)); err == nil && name != "" {
			sum += info.Size()
		}
	}
	return sum
}
