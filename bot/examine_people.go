package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/deliver"
	"github.com/revokebot/revokebot/internal/english"
	"github.com/revokebot/revokebot/internal/finding"
)

const (
	// mostPeople bounds the look-ups: users.info takes about a hundred a minute (Slack documentation,
	// "Rate limits").
	mostPeople = 80
	// peopleAtOnce are looked up side by side, groups likewise.
	peopleAtOnce = 8
	// mostNamed is how many people a line names.
	mostNamed = 10
)

// directory is what was looked up of the groups and people in the configuration.
type directory struct {
	mu      sync.Mutex
	groups  map[string][]string // members of those that could be read
	refused map[string]*deliver.SlackError
	people  map[string]known
	left    int // people who were not looked up, because there are too many
}

// known is what the directory says of one person.
type known struct {
	standing approvals.Standing
	name     string
	err      *deliver.SlackError
}

// people looks up every person in the configuration once, and says who of them may do what.
func (e *examination) people(ctx context.Context) []finding.Finding {
	d := e.lookUpAll(ctx)
	var found []finding.Finding
	for _, id := range e.ids(true) {
		found = append(found, d.group(id))
	}
	for _, id := range e.ids(false) {
		if f := d.person(id); f.State != finding.OK {
			found = append(found, f)
		}
	}
	if d.left > 0 {
		found = append(found, finding.Warn("people", "Make the user groups smaller: few should be able to approve.",
			"%d people of the groups were not looked up: Slack answers about a hundred look-ups a minute.", d.left))
	}
	for _, account := range slices.Sorted(maps.Keys(e.cfg.Policies)) {
		found = append(found, d.quorum(account, e.cfg.Policies[account], e.cfg.Requesters))
	}
	if len(e.cfg.Policies) == 0 {
		return found // the approvers and requesters are not known yet
	}
	return append(found, d.requesters(e.cfg.Requesters))
}

// ids lists the groups, or the people, that the configuration names.
func (e *examination) ids(groups bool) []string {
	all := slices.Clone(e.cfg.Requesters)
	for _, p := range e.cfg.Policies {
		all = append(all, p.Approvers...)
	}
	all = slices.DeleteFunc(all, func(id string) bool { return approvals.IsGroup(id) != groups })
	slices.Sort(all)
	return slices.Compact(all)
}

// lookUpAll reads the groups and then the people, those first that the configuration names.
func (e *examination) lookUpAll(ctx context.Context) *directory {
	d := &directory{groups: map[string][]string{}, refused: map[string]*deliver.SlackError{}, people: map[string]known{}}
	sideBySide(e.ids(true), func(id string) {
		members, err := e.GroupMembers(ctx, id)
		d.mu.Lock()
		defer d.mu.Unlock()
		if refused, ok := errors.AsType[*deliver.SlackError](err); ok {
			d.refused[id] = refused
			return
		}
		d.groups[id] = members
	})
	people := e.ids(false)
	var members []string
	for _, m := range d.groups {
		members = append(members, m...)
	}
	slices.Sort(members)
	for _, id := range slices.Compact(members) {
		if !slices.Contains(people, id) {
			people = append(people, id)
		}
	}
	if len(people) > mostPeople {
		d.left, people = len(people)-mostPeople, people[:mostPeople]
	}
	sideBySide(people, func(id string) {
		person, err := e.lookUp(ctx, id)
		k := known{standing: person.Standing(e.Home()), name: person.Name}
		k.err, _ = errors.AsType[*deliver.SlackError](err)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.people[id] = k
	})
	return d
}

// sideBySide does the same for each id, a few at a time.
func sideBySide(ids []string, do func(id string)) {
	for batch := range slices.Chunk(ids, peopleAtOnce) {
		var all sync.WaitGroup
		for _, id := range batch {
			all.Go(func() { do(id) })
		}
		all.Wait()
	}
}

// group tells of a user group.
func (d *directory) group(id string) finding.Finding {
	check := "user group " + id
	refused := d.refused[id]
	switch {
	case refused == nil && len(d.groups[id]) == 0:
		return finding.Warn(check, "Put people into it, or take it out of the configuration.",
			"Nobody is in it, or it is disabled.")
	case refused == nil:
		return finding.Good(check, "%s in it.", english.Count(len(d.groups[id]), "person is", "people are"))
	}
	return refusal(check, refused, map[string]advice{
		"missing_scope": {
			reinstall,
			"Its members cannot be looked up without the scope usergroups:read, so they may neither approve nor ask.",
		},
		"no_such_subteam": {
			"Enable it in Slack, or correct its id in the configuration.",
			"Slack knows no such user group, or it is disabled.",
		},
	}, advice{"Check it in Slack; user groups need a paid plan.", "Its members cannot be looked up"})
}

