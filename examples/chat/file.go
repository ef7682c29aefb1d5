package main

import (
	"flag"
	"fmt"
	"strings"
)

// onlyOne refuses flags that say again what a file says.
func onlyOne(flags *flag.FlagSet) error {
	var both []string
	flags.Visit(func(set *flag.Flag) {
		switch set.Name {
		case "docs", "goroot", "model":
			both = append(both, "-"+set.Name)
		}
	})
	if len(both) > 0 {
		return fmt.Errorf("%s cannot stand beside -config: the file says what is searched and what judges; take it out of the command line", strings.Join(both, ", "))
	}
	return nil
}
