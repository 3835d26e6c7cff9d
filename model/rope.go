package model

import (
	"fmt"
	"math"
	"slices"
)

// rotary reads the rotary embedding of the layers of a kind ("full_attention" or "sliding_attention") for heads of dim
// dimensions; theta is the base where the configuration states none. transformers 5 has everything in rope_parameters, by
// kind where the kinds differ; the older style has rope_theta and rope_scaling, and names of its own for sliding layers. Of both in one
// file rope_scaling counts, and rope_theta where the object has none (5.23, modeling_rope_utils.py, convert_rope_params_to_dict).
func (c *config) rotary(kind string, dim int, theta float64) *Rotary {
	theta = c.number(theta, "rope_theta", "rotary_emb_base")
	p, scaling := c.object("rope_parameters"), c.object("rope_scaling")
	if scaling != nil && len(scaling.fields) == 0 {
		scaling = nil
	}
	if p != nil {
		if byKind := p.object(kind); byKind != nil {
			if scaling != nil {
				c.fail("rope_scaling beside rope_parameters by kind of layer is not supported")
			}
			return c.rotaryOf(byKind, dim, byKind.number(theta, "rope_theta"))
		}
	}
	if local := c.number(0, "rope_local_base_freq"); kind == "sliding_attention" && local != 0 && p == nil { // Gemma 3: scaling is for its full layers only
		return c.rotaryOf(nil, dim, local)
	}
	if scaling != nil {
		p = scaling
	}
	if p == nil {
		return c.rotaryOf(nil, dim, theta)
	}
	if v := c.fields["original_max_position_embeddings"]; v != nil {
		p.fields["original_max_position_embeddings"] = v
	}
	return c.rotaryOf(p, dim, p.number(theta, "rope_theta"))
}

// rotaryOf makes the frequencies; p may be nil.
func (c *config) rotaryOf(p *config, dim int, theta float64) *Rotary {
	if p == nil {
		p = &config{fields: map[string]any{}}
	}
	part := c.number(1, "rotary_emb_fraction")
	if f := p.number(c.number(1, "partial_rotary_factor"), "partial_rotary_factor"); f != 1 {
		c.fail("partial_rotary_factor %v is not supported", f) // transformers reads it for some types of scaling and not for others
	}
	turned := int(float64(dim) * part)
	r := &Rotary{Head: dim, Scale: 1}
	if theta <= 1 || turned < 2 || turned > dim || turned%2 != 0 {
		c.fail("rotary embedding of base %v over %d of %d dimensions", theta, turned, dim)
		return r
	}
	s := ropeScaling{p: p, dim: turned, theta: theta, context: c.sizeOr(2048, "max_position_embeddings", "n_positions")}
	if err := s.fill(r); err != nil {
		c.fail("%v", err)
	}
	if c.ropeDivisors != nil && len(c.ropeDivisors) != len(r.Freqs) {
		c.fail("rope_freqs has %d factors for %d frequencies", len(c.ropeDivisors), len(r.Freqs))
		return r
	}
	for i, d := range c.ropeDivisors {
		r.Freqs[i] /= float64(d)
	}
	if c.ropeScale != 0 {
		r.Scale *= c.ropeScale
	}
	if p.err != nil {
		c.fail("rotary embedding: %v", p.err)
	}
	for _, f := range r.Freqs {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			c.fail("rotary embedding: the frequencies are not finite")
		}
	}
	return r
}

// ropeScaling is what transformers calls rope parameters (modeling_rope_utils.py).
type ropeScaling struct {
	p       *config
	dim     int
	theta   float64
	context int
}

// plain are the frequencies base^(-2i/dim) (Su et al. 2021, section 3.2.2).
func (s ropeScaling) plain(base float64) []float64 {
	f := make([]float64, s.dim/2)
	for i := range f {
		f[i] = math.Pow(base, -float64(2*i)/float64(s.dim))
	}
	return f
}

