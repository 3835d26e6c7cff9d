package dataset

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/labrador-lab/labrador"
)

// corpus is the first reading: everything that one document shows, and the hashes that the second one follows up.
func (c *checker) corpus() error {
	var bad, badID, empty, blank examples
	c.content, c.copies = newRepeats(), map[string]map[string]bool{}
	for doc, err := range c.d.src.documents(noting(&bad, &badID)) {
		if err != nil {
			return err
		}
		if err := c.step(); err != nil {
			return err
		}
		c.ids.addString(doc.ID)
		c.content.addDocument(doc)
		if _, judged := c.wanted[doc.ID]; judged {
			c.wanted[doc.ID] = true
		}
		if strings.TrimSpace(doc.Title+doc.Text) == "" && doc.Picture == "" {
			empty.add(doc.ID)
		}
		if hasRareBlank(doc.ID) {
			blank.add(doc.ID)
		}
		c.lookForCopies(doc)
	}
	c.missingDocuments()
	r := c.report
	r.add(LevelError, "bad-id", &badID, "document ids with blanks, tabs or line ends, which end a column of a run and of judgements: everything but this check refuses the corpus")
	r.add(LevelWarning, "empty-document", &empty, "documents without title and text")
	r.add(LevelWarning, "blank-in-id", &blank, "document ids with blanks beyond ASCII's: many programs end a column of a TREC file at them")
	r.add(LevelWarning, "bad-utf8", &bad, "lines of the corpus that are not UTF-8: U+FFFD stands for the bad bytes")
	c.reportCopies()
	return nil
}

// step counts a document and says whether to stop.
func (c *checker) step() error {
	c.report.Documents++
	if c.report.Documents%1024 == 0 {
		if c.progress != nil {
			c.progress(1024)
		}
		return c.ctx.Err()
	}
	return nil
}

// lookForCopies notes the queries of the split that doc repeats: as its text, its title, or both.
func (c *checker) lookForCopies(doc labrador.Document) {
	texts := []string{doc.Text}
	if doc.Title != "" {
		texts = append(texts, doc.Title, doc.Contents())
	}
	for _, text := range texts {
		for _, q := range c.byText[plainHash(c.ids.seed, text)] {
			if plain := plainText(text); plain != "" && plain == plainText(c.texts[q]) {
				if c.copies[q] == nil {
					c.copies[q] = map[string]bool{}
				}
				c.copies[q][doc.ID] = true
			}
		}
	}
}

// reportCopies tells queries that lie in the corpus under their own id from those that are copied otherwise.
func (c *checker) reportCopies() {
	var own, given, other examples
	for _, q := range slices.Sorted(maps.Keys(c.copies)) {
		rest := ""
		right := 0
		for _, id := range slices.Sorted(maps.Keys(c.copies[q])) {
			if id == q {
				own.add(q)
				continue
			}
			rest = q + " = " + id
			right = max(right, c.qrels[q][id])
		}
		switch {
		case rest != "" && right >= c.d.RelevanceLevel:
			given.add(rest)
		case rest != "":
			other.add(rest)
		}
	}
	r := c.report
	if c.d.DropSelf {
		r.add(LevelNote, "own-document", &own, "queries that are documents of the corpus under the same id; they are dropped from their own hits (drop_self)")
	} else {
		r.add(LevelWarning, "own-document", &own, "queries that are documents of the corpus under the same id, so that each finds itself first: consider drop_self: true")
	}
	r.add(LevelWarning, "query-is-document", &given, "queries whose text is a relevant document's text or title (case and blanks aside): any system finds those")
	r.add(LevelWarning, "query-is-document", &other, "queries whose text is the text or title of a document that is not relevant (case and blanks aside): it will stand first and count as wrong")
}

