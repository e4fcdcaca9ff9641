package trail

import (
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
)

// settled is how long after the cutoff each region has to have reported.
const settled = 5 * time.Minute

// noneDenied is missing where all old sessions are silent.
const noneDenied = "No call of an old session was seen denied: they may be silent, or not be denied."

// where says what was not asked, not answered, or not reported yet. CloudTrail's delay is not a
// constant (AWS CloudTrail User Guide, "How CloudTrail works").
func (j *judge) where() {
	if !covered(j.in.Regions) {
		what := "Who assumed the role"
		if j.in.Key != "" {
			what = "What the user did"
		}
		j.miss("%s is not known in full%s.", what, where(j.in.Regions))
	}
	var late []string
	asked := false
	for _, r := range j.in.Regions {
		asked = asked || r.Region == j.in.LastUsed.Region
		j.out.Wait = j.out.Wait || !r.Covered
		if r.Covered && r.Reported.Before(j.in.Cutoff.Add(settled)) {
			late = append(late, r.Region)
		}
	}
	if len(late) > 0 {
		j.out.Wait = true
		j.miss("CloudTrail has not reported yet what happened until %d minutes after the %s in %s.",
			int(settled.Minutes()), j.mark(), strings.Join(aws.Few(late), ", "))
	}
	if used := j.in.LastUsed.At; j.in.Key != "" && used.After(j.from) {
		j.miss("IAM says that the access key was used at %s, after the %s. CloudTrail shows no such call: it can be a "+
			"refused one, or one that is not a management event.", j.clock(used), j.mark())
	}
	if used := j.in.LastUsed; used.Region != "" && !asked && !used.At.Before(j.in.Since) {
		j.miss("The %s was used last in %s, at %s, and CloudTrail was not asked there.", j.noun(), used.Region,
			j.clock(used.At))
	}
}

// policy says what it means that the policy does not stand, or may not: nothing where all sessions
// that it blocked had ended before.
func (j *judge) policy() {
	at := j.in.AskedAt
	if !j.in.LostAt.IsZero() {
		at = j.in.LostAt
	}
	switch {
	case j.in.Active:
		j.show("%s", j.in.Lost)
	case j.in.Key != "" && j.in.Unwatched != "": // the key may have been active meanwhile
		j.miss("%s", j.in.Unwatched)
	case j.in.Lost != "" && j.in.LostAt.IsZero() && !j.alive(at) && j.alive(j.in.Cutoff):
		j.miss("The policy is gone or changed, and it is not known whether an old session was left by then.")
	case !j.alive(at):
	case j.in.Lost != "":
		j.show("%s", j.in.Lost)
	case j.in.Unwatched != "":
		j.miss("%s", j.in.Unwatched)
	case j.in.Unproven != "":
		j.miss("%s", j.in.Unproven)
	}
}

// alive reports whether a session that the policy blocks could still act at a moment.
func (j *judge) alive(at time.Time) bool {
	return slices.ContainsFunc(j.in.Sessions, func(s Session) bool {
		return j.isOld(s) && j.in.Activities[s.ID()].alive(s, at)
	})
}

// unused reports whether nothing is missing but a denial, because the role has not been used since.
func (j *judge) unused() bool {
	if len(j.missing) != 1 || j.missing[0] != noneDenied {
		return false
	}
	for _, did := range j.in.Activities {
		if did.SucceededAfter+did.DeniedAfter+did.FailedAfter > 0 {
			return false
		}
	}
	return !slices.ContainsFunc(j.in.Sessions, func(s Session) bool { return !s.Time.Before(j.in.Cutoff) })
}
