package cost

// Work is one system on one dataset.
type Work struct {
	System  string `json:"system"`
	Dataset string `json:"dataset"`
	// Corpus names the documents, which several datasets may have in common, such as the splits of one. Empty: the dataset.
	Corpus string `json:"-"`
	// Asked names the queries with what is put before them, which datasets with other names may have in common. Empty: the dataset's own.
	Asked string `json:"-"`
	// Key names how the vectors are made, or an index without vectors: of several works with one key on the same texts only the first makes
	// them and keeps them. Empty: they are nobody else's.
	Key string `json:"-"`
	// Pass names the pass over the texts that makes the vectors: works with one pass over the same texts are encoded together, and the one
	// whose model does most with a token pays for it. Empty: the key.
	Pass      string `json:"-"`
	Documents Tokens `json:"documents"`
	Queries   Tokens `json:"queries"`
	Model     *Model `json:"model,omitempty"` // nil for a system that encodes nothing
	// TokensPerSecond is what this machine encoded in a measurement; 0: not known.
	TokensPerSecond float64 `json:"tokens_per_second,omitempty"`
	// DocumentSeconds and QuerySeconds are what a document and a query take here beside encoding, such as indexing and searching.
	DocumentSeconds float64 `json:"document_seconds,omitempty"`
	QuerySeconds    float64 `json:"query_seconds,omitempty"`
	DocumentBytes   float64 `json:"document_bytes,omitempty"` // of an index, per document, beside vectors
	// PricePerMillion is what a remote encoder takes for a million tokens, in any currency.
	PricePerMillion float64 `json:"price_per_million,omitempty"`
	DocumentsDone   float64 `json:"documents_done"` // share of the documents that is there already, 0 to 1
	QueriesDone     float64 `json:"queries_done"`
	Done            bool    `json:"done"` // the run itself is there
}

// Machine is another machine, by the speed that its user states.
type Machine struct {
	Name  string  `json:"name"`
	FLOPS float64 `json:"flops"` // floating-point operations a second that encoding reaches
}

// Amount is a sum of costs.
type Amount struct {
	Tokens  float64   `json:"tokens"`
	FLOPs   float64   `json:"flops"`
	Seconds float64   `json:"seconds"` // here; encoding counts where its speed is known
	On      []float64 `json:"on"`      // seconds of encoding on each machine
	Bytes   float64   `json:"bytes"`   // on disk
	Price   float64   `json:"price"`
	Unknown int       `json:"unknown"` // works whose encoding speed here is not known, so that Seconds lacks them
}

func (a *Amount) add(b Amount) {
	a.Tokens += b.Tokens
	a.FLOPs += b.FLOPs
	a.Seconds += b.Seconds
	a.Bytes += b.Bytes
	a.Price += b.Price
	a.Unknown += b.Unknown
	for i := range b.On {
		a.On[i] += b.On[i]
	}
}

// Row is one work with its cost.
type Row struct {
	Work
	All  Amount `json:"all"`  // from nothing
	Left Amount `json:"left"` // beside what is there
	// FixedSeconds is the part of Left.Seconds that leaving out queries does not save.
	FixedSeconds float64 `json:"fixed_seconds"`
	SameAs       string  `json:"same_as,omitempty"`      // the system whose vectors it uses
	PassOf       string  `json:"pass_of,omitempty"`      // the system whose pass over the texts makes its vectors too
	DocumentsOf  string  `json:"documents_of,omitempty"` // the other dataset with whose rows the vectors or the index of its documents are counted
}

// Plan is the cost of a study.
type Plan struct {
	Machines []Machine `json:"machines"`
	Rows     []Row     `json:"rows"`
	All      Amount    `json:"all"`
	Left     Amount    `json:"left"`
}

// New adds up the works.
func New(works []Work, machines []Machine) Plan {
	p := Plan{Machines: machines, All: Amount{On: make([]float64, len(machines))}, Left: Amount{On: make([]float64, len(machines))}}
	for _, w := range works {
		p.Rows = append(p.Rows, Row{Work: w})
	}
	shares := shareOut(p.Rows)
	for i := range p.Rows {
		r := &p.Rows[i]
		r.price(machines, shares[i])
		p.All.add(r.All)
		p.Left.add(r.Left)
	}
	return p
}

