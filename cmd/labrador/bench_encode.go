package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/bench"
	"github.com/labrador-lab/labrador/model"
)

// What a benchmark's call takes: beyond it memory ends, or patience.
const maxBenchSeconds, maxBenchTokens = 24 * 60 * 60, 1 << 22

func benchEncode() *cobra.Command {
	var o bench.EncodeOptions
	c := &cobra.Command{
		Use:   "encode",
		Short: "A language model's body: tokens a second, share of the machine's ceiling",
		Long: `Measure a model's body on texts of exactly --len random tokens. --shape makes random weights of a known shape (` + strings.Join(bench.Shapes(), ", ") + `),
--model takes a real model. Of a shape the row has what its linear maps do (1e9 operations a second) and the share of this machine's ceiling
that this is: share in the whole run, alone_share with nothing between the maps. The ceiling is a loop of multiplications in registers, measured
before and after each call, so that other work on the machine slows both; best_share and best_alone_share are those of the fastest call and the
highest ceiling, which other work disturbed least.

  labrador bench encode --shape minilm --dtype int8
  labrador bench encode --shape qwen2.5-0.5b --dtype bf16 --threads 2 --batch 4 --len 512
  labrador bench encode --shape minilm --batch 1 --len 32          one query: latency_ms`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Threads < 1 || o.Batch < 1 || o.Len < 1 || !(o.Seconds >= 0) {
				return usagef("--threads, --batch and --len are at least 1, --seconds at least 0")
			}
			if o.Seconds > maxBenchSeconds || o.Batch > maxBenchTokens || o.Len > maxBenchTokens/o.Batch {
				return usagef("--seconds is at most %d, --batch times --len at most %d tokens", maxBenchSeconds, maxBenchTokens)
			}
			if o.Model != "" && cmd.Flags().Changed("shape") {
				return usagef("--shape and --model: give one of them")
			}
			shape := bench.ShapeOf(o.Shape)
			if shape == "" {
				return usagef("no shape %q: there are %s", o.Shape, strings.Join(bench.Shapes(), ", "))
			}
			o.Shape = shape
			if err := (model.Options{DType: o.DType}).Validate(); err != nil {
				return usageError{err}
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			row, err := bench.Encode(cmd.Context(), o)
			if err != nil {
				return err
			}
			out.emit(row)
			return out.ratios()
		},
	}
	f := c.Flags()
	f.StringVar(&o.Shape, "shape", "minilm", "shape with random weights (0.5b, 1.5b and 7b are Qwen2.5's)")
	f.StringVar(&o.Model, "model", "", "a real model instead")
	f.StringVar(&o.DType, "dtype", "f32", "f32, bf16, int8 or auto")
	f.IntVar(&o.Threads, "threads", 1, "threads")
	f.IntVar(&o.Batch, "batch", 16, "texts of a call")
	f.IntVar(&o.Len, "len", 128, "tokens of a text")
	f.Float64Var(&o.Seconds, "seconds", 5, "seconds of timed calls")
	return c
}

func benchPeak() *cobra.Command {
	var threads int
	c := &cobra.Command{
		Use:   "peak",
		Short: "What this machine can do at most: multiplications in registers, reading of memory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if threads < 1 {
				return usagef("--threads is at least 1")
			}
			out, err := newBenchOut(cmd)
			if err != nil {
				return err
			}
			return bench.Peak(cmd.Context(), threads, out.emit)
		},
	}
	c.Flags().IntVar(&threads, "threads", 1, "threads")
	return c
}
