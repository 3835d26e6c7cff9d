package vectors

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/labrador-lab/labrador"
)

// idKeys are the keys under which an object of a JSONL file may hold its id, in order of preference.
var idKeys = []string{"_id", "id", "doc_id", "query_id", "docid", "qid"}

// ReadIDs reads the ids of vectors, in the order of their rows: a text file with one id a line, or JSONL with a string or an object
// with _id, id, doc_id or query_id on each line, so that a BEIR corpus.jsonl or queries.jsonl serves too. Compressed files
// are read as labrador.Open reads them. An empty or repeated id is an error that names the line.
func ReadIDs(path string) ([]string, error) {
	r, err := labrador.Open(path)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	defer r.Close()
	ids, err := parseIDs(r)
	if err != nil {
		return nil, fmt.Errorf("vectors: %s: %w", path, err)
	}
	return ids, nil
}

// maxIDLine bounds a line: corpus files have long ones.
const maxIDLine = 64 << 20

func parseIDs(r io.Reader) ([]string, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxIDLine)
	var ids []string
	seen := map[string]int{}
	blank := 0
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			blank = n
			continue
		}
		if blank > 0 {
			return nil, fmt.Errorf("line %d is empty: which row it belongs to cannot be told", blank)
		}
		id, err := parseID(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if first, twice := seen[id]; twice {
			return nil, fmt.Errorf("line %d: id %q is on line %d already", n, id, first)
		}
		seen[id] = n
		ids = append(ids, id)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", len(ids)+1, err)
	}
	return ids, nil
}

// parseID reads one line: what starts like a JSON string or object is one.
func parseID(line []byte) (string, error) {
	var id string
	switch line[0] {
	case '"':
		if err := json.Unmarshal(line, &id); err != nil {
			return "", fmt.Errorf("is no JSON string: %w", err)
		}
	case '{':
		var object map[string]json.RawMessage
		if err := json.Unmarshal(line, &object); err != nil {
			return "", fmt.Errorf("is no JSON object: %w", err)
		}
		var err error
		if id, err = objectID(object); err != nil {
			return "", err
		}
	default:
		id = string(line)
	}
	if id == "" {
		return "", errors.New("the id is empty")
	}
	return id, nil
}

func objectID(object map[string]json.RawMessage) (string, error) {
	for _, key := range idKeys {
		raw, ok := object[key]
		if !ok {
			continue
		}
		var id string
		if json.Unmarshal(raw, &id) == nil && string(raw) != "null" {
			return id, nil
		}
		var number int64
		if json.Unmarshal(raw, &number) == nil && string(raw) != "null" {
			return string(raw), nil
		}
		return "", fmt.Errorf("%s is %.40s, neither a string nor a whole number: write it as the dataset does", key, raw)
	}
	return "", fmt.Errorf("the object has none of the keys %s", strings.Join(idKeys, ", "))
}
