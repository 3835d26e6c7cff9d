// Package studies holds the study files that are shipped, each with the claims and the figures that it must give. Only the one
// that runs without any data is built in.
package studies

import _ "embed"

// Default is the study that `labrador compare` runs when none is named.
//
//go:embed default.yaml
var Default string
