package dataset

import (
	"fmt"
	"regexp"
	"slices"
)

var decimalID = regexp.MustCompile(`^(-?[0-9]+)\.0+$`)

// Decimals says what to do where ids that nobody knows are whole numbers which a program wrote as decimals, as data frames with gaps do: "2.0"
// for 2. It is put behind the message; "" for other ids.
func Decimals(ids []string) string {
	i := slices.IndexFunc(ids, decimalID.MatchString)
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("; %s looks like the id %s written as a decimal: write the ids of the judgements as corpus and queries have them", ids[i], decimalID.FindStringSubmatch(ids[i])[1])
}