// again is the second reading: it follows up ids and contents whose hashes came more than once.
func (c *checker) again() error {
	idHashes, contentHashes := c.ids.repeated(), c.content.repeated()
	groups := newGroups(c.content.seed, contentHashes)
	count := map[string]int{}
	if len(idHashes)+len(contentHashes) > 0 {
		err := c.d.eachDocument(c.ctx, noting(&examples{}, &examples{}), func(doc labrador.Document) {
			if idHashes[maphash.String(c.ids.seed, doc.ID)] {
				count[doc.ID]++
			}
			groups.add(doc)
		})
		if err != nil {
			return err
		}
	}
	var twice examples
	for _, id := range slices.Sorted(maps.Keys(count)) {
		if count[id] > 1 {
			twice.add(id)
		}
	}
	c.report.add(LevelError, "duplicate-document-id", &twice, "document ids that come more than once: which document a hit means is not known")
	c.identical(groups.lists())
	return nil
}

// identical reports groups of identical documents and what they cost.
func (c *checker) identical(lists [][]string) {
	twins, sizes := Twins{}, map[string]int{}
	all := 0
	var found examples
	for _, ids := range lists {
		sizes[ids[0]] = len(ids)
		all += len(ids)
		found.add(strings.Join(ids[:min(3, len(ids))], " = "))
		for _, id := range ids {
			twins[id] = ids[0]
		}
	}
	known := labrador.Qrels{}
	for q, docs := range c.qrels {
		known[q] = maps.Clone(docs)
		maps.DeleteFunc(known[q], func(id string, _ int) bool { return !c.wanted[id] })
	}
	limit := caps(known, c.d.RelevanceLevel, twins, sizes)
	ideal := caps(known, c.d.RelevanceLevel, Twins{}, nil)
	c.report.Caps, c.report.Ideal = &limit, &ideal
	hurt, relevant, queries := c.wrongTwins(known, lists, twins)
	if found.n = len(lists); hurt == 0 {
		c.report.add(LevelNote, "identical-documents", &found, "groups of identical documents, %d documents in all; none has a relevant member that another one could be taken for", all)
		return
	}
	level := LevelWarning
	if limit.NDCG10 < 1-twinTolerance {
		level = LevelError
	}
	c.report.add(level, "identical-documents", &found, "groups of identical documents, %d documents in all; %d of %d relevant answers (%.1f %%) in %d queries have an identical twin that counts as wrong; "+
		"the best that can be reached is nDCG@10 %.4f, R@10 %.4f, R@100 %.4f (without twins %.4f, %.4f, %.4f); a study can count identical documents as one",
		all, hurt, relevant, 100*float64(hurt)/float64(relevant), queries, limit.NDCG10, limit.R10, limit.R100, ideal.NDCG10, ideal.R10, ideal.R100)
}

// wrongTwins counts the relevant answers with a twin that is not relevant to the same query, all relevant answers, and the queries hit.
func (c *checker) wrongTwins(qrels labrador.Qrels, lists [][]string, twins Twins) (hurt, relevant, queries int) {
	members := map[string][]string{}
	for _, ids := range lists {
		members[ids[0]] = ids
	}
	for _, docs := range qrels {
		before := hurt
		for id, grade := range docs {
			if grade < c.d.RelevanceLevel {
				continue
			}
			relevant++
			if slices.ContainsFunc(members[twins.Of(id)], func(twin string) bool { return docs[twin] < c.d.RelevanceLevel }) {
				hurt++
			}
		}
		if hurt > before {
			queries++
		}
	}
	return hurt, relevant, queries
}

// plainText is s in lower case with single blanks: how texts are compared that a person would call the same.
func plainText(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// plainHash is a hash of plainText(s) that does not build it: queries are compared with every document.
func plainHash(seed maphash.Seed, s string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	gap, some := false, false
	for _, r := range s {
		if unicode.IsSpace(r) {
			gap = true
			continue
		}
		if gap && some {
			h.WriteByte(' ')
		}
		gap, some = false, true
		if r < 0x80 {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			h.WriteByte(byte(r))
			continue
		}
		h.WriteString(string(unicode.ToLower(r)))
	}
	return h.Sum64()
}

// hasRareBlank says whether an id has blanks beyond ASCII's, which are no error.
func hasRareBlank(id string) bool {
	return strings.ContainsFunc(id, func(r rune) bool { return r == 0 || r > unicode.MaxASCII && unicode.IsSpace(r) })
}
