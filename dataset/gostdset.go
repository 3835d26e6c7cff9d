package dataset

import (
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/labrador-lab/labrador"
)

const (
	minWords  = 3             // a query has at least so many words
	maxShared = 5             // a sentence that more documents share says nothing about any of them
	splitSeed = "labrador/1 " // orders queries into splits
)

// smallPackages make up gostd-small: what most programs import, some 3,000 functions.
var smallPackages = strings.Fields(`archive/tar archive/zip bufio bytes compress/flate compress/gzip container/heap container/list
	container/ring context encoding/base64 encoding/binary encoding/csv encoding/hex encoding/json encoding/xml errors flag fmt
	html html/template io io/fs log maps math math/big math/bits math/rand mime net/http net/mail net/url os os/exec path path/filepath
	reflect regexp regexp/syntax slices sort strconv strings sync text/scanner text/tabwriter text/template text/template/parse time unicode
	unicode/utf16 unicode/utf8`)

// goFunc is a documented function of the library.
type goFunc struct {
	pkg, file string // "net/http", "client.go"
	name      string // within its package: "Get", "(*Client).Do"
	sentence  string // the first one of its comment
	query     string // the sentence without the name, "" when it is no query
	source    string // from "func" to the closing brace
}

func (f goFunc) fullName() string { return f.pkg + "." + f.name }

// goSet is the finished set. docs and queries ascend by id.
type goSet struct {
	docs     []labrador.Document
	queries  []labrador.Query
	relevant map[string][]string // query id -> document ids
	splits   map[string][]string // split -> query ids
}

// parseLibrary reads the documented functions below src, in the order of file and position, parsing on all processors.
func parseLibrary(src string, small bool) ([]goFunc, error) {
	files, err := libraryFiles(src, small)
	if err != nil {
		return nil, err
	}
	found := make([][]goFunc, len(files))
	errs := make([]error, len(files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				found[i], errs[i] = parseFile(src, files[i])
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(found...), nil
}

// parseFile reads the documented functions of one file.
func parseFile(src, rel string) ([]goFunc, error) {
	text, err := os.ReadFile(filepath.Join(src, filepath.FromSlash(rel)))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, rel, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(f) {
		return nil, nil
	}
	var funcs []goFunc
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || d.Doc == nil || d.Body == nil {
			continue
		}
		sentence := new(doc.Package).Synopsis(d.Doc.Text())
		at := func(p token.Pos) int { return fset.Position(p).Offset }
		funcs = append(funcs, goFunc{
			pkg: path.Dir(rel), file: path.Base(rel), name: funcName(d),
			sentence: sentence, query: queryOf(sentence, d.Name.Name),
			source: string(text[at(d.Pos()):at(d.End())]),
		})
	}
	return funcs, nil
}

// funcName is the function's name with its receiver as Go prints it: Get, (*Client).Do, Time.Add.
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	star := false
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			star, t = true, x.X
			continue
		case *ast.ParenExpr:
			t = x.X
			continue
		case *ast.IndexExpr:
			t = x.X
			continue
		case *ast.IndexListExpr:
			t = x.X
			continue
		case *ast.Ident:
			if star {
				return "(*" + x.Name + ")." + d.Name.Name
			}
			return x.Name + "." + d.Name.Name
		}
		return d.Name.Name
	}
}

// queryOf is the sentence as a query, "" when it makes none.
func queryOf(sentence, name string) string {
	lower := strings.ToLower(sentence)
	if name == "init" || name == "main" || name == "_" { // declared many times over, each for itself
		return ""
	}
	for _, start := range []string{"deprecated", "todo", "bug(", "fixme", "xxx"} {
		if strings.HasPrefix(lower, start) {
			return ""
		}
	}
	if strings.Contains(lower, "deprecated") {
		return ""
	}
	q := nameless(sentence, name)
	words := 0
	for _, w := range strings.Fields(q) {
		if strings.ContainsFunc(w, unicode.IsLetter) {
			words++
		}
	}
	if words < minWords {
		return ""
	}
	return q
}

// nameless takes the function's own name out of its sentence. The name is a whole word spelled exactly so (as the first word in any
// case: "Reset" before reset), together with what qualifies it (strings.Index, (*Buffer).Write, b.Write). At the start of the sentence
// it is removed, with the list of arguments in brackets that may follow; everywhere else "it" stands for it. Words that only contain
// the name, or that the name is made of, stay.
func nameless(sentence, name string) string {
	var out strings.Builder
	rest := sentence
	if len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
		rest = name + rest[len(name):]
	}
	for {
		at, end := findName(rest, name)
		if at < 0 {
			break
		}
		before := rest[:at]
		if strings.TrimSpace(out.String()+before) != "" {
			out.WriteString(before + "it")
		} else if strings.HasPrefix(rest[end:], "(") {
			if n := strings.IndexByte(rest[end:], ')'); n >= 0 {
				end += n + 1
			}
		}
		rest = rest[end:]
	}
	out.WriteString(rest)
	return strings.TrimLeft(out.String(), " ,:;-")
}

