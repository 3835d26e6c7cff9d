// Command labrador is a lab for retrievers: it finds out which system retrieves best, whether the difference is real and
// what it costs. This package holds flags and wiring only.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/labrador-lab/labrador/kernel"
	"github.com/labrador-lab/labrador/model"
)

// usageError is a wrong use of the command line: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks, a second one ends the program
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	models := &opening{w: os.Stderr}
	cmd, err := root.ExecuteContextC(model.WithProgress(ctx, models.tell))
	models.end()
	return exitStatus(cmd, err)
}

// exitStatus says on standard error what went wrong with a command, in one line, and returns 0 for done, 1 for failed, 2 for
// wrong use.
func exitStatus(cmd *cobra.Command, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(os.Stderr, "labrador: %s (see '%s --help')\n", oneLine(err), cmd.CommandPath())
		return 2
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "labrador: interrupted; a command that keeps what it finished (compare, encode, index) goes on when it is given again")
		return 1
	}
	fmt.Fprintf(os.Stderr, "labrador: %s\n", oneLine(err))
	return 1
}

// maxError is the longest error, in bytes; what is longer quotes what a file holds.
const maxError = 2000

// oneLine is err on one line, without the control characters of what it quotes.
func oneLine(err error) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.Join(strings.Fields(err.Error()), " "))
	if len(s) > maxError {
		s = strings.ToValidUTF8(s[:maxError/2], "") + " ... " + strings.ToValidUTF8(s[len(s)-maxError/2:], "")
	}
	return s
}

// maxThreads is more than any machine has processors; every thread takes memory before it has work.
const maxThreads = 4096

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "labrador",
		Short: "A lab for retrievers: which one finds best, is the difference real, what does it cost",
		Long: `Labrador compares retrieval systems on your text and code, says which differences are real, and shows what they cost.

  labrador compare                 compare on the built-in code-search set, nothing to fetch
  labrador compare study.yaml      compare the systems and datasets of a study file
  labrador eval QRELS RUN...       measure TREC runs as trec_eval does, with significance tests`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return cmd.Help()
		},
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := kernel.CheckEnv(); err != nil {
			return usageError{err}
		}
		if n, err := cmd.Flags().GetInt("threads"); err == nil && n > maxThreads {
			return usagef("--threads %d: %d at most", n, maxThreads)
		}
		return nil
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	root.AddCommand(commands()...)
	wrapArgs(root)
	return root
}

// flagError is a wrong use, in words of the command line instead of strconv's.
func flagError(err error) error {
	var number *strconv.NumError
	if !errors.As(err, &number) {
		return usageError{err}
	}
	want := "a number"
	switch {
	case errors.Is(number, strconv.ErrRange):
		want = "a smaller number"
	case number.Func == "ParseBool":
		want = "true or false"
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	return usagef("%s: want %s", text, want)
}

// wrapArgs makes a wrong number of arguments a wrong use that shows the right one, for every command below c.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			var said usageError
			switch {
			case err == nil, errors.As(err, &said):
				return err
			case cmd.HasSubCommands():
				return usageError{err}
			}
			return usagef("%s given: %s", plural(len(args), "argument", "arguments"), cmd.UseLine())
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
