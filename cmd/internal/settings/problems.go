package settings

import (
	"fmt"
	"regexp"
	"time"
)

// problems gathers what is wrong with the values of a file.
type problems []*Error

func (p *problems) add(e *Error) { *p = append(*p, e) }

const (
	someChannels = "list ids of channels (C…)"
	somePeople   = "list ids of people (U… or W…) or user groups (S…)"
)

func (p *problems) channels(key string, ids []string) {
	p.needed(key, len(ids), someChannels)
	p.ids(key, ids, channelID, someChannels)
}

func (p *problems) approvers(key string, ids []string) {
	p.needed(key, len(ids), somePeople)
	p.deciders(key, ids)
}

func (p *problems) deciders(key string, ids []string) { p.ids(key, ids, deciderID, somePeople) }

func (p *problems) needed(key string, n int, advice string) {
	if n == 0 {
		p.add(is(key, "is empty", advice))
	}
}

func (p *problems) ids(key string, ids []string, form *regexp.Regexp, advice string) {
	for _, id := range ids {
		if !form.MatchString(id) {
			p.add(is(key, "has "+Redact(id), advice+", not names"))
		}
	}
}

func (p *problems) seconds(key string, all ...time.Duration) {
	for _, d := range all {
		if d < time.Second {
			p.add(is(key, fmt.Sprintf("is %v", d), "a second is the least"))
		}
	}
}

func (p *problems) between(key string, n, most int) {
	if n < 1 || n > most {
		p.add(is(key, fmt.Sprintf("is %d", n), fmt.Sprintf("it has to lie between 1 and %d", most)))
	}
}