// findName finds name as a whole word in s; at includes its qualifiers. It returns -1 when there is none.
func findName(s, name string) (at, end int) {
	for from := 0; ; {
		i := strings.Index(s[from:], name)
		if i < 0 {
			return -1, -1
		}
		at, end = from+i, from+i+len(name)
		last, _ := utf8.DecodeLastRuneInString(s[:at])
		after, _ := utf8.DecodeRuneInString(s[end:])
		if !inIdent(last) && !inIdent(after) {
			return qualified(s, at), end
		}
		from = end
	}
}

func inIdent(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// qualified moves at, the start of a name in s, to the left over qualifiers: "x.", "x.y.", "(*T).", "T.".
func qualified(s string, at int) int {
	for at > 1 && s[at-1] == '.' {
		i := at - 1
		if s[i-1] == ')' {
			open := strings.LastIndexByte(s[:i], '(')
			if open < 0 || strings.ContainsAny(s[open:i], " ,") {
				return at
			}
			at = open
			continue
		}
		j := i
		for j > 0 && inIdent(rune(s[j-1])) {
			j--
		}
		if j == i {
			return at
		}
		at = j
	}
	return at
}

// newGoSet makes the set: documents without repetition, queries with all their documents, splits of size test and dev queries.
func newGoSet(funcs []goFunc, size int) *goSet {
	s := &goSet{relevant: map[string][]string{}}
	ids := funcIDs(funcs)
	order := orderBy(ids)
	idOf := map[string]string{}       // source -> id of its document
	variants := map[string][]string{} // full name -> ids of its documents
	for _, i := range order {
		f := funcs[i]
		if _, known := idOf[f.source]; !known {
			idOf[f.source] = ids[i]
			s.docs = append(s.docs, labrador.Document{ID: ids[i], Text: f.source})
		}
		addOnce(variants, f.fullName(), idOf[f.source])
	}
	docsOf := map[string][]string{} // query in lower case -> ids of its documents
	textOf := map[string]string{}   // query in lower case -> as it was first written
	for _, i := range order {
		if f := funcs[i]; f.query != "" {
			key := plainText(f.query)
			if textOf[key] == "" {
				textOf[key] = f.query
			}
			addOnce(docsOf, key, idOf[f.source])
			for _, id := range variants[f.fullName()] {
				addOnce(docsOf, key, id)
			}
		}
	}
	for key, docs := range docsOf {
		if len(docs) <= maxShared {
			q := labrador.Query{ID: "q:" + docs[0] + queryMark(key), Text: textOf[key]}
			s.queries = append(s.queries, q)
			s.relevant[q.ID] = docs
		}
	}
	slices.SortFunc(s.queries, func(a, b labrador.Query) int { return strings.Compare(a.ID, b.ID) })
	s.split(size)
	return s
}

func addOnce(m map[string][]string, key, value string) {
	if !slices.Contains(m[key], value) {
		m[key] = append(m[key], value)
	}
}

// queryMark tells the queries of one document apart, since functions of the same source may have different comments.
func queryMark(text string) string { return "#" + hashOf(text)[:6] }

// split orders the queries by a seeded hash of their ids and cuts.
func (s *goSet) split(size int) {
	type ranked struct{ hash, id string }
	order := make([]ranked, len(s.queries))
	for i, q := range s.queries {
		sum := sha256.Sum256([]byte(splitSeed + q.ID))
		order[i] = ranked{string(sum[:]), q.ID}
	}
	slices.SortFunc(order, func(a, b ranked) int { return strings.Compare(a.hash, b.hash) })
	s.splits = map[string][]string{}
	for i, r := range order {
		name := []string{"test", "dev", "train"}[min(2, i/size)]
		s.splits[name] = append(s.splits[name], r.id)
	}
}

// funcIDs gives every function its id: package.name, with @file.go where several declare it, and #n where one file does.
func funcIDs(funcs []goFunc) []string {
	count := map[string]int{}
	for _, f := range funcs {
		count[f.fullName()]++
	}
	ids := make([]string, len(funcs))
	again := map[string]int{}
	for i, f := range funcs {
		ids[i] = f.fullName()
		if count[ids[i]] > 1 {
			ids[i] += "@" + f.file
			if again[ids[i]]++; again[ids[i]] > 1 {
				ids[i] += fmt.Sprintf("#%d", again[ids[i]])
			}
		}
	}
	return ids
}

// orderBy is the order of the indexes of ids that makes them ascend.
func orderBy(ids []string) []int {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(ids[a], ids[b]) })
	return order
}
