package aws

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
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
	trust       document
	identity
}

// identity is what roles, users and groups have in common: their policies as the control plane has
// them, and the versions that the data plane has or will have.
type identity struct {
	server   *Server
	attached map[string]*Policy // managed policies by ARN
	inline   map[string]document
	versions []version
}

// document is a policy as it was written, and what it means.
type document struct {
	text   string
	policy *Policy
}

// version is what authorisation sees of a role or user from a moment on, which is another one in
// each region. Times are those of Server.passing.
type version struct {
	at       time.Time // when it was written
	lag      lag
	inline   map[string]*Policy
	attached map[string]*Policy
	trust    *Policy         // of a role
	off      map[string]bool // keys of a user that are inactive or deleted
	gone     bool
}

func (r *role) arn() string { return r.account.arn("iam", "role"+r.path+r.name) }

// protected tells roles that only AWS may change. The paths are those of service-linked and of
// Identity Center roles; all of /aws-reserved/ is treated alike.
func (r *role) protected() bool {
	return strings.HasPrefix(r.path, "/aws-service-role/") || strings.HasPrefix(r.path, "/aws-reserved/")
}

// put writes an inline policy. What exceeds the quota leaves everything as it was; the quota counts
// the characters of all inline policies, without white space. whose ends the message.
func (h *identity) put(policy, text string, quota int, whose string) error {
	if utf8.RuneCountInString(text) > 131_072 {
		return invalidValue("policyDocument", "…", "Member must have length less than or equal to 131072")
	}
	if err := checkPolicyName(policy); err != nil {
		return err
	}
	p, err := ParsePolicy(text)
	if err != nil {
		return errOf("MalformedPolicyDocument", err.Error())
	}
	inline := maps.Clone(h.inline)
	inline[policy] = document{text, p}
	if inlineSize(inline) > quota {
		return quotaExceeded(quota, whose)
	}
	h.inline = inline
	return nil
}

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
	r.write(version{lag: l, trust: r.trust.policy, gone: gone})
}

func (r *identity) write(v version) {
	now := r.server.passing()
	v.at, v.inline, v.attached = now, map[string]*Policy{}, maps.Clone(r.attached)
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
func (r *identity) lastVersion(come func(version) bool) int {
	for i, v := range slices.Backward(r.versions) {
		if come(v) {
			return i
		}
	}
	return -1
}

// enforced is what authorisation sees now in a region; ok is false while the role is too new.
func (r *identity) enforced(region string) (v version, ok bool) {
	now := r.server.passing()
	if i := r.lastVersion(func(v version) bool { return !v.at.Add(v.lag.in(region)).After(now) }); i >= 0 {
		return r.versions[i], true
	}
	return version{}, false
}

// policiesIn are the policies of a role, or of a user and its groups, that are enforced now in a
// region: the managed ones by ARN, then the inline ones by name. arns are those of the managed
// ones.
func policiesIn(region string, holders []*identity) (policies []*Policy, arns []string) {
	var inline []*Policy
	for _, h := range holders {
		v, ok := h.enforced(region)
		if !ok || v.gone {
			continue
		}
		for _, arn := range slices.Sorted(maps.Keys(v.attached)) {
			policies, arns = append(policies, v.attached[arn]), append(arns, arn)
		}
		for _, name := range slices.Sorted(maps.Keys(v.inline)) {
			inline = append(inline, v.inline[name])
		}
	}
	return append(policies, inline...), arns
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
