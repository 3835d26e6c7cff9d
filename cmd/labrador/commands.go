package main

import "github.com/spf13/cobra"

// commands lists every command; each lives in the file of its name.
func commands() []*cobra.Command {
	return []*cobra.Command{
		evalCommand(),
		indexCommand(),
		searchCommand(),
		fuseCommand(),
		compareCommand(),
		dataCommand(),
		benchCommand(),
		modelCommand(),
		encodeCommand(),
		promptCommand(),
		cacheCommand(),
	}
}
