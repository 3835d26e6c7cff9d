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
	"regexp"
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
	minWords      = 3             // a query has at least so many words
	minIssueWords = 7             // or so many when it names an issue of Go's tracker
	maxShared     = 5             // a sentence that more documents share says nothing about any of them
	splitSeed     = "labrador/1 " // orders queries into splits
)

// smallPackages make up gostd-small: what most programs import, some 3,000 functions.
var smallPackages = strings.Fields(`archive/tar archive/zip bufio bytes compress/flate compress/gzip container/heap container/list
	container/ring context encoding/base64 encoding/binary encoding/csv encoding/hex encoding/json encoding/xml errors flag fmt
	html html/template io io/fs log maps math math/big math/bits math/rand mime net/http net/mail net/url os os/exec path path/filepath
	reflect regexp regexp/syntax slices sort strconv strings sync text/scanner text/tabwriter text/template text/template/parse time unicode
	unicode/utf16 unicode/utf8`)

// goDecl is a documented function or type of the library.
type goDecl struct {
	dir, file string // "net/http", "client.go"
	pkg       string // the package's own name: "http", "http_test"
	name      string // within its package: "Get", "(*Client).Do"
	query     string // the first sentence of its comment without the name, "" when it is no query
	source    string // from "func" or "type" to the end
}

func (d goDecl) fullName() string { return d.dir + "." + d.name }

// variantOf is the same for all declarations of one thing: those for several systems, and those of two vendored copies of a package.
func (d goDecl) variantOf() string {
	_, dir, vendored := strings.Cut("/"+d.dir, "/vendor/")
	if !vendored {
		dir = d.dir
	}
	return dir + " " + d.pkg + "." + d.name
}

// goSet is the finished set. docs and queries ascend by id.
type goSet struct {
	docs     []labrador.Document
	queries  []labrador.Query
	relevant map[string][]string // query id -> document ids
	splits   map[string][]string // split -> query ids
}

// parseLibrary reads the documented declarations below src, in the order of file and position, parsing on all processors.
func parseLibrary(src string, small bool) ([]goDecl, error) {
	files, err := libraryFiles(src, small)
	if err != nil {
		return nil, err
	}
	found := make([][]goDecl, len(files))
	errs := make([]error, len(files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(files); i = int(next.Add(1)) - 1 {
				found[i], errs[i] = parseFile(src, files[i], small)
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

// parseFile reads the documented functions of one file, and its documented types unless small.
func parseFile(src, rel string, small bool) ([]goDecl, error) {
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
	var found []goDecl
	add := func(n ast.Node, name, query string) {
		at := func(p token.Pos) int { return fset.Position(p).Offset }
		found = append(found, goDecl{
			dir: path.Dir(rel), file: path.Base(rel), pkg: f.Name.Name, name: name, query: query,
			source: string(text[at(n.Pos()):at(n.End())]),
		})
	}
	synopsis := func(comment *ast.CommentGroup) string { return new(doc.Package).Synopsis(comment.Text()) }
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Doc != nil && d.Body != nil {
				add(d, funcName(d), queryOf(synopsis(d.Doc), d.Name.Name))
			}
		case *ast.GenDecl:
			if d.Tok == token.TYPE && d.Doc != nil && !d.Lparen.IsValid() && !small {
				name := d.Specs[0].(*ast.TypeSpec).Name.Name
				add(d, name, queryOf(withoutArticle(synopsis(d.Doc), name), name))
			}
		}
	}
	return found, nil
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
	q := nameless(issueStart.ReplaceAllString(sentence, ""), name)
	words := 0
	for _, w := range strings.Fields(q) {
		if strings.ContainsFunc(w, unicode.IsLetter) {
			words++
		}
	}
	if words < minWords || words < minIssueWords && issueNumber.MatchString(q) {
		return ""
	}
	return q
}

// Tests are often documented by the report that they came from: "Issue 4800: copy some headers", "Test for issue #3961."
var (
	issueStart  = regexp.MustCompile(`(?i)^(golang\.org/)?issues?[ /]#?\d+[:.,]? +`)
	issueNumber = regexp.MustCompile(`(?i)\bissues?[ /]#?\d`)
)

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

// withoutArticle makes "Client is an HTTP client." of "A Client is an HTTP client.", as the comments of types start.
func withoutArticle(sentence, name string) string {
	first, rest, _ := strings.Cut(sentence, " ")
	if slices.Contains([]string{"A", "An", "The"}, first) && strings.HasPrefix(rest, name) {
		return rest
	}
	return sentence
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
func newGoSet(decls []goDecl, size int) *goSet {
	s := &goSet{relevant: map[string][]string{}}
	ids := declIDs(decls)
	order := orderBy(ids)
	idOf := map[string]string{}       // source -> id of its document
	variants := map[string][]string{} // variantOf -> ids of its documents
	for _, i := range order {
		d := decls[i]
		if _, known := idOf[d.source]; !known {
			idOf[d.source] = ids[i]
			s.docs = append(s.docs, labrador.Document{ID: ids[i], Text: d.source})
		}
		addOnce(variants, d.variantOf(), idOf[d.source])
	}
	docsOf := map[string][]string{} // query in lower case -> ids of its documents
	textOf := map[string]string{}   // query in lower case -> as it was first written
	for _, i := range order {
		if d := decls[i]; d.query != "" {
			key := plainText(d.query)
			if textOf[key] == "" {
				textOf[key] = d.query
			}
			addOnce(docsOf, key, idOf[d.source])
			for _, id := range variants[d.variantOf()] {
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

// declIDs gives every declaration its id: directory.name, with @file.go where several declare it, and #n where one file does.
func declIDs(decls []goDecl) []string {
	count := map[string]int{}
	for _, f := range decls {
		count[f.fullName()]++
	}
	ids := make([]string, len(decls))
	again := map[string]int{}
	for i, f := range decls {
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