// person tells of a person whom the configuration names.
func (d *directory) person(id string) finding.Finding {
	check := "person " + id
	k := d.people[id]
	const fix = "Take them out of the configuration, or name a full member."
	switch {
	case k.err != nil:
		return refusal(check, k.err, map[string]advice{"missing_scope": {
			reinstall, "They cannot be looked up without the scope users:read, so they may neither approve nor ask.",
		}}, advice{"Check the person in Slack.", "They cannot be looked up"})
	case k.standing == approvals.StandingUnknown:
		return finding.Warn(check, "Correct the id in the configuration.", "Slack has no user with this id.")
	case k.standing != approvals.FullMember:
		return finding.Warn(check, fix, "%s is a %s, who can neither approve nor ask.", k.name, k.standing)
	default:
		return finding.Good(check, "%s is a full member.", k.name)
	}
}

// able lists those of a list of people and groups who are full members. sure is false when not
// every person could be looked up.
func (d *directory) able(list []string) (ids []string, sure bool) {
	sure = d.left == 0
	for _, id := range list {
		if !approvals.IsGroup(id) {
			ids = append(ids, id)
			continue
		}
		ids = append(ids, d.groups[id]...)
		sure = sure && d.refused[id] == nil
	}
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id string) bool {
		k := d.people[id]
		sure = sure && k.err == nil
		return k.standing != approvals.FullMember
	})
	return ids, sure
}

const lookAbove = "Correct what is said of people and user groups above"

// quorum tells whether enough people can approve for an account.
func (d *directory) quorum(account string, p approvals.Policy, requesters []string) finding.Finding {
	check := account + ": approvers"
	able, sure := d.able(p.Approvers)
	need := fmt.Sprintf("%d needed besides the requester", p.Required)
	fix := lookAbove + ", if anything is; else list more of them as approvers"
	if p.Required > 1 {
		fix += ", or lower the number that is required"
	}
	fix += "."
	may, _ := d.able(requesters)
	asks := func(id string) bool { return len(requesters) == 0 || slices.Contains(may, id) }
	switch {
	case len(able) < p.Required && !sure:
		return finding.Fail(check, lookAbove+".",
			"%s approve as far as could be looked up, %s.", peopleCan(len(able)), need)
	case len(able) < p.Required:
		return finding.Fail(check, fix, "%s approve, %s: no request can be approved.", peopleCan(len(able)), need)
	case len(able) == p.Required && slices.ContainsFunc(able, asks):
		return finding.Warn(check, fix, "%s approve, %s: what one of them asks for cannot be approved: %s.",
			peopleCan(len(able)), need, d.names(able))
	default:
		return finding.Good(check, "%s approve, %s: %s.", peopleCan(len(able)), need, d.names(able))
	}
}

// requesters tells who may ask.
func (d *directory) requesters(list []string) finding.Finding {
	const check = "requesters"
	if len(list) == 0 {
		return finding.Good(check, "Any full member who is in a channel may ask.")
	}
	able, sure := d.able(list)
	switch {
	case len(able) == 0 && !sure:
		return finding.Fail(check, lookAbove+".",
			"No person may ask, as far as could be looked up.")
	case len(able) == 0:
		return finding.Fail(check, "List full members or user groups in slack.requesters, or leave it empty.",
			"The list has no full member, so no person may ask.")
	default:
		return finding.Good(check, "%s ask: %s.", peopleCan(len(able)), d.names(able))
	}
}

// names lists people as their colleagues know them.
func (d *directory) names(ids []string) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprintf("%s (%s)", d.people[id].name, id)
	}
	return listed(words)
}

// listed names the first of many.
func listed(words []string) string {
	if more := len(words) - mostNamed; more > 0 {
		words = append(words[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}

func peopleCan(n int) string {
	if n == 0 {
		return "Nobody can"
	}
	return english.Count(n, "person can", "people can")
}
