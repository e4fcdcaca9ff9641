package aws

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// role is a role as the control plane has it, with the versions that the data plane has or will
// have.
type role struct {
	account     *Account
	name        string
	path        string
	id          string
	description string
	created     time.Time
	maxSession  time.Duration
	tags        map[string]string
	lastUsed    time.Time
	lastRegion  string
	profiles    []string
	attached    map[string]*Policy // managed policies by ARN
	inline      map[string]document
	trust       document
	versions    []version
}

// document is a policy as it was written, and what it means.
type document struct {
	text   string
	policy *Policy
}

// version is what authorisation sees of a role from a moment on, which is another one in each
// region (the machine's clock).
type version struct {
	at       time.Time // when it was written
	lag      lag
	inline   map[string]*Policy
	attached map[string]*Policy
	trust    *Policy
	gone     bool
}

func (r *role) arn() string { return r.account.arn("iam", "role"+r.path+r.name) }

// protected tells roles that only AWS may change. The paths are those of service-linked and of
// Identity Center roles; all of /aws-reserved/ is treated alike.
func (r *role) protected() bool {
	return strings.HasPrefix(r.path, "/aws-service-role/") || strings.HasPrefix(r.path, "/aws-reserved/")
}

// inlineSize is what counts against the quota: the characters of all inline policies, without white
// space.
func inlineSize(inline map[string]document) int {
	n := 0
	for _, d := range inline {
		for _, c := range d.text {
			if !unicode.IsSpace(c) {
				n++
			}
		}
	}
	return n
}

// written notes the role's present state as a version that is enforced after the lag.
func (r *role) written(l lag, gone bool) {
	now := time.Now()
	v := version{
		at: now, lag: l, trust: r.trust.policy, inline: map[string]*Policy{}, attached: maps.Clone(r.attached), gone: gone,
	}
	for name, d := range r.inline {
		v.inline[name] = d.policy
	}
	everywhere := func(v version) bool { return !v.at.Add(v.lag.longest()).After(now) }
	if i := r.lastVersion(everywhere); i > 0 {
		r.versions = slices.Delete(r.versions, 0, i)
	}
	r.versions = append(r.versions, v)
}

// lastVersion finds the last written version that has come, -1 before there is one.
func (r *role) lastVersion(come func(version) bool) int {
	for i, v := range slices.Backward(r.versions) {
		if come(v) {
			return i
		}
	}
	return -1
}

// enforced is what authorisation sees of the role now in a region; ok is false while the role is
// too new.
func (r *role) enforced(region string) (v version, ok bool) {
	now := time.Now()
	if i := r.lastVersion(func(v version) bool { return !v.at.Add(v.lag.in(region)).After(now) }); i >= 0 {
		return r.versions[i], true
	}
	return version{}, false
}

// identityPolicies are the policies that speak for the role now in a region: the managed ones by
// ARN, then the inline ones by name. arns are those of the managed ones.
func (r *role) identityPolicies(region string) (policies []*Policy, arns []string) {
	v, ok := r.enforced(region)
	if !ok || v.gone {
		return nil, nil
	}
	arns = slices.Sorted(maps.Keys(v.attached))
	for _, arn := range arns {
		policies = append(policies, v.attached[arn])
	}
	for _, name := range slices.Sorted(maps.Keys(v.inline)) {
		policies = append(policies, v.inline[name])
	}
	return policies, arns
}

func (r *role) snapshot() Role {
	p := map[string]string{}
	for name, d := range r.inline {
		p[name] = d.text
	}
	return Role{
		Name: r.name, Path: r.path, ARN: r.arn(), UniqueID: r.id, Description: r.description, Trust: r.trust.text,
		Policies: p, Attached: slices.Sorted(maps.Keys(r.attached)),
		MaxSession: r.maxSession, Created: r.created, LastUsed: r.lastUsed, LastUsedRegion: r.lastRegion,
		Tags: maps.Clone(r.tags),
	}
}

// use notes a call of one of the role's sessions. The caller holds the lock.
func (r *role) use(region string) {
	r.lastUsed, r.lastRegion = r.account.server.now().Truncate(time.Second), region
}