// price fills in the amounts.
func (r *Row) price(machines []Machine, s shares) {
	documents, queries := r.encoding(r.Documents, machines), r.encoding(r.Queries, machines)
	ownDocuments, ownQueries := Amount{}, Amount{Seconds: r.QuerySeconds * float64(r.Queries.Texts)}
	if !s.documents.theirs {
		ownDocuments = Amount{Seconds: r.DocumentSeconds * float64(r.Documents.Texts), Bytes: r.DocumentBytes*float64(r.Documents.Texts) + r.vectorBytes(r.Documents)}
	}
	if !s.queries.theirs {
		ownQueries.Bytes = r.vectorBytes(r.Queries)
	}
	r.All, r.Left = Amount{On: make([]float64, len(machines))}, Amount{On: make([]float64, len(machines))}
	for _, a := range []Amount{documents.times(s.documents.all), queries.times(s.queries.all), ownDocuments, ownQueries} {
		r.All.add(a)
	}
	if s.documents.all+s.queries.all > 0 && r.unknown() {
		r.All.Unknown = 1
	}
	if r.Done {
		return
	}
	if s.documents.theirs {
		r.Left.Bytes += r.vectorBytes(r.Documents) * s.documents.left
	}
	if s.queries.theirs {
		r.Left.Bytes += r.vectorBytes(r.Queries) * s.queries.left
	}
	r.Left.add(documents.times(s.documents.left))
	r.Left.add(ownDocuments.times(1 - r.DocumentsDone))
	r.FixedSeconds = r.Left.Seconds
	r.Left.add(queries.times(s.queries.left))
	r.Left.add(ownQueries.times(1 - r.QueriesDone))
	if r.Left.FLOPs > 0 && r.unknown() {
		r.Left.Unknown = 1
	}
}

func (r *Row) unknown() bool {
	return r.Model != nil && r.TokensPerSecond == 0
}

// encoding is the cost of encoding texts, what is kept of them aside.
func (r *Row) encoding(t Tokens, machines []Machine) Amount {
	a := Amount{On: make([]float64, len(machines)), Tokens: t.Total()}
	a.Price = a.Tokens / 1e6 * r.PricePerMillion
	if r.Model != nil {
		a.FLOPs = r.Model.FLOPs(t)
		for i, m := range machines {
			a.On[i] = a.FLOPs / m.FLOPS
		}
	}
	if r.TokensPerSecond > 0 {
		a.Seconds = a.Tokens / r.TokensPerSecond
	}
	return a
}

// vectorBytes is the size of the vectors of texts.
func (r *Row) vectorBytes(t Tokens) float64 {
	if r.Model == nil {
		return 0
	}
	return r.Model.vectorBytes(t.Texts)
}

// times is a share of an amount.
func (a Amount) times(share float64) Amount {
	share = min(max(share, 0), 1)
	on := make([]float64, len(a.On))
	for i := range on {
		on[i] = a.On[i] * share
	}
	return Amount{Tokens: a.Tokens * share, FLOPs: a.FLOPs * share, Seconds: a.Seconds * share, On: on, Bytes: a.Bytes * share, Price: a.Price * share}
}

// Loads are the datasets' seconds that are left here, over all systems, in order of first mention: what Reduce chooses from. Datasets of one
// corpus have what is left of it in common.
func (p Plan) Loads() []Load {
	var list []Load
	at, fixed := map[string]int{}, map[string]float64{}
	for _, r := range p.Rows {
		i, ok := at[r.Dataset]
		if !ok {
			i = len(list)
			at[r.Dataset] = i
			list = append(list, Load{Dataset: r.Dataset, Corpus: r.corpus(), Queries: r.Queries.Texts})
		}
		fixed[r.corpus()] += r.FixedSeconds
		if n := list[i].Queries; n > 0 {
			list[i].PerQuery += (r.Left.Seconds - r.FixedSeconds) / float64(n)
		}
	}
	for i := range list {
		list[i].Fixed = fixed[list[i].Corpus]
	}
	return list
}
