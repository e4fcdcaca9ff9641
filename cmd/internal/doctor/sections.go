package doctor

import (
	"sync"
	"time"

	"github.com/revokebot/revokebot/internal/finding"
)

// section is a part of the report and the work for it.
type section struct {
	name string
	look func() []line
}

// sideBySide does the work of all sections. One that is not done within the limit is a failure, and
// left behind.
func sideBySide(limit time.Duration, sections []section) [][]line {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	done := make([]chan []line, len(sections))
	for i, s := range sections {
		done[i] = make(chan []line, 1)
		go func() { done[i] <- s.look() }()
	}
	over := make(chan struct{})
	stop := sync.OnceFunc(func() { close(over) })
	defer stop()
	all := make([][]line, len(sections))
	for i, s := range sections {
		select {
		case all[i] = <-done[i]:
			continue
		case <-timer.C:
			stop()
		case <-over:
		}
		select {
		case all[i] = <-done[i]:
		default:
			all[i] = unsourced([]finding.Finding{
				finding.Fail("all", "Check the network path from here, and run doctor again.",
					"%s did not answer within the time that there was.", s.name),
			})
		}
	}
	return all
}