func (s ropeScaling) fill(r *Rotary) error {
	r.Freqs = s.plain(s.theta)
	kind := s.p.text("default", "rope_type", "type")
	if kind == "default" || kind == "mrope" { // mrope: a text's three positions are one, which makes it the default
		return nil
	}
	if !slices.Contains([]string{"linear", "dynamic", "llama3", "yarn"}, kind) {
		return fmt.Errorf("rope type %q is not supported (default, linear, dynamic, llama3 and yarn are)", kind)
	}
	factor := s.p.number(0, "factor")
	if factor < 1 && !(kind == "yarn" && factor == 0) {
		return fmt.Errorf("rope type %q with factor %v", kind, factor)
	}
	switch kind {
	case "linear": // positions are divided by the factor (Chen et al. 2023)
		for i := range r.Freqs {
			r.Freqs[i] /= factor
		}
		r.Reach = tokens(factor * float64(s.context))
	case "dynamic":
		r.Limit = s.p.sizeOr(s.context, "max_trained_positions") // transformers reads no other setting here
		r.Reach = Unlimited
		r.Longer = func(length int) []float64 { return s.dynamic(factor, length, r.Limit) }
	case "llama3":
		return s.llama3(r, factor)
	case "yarn":
		s.yarn(r, factor)
	}
	return nil
}

// tokens is a length as a whole number.
func tokens(length float64) int { return int(max(0, min(length, math.MaxInt32))) }

// dynamic raises the base with the length (bloc97 2023, "dynamically scaled RoPE").
func (s ropeScaling) dynamic(factor float64, length, limit int) []float64 {
	grow := factor*float64(length)/float64(limit) - (factor - 1)
	return s.plain(s.theta * math.Pow(grow, float64(s.dim)/float64(s.dim-2)))
}

// llama3 divides the slow frequencies by the factor, keeps the fast ones and blends between (Llama 3.1's rope_scaling).
func (s ropeScaling) llama3(r *Rotary, factor float64) error {
	low, high := s.p.number(0, "low_freq_factor"), s.p.number(0, "high_freq_factor")
	old := s.p.number(0, "original_max_position_embeddings")
	if low <= 0 || high <= low || old <= 0 {
		return fmt.Errorf("rope type llama3 with low_freq_factor %v, high_freq_factor %v, original_max_position_embeddings %v", low, high, old)
	}
	for i, f := range r.Freqs {
		turns := old * f / (2 * math.Pi) // over the old context
		switch {
		case turns < low:
			r.Freqs[i] = f / factor
		case turns <= high:
			blend := (turns - low) / (high - low)
			r.Freqs[i] = (1-blend)*f/factor + blend*f
		}
	}
	return nil
}

// yarn is Peng et al. 2023: interpolation of the slow frequencies, a ramp between beta_slow and beta_fast turns, and a
// factor on the attention.
func (s ropeScaling) yarn(r *Rotary, factor float64) {
	old := s.p.number(float64(s.context), "original_max_position_embeddings")
	if factor == 0 {
		factor = float64(s.context) / old
	}
	r.Reach = tokens(factor * old)
	r.Scale = s.p.number(0, "attention_factor")
	if r.Scale == 0 {
		mscale, all := s.p.number(0, "mscale"), s.p.number(0, "mscale_all_dim")
		if mscale != 0 && all != 0 {
			r.Scale = yarnScale(factor, mscale) / yarnScale(factor, all)
		} else {
			r.Scale = yarnScale(factor, 1)
		}
	}
	at := func(turns float64) float64 { // the dimension that turns so often over the old context
		return float64(s.dim) * math.Log(old/(turns*2*math.Pi)) / (2 * math.Log(s.theta))
	}
	low, high := at(s.p.number(32, "beta_fast")), at(s.p.number(1, "beta_slow"))
	if s.p.flag("truncate", true) {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(s.dim-1))
	if low == high {
		high += 0.001
	}
	for i, f := range r.Freqs {
		ramp := min(1, max(0, (float64(i)-low)/(high-low)))
		r.Freqs[i] = f/factor*ramp + f*(1-ramp)
	}
}

func yarnScale(factor, mscale float64) float64 {
	if factor <= 1 {
		return 1
	}
	return 0.1*mscale*math.Log(factor) + 1
}
