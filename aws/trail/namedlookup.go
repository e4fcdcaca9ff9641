package trail

import (
	"context"
	"slices"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/revokebot/revokebot/aws"
)

// namedCalls are the calls that are looked up by name when a key made more calls than are read,
// with the most pages to read of each: noise after them would hide them otherwise. They are those
// that outlive the session, and those by which it becomes another principal. Together they are at
// most as many requests as the calls that were read before (20 pages of 1,000).
var namedCalls = []struct {
	name  string
	pages int
	iam   bool // of IAM, whose events are in the partition's home region alone (see home)
}{
	{"CreateAccessKey", 2, true},
	{"CreateUser", 1, true},
	{"CreateLoginProfile", 1, true},
	{"UpdateLoginProfile", 1, true},
	{"CreateRole", 1, true},
	{"UpdateAssumeRolePolicy", 1, true},
	{"AttachRolePolicy", 1, true},
	{"AttachUserPolicy", 1, true},
	{"PutRolePolicy", 1, true},
	{"PutUserPolicy", 1, true},
	{"AddUserToGroup", 1, true},
	{"CreatePolicyVersion", 1, true},
	{string(KindFederation), 1, false},
	{string(KindConsole), 1, false},
	{string(KindAssumed), 4, false}, // of all principals, so the first to be cut
}

// namedIn looks up by name what a key did before the oldest call that was read of it in a region.
// LookupEvents takes one attribute, so it answers with all principals' calls of that name (AWS
// CloudTrail API Reference, "LookupEvents"); those of others are let go. What fails or is cut is
// named in the coverage: the region's newest calls were read all the same.
func (c *Client) namedIn(
	ctx context.Context, a *aws.Conn, g *gather, covers *RegionCoverage, s *regionBudget, oldest time.Time,
) {
	covers.ByName = true
	named := RegionCoverage{Covered: true}
	for _, t := range namedCalls {
		if t.iam && s.region != a.HomeRegion() {
			continue
		}
		cut := false
		if named.Covered {
			query := trailQuery{key: types.LookupAttributeKeyEventName, value: t.name, since: g.q.Since, until: oldest}
			cut = c.read(ctx, a, s, query, &named, only(t.pages, func(p page) { g.take(p, s.region) }))
		}
		if cut || !named.Covered {
			covers.NamesCut = append(covers.NamesCut, t.name)
		}
	}
	covers.Events += named.Events
}

// oldestOf is the time of the oldest of events that are given newest first, as LookupEvents gives
// them.
func oldestOf(events []types.Event) time.Time {
	if len(events) == 0 {
		return time.Time{}
	}
	return awssdk.ToTime(events[len(events)-1].EventTime)
}

// LookedUpByName reports whether, wherever there were more calls than were read, the named calls
// were looked up by name, and of which names not all could be read. It is false where nothing was
// cut.
func (a Activity) LookedUpByName() (byName bool, cut []string) {
	for _, r := range a.Regions {
		switch {
		case !r.Truncated:
		case !r.ByName:
			return false, nil
		default:
			byName, cut = true, append(cut, r.NamesCut...)
		}
	}
	slices.Sort(cut)
	return byName, slices.Compact(cut)
}
