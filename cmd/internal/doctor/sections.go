package doctor

import (
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/internal/finding"
)

// section is a part of the report and the work for it.
type section struct {
	name string
	look func() answer
}

// answer is what a section found, and the clock beside this machine's that it read meanwhile.
type answer struct {
	found []finding.Finding
	clock aws.Clock
}

// sideBySide does the work of all sections. One that is not done within the limit is a failure, and
// left behind.
func sideBySide(limit time.Duration, sections []section) []answer {
	type result struct {
		at int
		answer
	}
	results := make(chan result, len(sections))
	all := make([]answer, len(sections))
	for i, s := range sections {
		all[i].found = []finding.Finding{finding.Fail("all", "Check the network path from here, and run doctor again.",
			"%s did not answer in time.", s.name)}
		go func() { results <- result{i, s.look()} }()
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for range sections {
		select {
		case r := <-results:
			all[r.at] = r.answer
		case <-timer.C:
			return all
		}
	}
	return all
}
