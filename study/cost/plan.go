package cost

// Work is one system on one dataset.
type Work struct {
	System  string `json:"system"`
	Dataset string `json:"dataset"`
	// Key names what is encoded: of several works with one key only the first encodes. Empty: it is nobody else's.
	Key       string `json:"-"`
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
	SameAs       string  `json:"same_as,omitempty"` // the system whose vectors it uses
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
	first := map[string]string{}
	for _, w := range works {
		r := Row{Work: w}
		if owner, ok := first[w.Key]; ok && w.Key != "" {
			r.SameAs = owner
		} else {
			first[w.Key] = w.System
		}
		r.price(machines)
		p.Rows = append(p.Rows, r)
		p.All.add(r.All)
		p.Left.add(r.Left)
	}
	return p
}

// price fills in the amounts.
func (r *Row) price(machines []Machine) {
	encode := r.SameAs == ""
	documents := r.part(r.Documents, encode, machines)
	documents.Seconds += r.DocumentSeconds * float64(r.Documents.Texts)
	documents.Bytes += r.DocumentBytes * float64(r.Documents.Texts)
	queries := r.part(r.Queries, encode, machines)
	queries.Seconds += r.QuerySeconds * float64(r.Queries.Texts)
	r.All = Amount{On: make([]float64, len(machines))}
	r.All.add(documents)
	r.All.add(queries)
	if encode && r.unknown() {
		r.All.Unknown = 1
	}
	r.Left = Amount{On: make([]float64, len(machines))}
	if r.Done {
		return
	}
	left := documents.times(1 - r.DocumentsDone)
	r.FixedSeconds = left.Seconds
	r.Left.add(left)
	r.Left.add(queries.times(1 - r.QueriesDone))
	if r.Left.FLOPs > 0 {
		r.Left.Unknown = r.All.Unknown
	}
}

func (r *Row) unknown() bool {
	return r.Model != nil && r.TokensPerSecond == 0
}

// part is the cost of encoding texts.
func (r *Row) part(t Tokens, encode bool, machines []Machine) Amount {
	a := Amount{On: make([]float64, len(machines))}
	if !encode {
		return a
	}
	a.Tokens = t.Total()
	a.Price = a.Tokens / 1e6 * r.PricePerMillion
	if r.Model != nil {
		a.FLOPs = r.Model.FLOPs(t)
		a.Bytes = r.Model.vectorBytes(t.Texts)
		for i, m := range machines {
			a.On[i] = a.FLOPs / m.FLOPS
		}
	}
	if r.TokensPerSecond > 0 {
		a.Seconds = a.Tokens / r.TokensPerSecond
	}
	return a
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

// Loads are the datasets' seconds that are left here, over all systems, in order of first mention: what Reduce chooses from.
func (p Plan) Loads() []Load {
	var list []Load
	at := map[string]int{}
	for _, r := range p.Rows {
		i, ok := at[r.Dataset]
		if !ok {
			i = len(list)
			at[r.Dataset] = i
			list = append(list, Load{Dataset: r.Dataset, Queries: r.Queries.Texts})
		}
		list[i].Fixed += r.FixedSeconds
		if n := list[i].Queries; n > 0 {
			list[i].PerQuery += (r.Left.Seconds - r.FixedSeconds) / float64(n)
		}
	}
	return list
}
