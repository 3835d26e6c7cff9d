package weights

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Sharded is a checkpoint of several safetensors files under an index. It is a File.
type Sharded struct {
	path    string
	shards  map[string]*Safetensors
	shardOf map[string]string // tensor name -> file name
}

// OpenSharded opens an index (model.safetensors.index.json: {"weight_map": {tensor: file}}) and every file it names.
func OpenSharded(path string) (*Sharded, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // reading a pipe would wait for a writer
		return nil, fmt.Errorf("weights: %s: not a regular file", path)
	} else if err == nil && info.Size() > maxHeader {
		return nil, fmt.Errorf("weights: %s: %d bytes; an index of more than %d is not read", path, info.Size(), maxHeader)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	var index struct {
		WeightMap map[string]any `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	if len(index.WeightMap) == 0 {
		return nil, fmt.Errorf("weights: %s: no weight_map", path)
	}
	s := &Sharded{path: path, shards: map[string]*Safetensors{}, shardOf: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(index.WeightMap)) {
		file, ok := index.WeightMap[name].(string)
		if !ok {
			return nil, fmt.Errorf("weights: %s: weight_map: the file of tensor %s is %v, not a string", path, name, index.WeightMap[name])
		}
		s.shardOf[name] = file
	}
	if err := s.openShards(filepath.Dir(path)); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sharded) openShards(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(s.shardOf)) {
		file := s.shardOf[name]
		if filepath.Base(file) != file || !filepath.IsLocal(file) {
			return fmt.Errorf("weights: %s: tensor %s: shard %q is not a file name", s.path, name, file)
		}
		shard := s.shards[file]
		if shard == nil {
			var err error
			if shard, err = OpenSafetensors(filepath.Join(dir, file)); err != nil {
				return err
			}
			s.shards[file] = shard
		}
		if _, err := shard.Tensor(name); err != nil {
			return err
		}
	}
	return nil
}

// Names are the tensors' names in ascending order.
func (s *Sharded) Names() []string { return slices.Sorted(maps.Keys(s.shardOf)) }

// Tensor returns the tensor called name.
func (s *Sharded) Tensor(name string) (Tensor, error) {
	file, ok := s.shardOf[name]
	if !ok {
		return Tensor{}, fmt.Errorf("weights: %s: no tensor %s", s.path, name)
	}
	return s.shards[file].Tensor(name)
}

// Paths are the index and its shards, in ascending order of names.
func (s *Sharded) Paths() []string {
	paths := []string{s.path}
	for _, file := range slices.Sorted(maps.Keys(s.shards)) {
		paths = append(paths, s.shards[file].path)
	}
	return paths
}

// Release lets go of the pages that were read.
func (s *Sharded) Release() {
	for _, shard := range s.shards {
		shard.Release()
	}
}

// Close unmaps every shard and returns the first error.
func (s *Sharded) Close() error {
	var first error
	for _, shard := range s.shards {
		if err := shard.Close(); first == nil {
			first = err
		}
	}
	return first
}
