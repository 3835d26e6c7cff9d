package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// resolve finds the folder, zip or file of ref: a path from Base, then from the data folders; a name in each data folder and one level
// below it, as a folder or as NAME.zip. The first data folder that has it wins; two places below one data folder are an error.
//
// This is the place where downloads will plug in: what is on no disk ends in missing.
func resolve(ref Ref) (string, error) {
	if ref.Path != "" {
		if exists(ref.localPath()) {
			return ref.localPath(), nil
		}
		for _, folder := range ref.Folders {
			if path := filepath.Join(folder, ref.Path); !filepath.IsAbs(ref.Path) && exists(path) {
				return path, nil
			}
		}
		return "", fmt.Errorf("dataset: %s: no such folder, zip or file", ref.localPath())
	}
	for _, folder := range ref.Folders {
		found, err := lookup(folder, ref.Name)
		if err != nil {
			return "", err
		}
		if len(found) > 1 {
			return "", fmt.Errorf("dataset %s: more than one in %s: %s; give the path of one", ref.Name, folder, strings.Join(found, ", "))
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	if path := filepath.Join(ref.Base, ref.Name); isDataset(path) {
		return path, nil
	}
	return "", missing(ref)
}

// exists says whether path is a folder or file, or leads into a zip.
func exists(path string) bool {
	if _, err := os.Stat(path); err == nil {
		return true
	}
	_, _, ok := splitZip(path)
	return ok
}

// lookup lists where name lies in folder: itself when there is one, else one level down.
func lookup(folder, name string) ([]string, error) {
	if _, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("dataset %s: data folder: %w", name, err)
	}
	if path := variant(folder, name); path != "" {
		return []string{path}, nil
	}
	var found []string
	for _, sub := range subfolders(folder) {
		if path := variant(sub, name); path != "" {
			found = append(found, path)
		}
	}
	return found, nil
}

// variant is the dataset name in folder, unpacked or as a zip, "" when it is not there.
func variant(folder, name string) string {
	for _, path := range []string{filepath.Join(folder, name), filepath.Join(folder, name+".zip")} {
		if isDataset(path) {
			return path
		}
	}
	return ""
}

// isDataset says whether path looks like one: a zip, or a folder with a corpus.
func isDataset(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return strings.HasSuffix(path, ".zip")
	}
	entries, err := os.ReadDir(path)
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isCorpus(e.Name()) })
}

func subfolders(folder string) []string {
	entries, _ := os.ReadDir(folder)
	var subs []string
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			subs = append(subs, path)
		}
	}
	return subs
}

// List is every dataset in the data folders and one level below them, as references to open, in the order of the folders and then of
// their paths. A folder that cannot be read is an error.
func List(folders []string) ([]Ref, error) {
	var refs []Ref
	seen := map[string]bool{}
	for _, folder := range folders {
		if _, err := os.ReadDir(folder); err != nil {
			return nil, fmt.Errorf("dataset: data folder: %w", err)
		}
		for _, dir := range append([]string{folder}, subfolders(folder)...) {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				path := filepath.Join(dir, e.Name())
				name := nameOf(path)
				if isDataset(path) && !seen[path] && !isDataset(dir) {
					seen[path] = true
					refs = append(refs, Ref{Name: name, Path: path})
				}
			}
		}
	}
	return refs, nil
}

// missing says what to do about a name that is on no disk.
func missing(ref Ref) error {
	where := "and no data folder is set (--data DIR or LABRADOR_DATA)"
	if len(ref.Folders) > 0 {
		where = fmt.Sprintf("in %s or one folder below", strings.Join(ref.Folders, ", "))
	}
	how := "give the path of a file of documents (.jsonl), or of a folder or zip in BEIR's layout (corpus.jsonl, and to measure queries.jsonl and qrels/test.tsv)"
	switch c := conventionOf(ref.Name, ""); c.family {
	case "beir":
		how = fmt.Sprintf("put https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/%s.zip into a data folder as it is", strings.ToLower(ref.Name))
	case "coir":
		how = "its parts are at https://huggingface.co/CoIR-Retrieval: put them into a data folder as a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv"
	}
	if here := filepath.Join(ref.Base, ref.Name); exists(here) {
		how = here + " is no folder in BEIR's layout (corpus.jsonl, and to measure queries.jsonl and qrels/test.tsv)"
	}
	return fmt.Errorf("dataset %s: %w %s; %s", ref.Name, ErrNotFound, where, how)
}

// ErrNotFound is what Open's error wraps when a name is in no data folder
var ErrNotFound = errors.New("not found")
