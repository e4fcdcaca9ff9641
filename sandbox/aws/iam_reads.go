package aws

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The results below are encoded as the Query protocol's XML: a struct for each Result element,
// lists in members.

type members[T any] struct {
	Member []T `xml:"member"`
}

type page struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

type tagXML struct{ Key, Value string }

type lastUsedXML struct {
	LastUsedDate string `xml:",omitempty"`
	Region       string `xml:",omitempty"`
}

type roleXML struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string           `xml:",omitempty"`
	MaxSessionDuration       int              `xml:",omitempty"`
	Tags                     *members[tagXML] `xml:",omitempty"`
	RoleLastUsed             *lastUsedXML     `xml:",omitempty"`
}

// encodeDocument is the form in which IAM gives policy documents: percent-encoded as in RFC 3986.
func encodeDocument(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// shown is the role as lists give it; GetRole adds the tags and the last use.
func (r *role) shown() roleXML {
	return roleXML{
		Path: r.path, RoleName: r.name, RoleID: r.id, Arn: r.arn(), CreateDate: isoTime(r.created),
		AssumeRolePolicyDocument: encodeDocument(r.account.server.trustText(r.trust)), Description: r.description,
		MaxSessionDuration: int(r.maxSession.Seconds()),
	}
}

func (r *role) shownWhole() roleXML {
	shown := r.shown()
	shown.RoleLastUsed = &lastUsedXML{}
	if !r.lastUsed.IsZero() {
		shown.RoleLastUsed = &lastUsedXML{isoTime(r.lastUsed), r.lastRegion}
	}
	if len(r.tags) > 0 {
		shown.Tags = shownTags(r.tags)
	}
	return shown
}

func shownTags(tags map[string]string) *members[tagXML] {
	list := &members[tagXML]{}
	for _, k := range sortedKeys(tags) {
		list.Member = append(list.Member, tagXML{k, tags[k]})
	}
	return list
}

// paginate cuts a list into pages: the Marker is the opaque position of the next element.
func paginate[T any](p params, list []T) ([]T, page, error) {
	start, size := 0, 100
	if m := p["Marker"]; m != "" {
		b, err := base64.RawURLEncoding.DecodeString(m)
		n, nerr := strconv.Atoi(string(b))
		if err != nil || nerr != nil || n < 0 {
			return nil, page{}, errOf("ValidationError", "Invalid Marker")
		}
		start = min(n, len(list))
	}
	if s := p["MaxItems"]; s != "" {
		size, _ = strconv.Atoi(s) // checked by its rule
	}
	end := min(start+size, len(list))
	if end == len(list) {
		return list[start:], page{}, nil
	}
	return list[start:end], page{true, base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))}, nil
}

// roleReads are the calls that look at roles.
func roleReads() map[string]*operation {
	named := map[string]rule{"RoleName": required(checkName)}
	paged := map[string]rule{
		"RoleName": required(checkName), "Marker": optional(markerValue), "MaxItems": optional(pageSize),
	}
	attached := map[string]rule{
		"RoleName": required(checkName), "Marker": optional(markerValue), "MaxItems": optional(pageSize),
		"PathPrefix": optional(policyPrefix),
	}
	return map[string]*operation{
		"GetRole": {params: named, readOnly: true, target: onRole, do: withRole(getRole)},
		"ListRoles": {params: map[string]rule{
			"PathPrefix": optional(prefixValue), "Marker": optional(markerValue), "MaxItems": optional(pageSize),
		}, readOnly: true, target: onPrefix("role"), do: listRoles},
		"ListRolePolicies": {params: paged, readOnly: true, target: onRole, do: withRole(listRolePolicies)},
		"GetRolePolicy": {params: map[string]rule{
			"RoleName": required(checkName), "PolicyName": required(policyName),
		}, readOnly: true, target: onRole, do: withRole(getRolePolicy)},
		"ListAttachedRolePolicies": {
			params: attached, readOnly: true, target: onRole,
			do: withRole(func(x *exchange, r *role) (any, error) { return listAttached(x, r.attached) }),
		},
		"ListInstanceProfilesForRole": {params: paged, readOnly: true, target: onRole, do: withRole(listProfiles)},
		"ListRoleTags":                {params: paged, readOnly: true, target: onRole, do: withRole(listRoleTags)},
		"SimulatePrincipalPolicy":     simulateOperation(),
	}
}

// withRole looks up the role that the request names.
func withRole(do func(x *exchange, r *role) (any, error)) func(x *exchange) (any, error) {
	return func(x *exchange) (any, error) {
		name := x.params["RoleName"]
		r := x.caller.account().role(name)
		if r == nil {
			return nil, noSuchRole(name)
		}
		return do(x, r)
	}
}

func getRole(_ *exchange, r *role) (any, error) {
	return struct{ Role roleXML }{r.shownWhole()}, nil
}

func listRoles(x *exchange) (any, error) {
	roles, p, err := paginate(x.params, x.caller.account().sortedRoles(x.params["PathPrefix"]))
	if err != nil {
		return nil, err
	}
	var list members[roleXML]
	for _, r := range roles {
		list.Member = append(list.Member, r.shown())
	}
	return struct {
		Roles members[roleXML]
		page
	}{list, p}, nil
}

func listRolePolicies(x *exchange, r *role) (any, error) { return x.policyNames(r.inline) }

func (x *exchange) policyNames(inline map[string]document) (any, error) {
	names, p, err := paginate(x.params, slices.Sorted(maps.Keys(inline)))
	return struct {
		PolicyNames members[string]
		page
	}{members[string]{names}, p}, err
}

func getRolePolicy(x *exchange, r *role) (any, error) {
	name := x.params["PolicyName"]
	d, ok := r.inline[name]
	if !ok {
		return nil, noSuchPolicy(name)
	}
	return struct{ RoleName, PolicyName, PolicyDocument string }{r.name, name, encodeDocument(d.text)}, nil
}

type attachedXML struct{ PolicyName, PolicyArn string }

func listAttached(x *exchange, attached map[string]*Policy) (any, error) {
	var list []attachedXML
	for arn := range attached {
		a, _ := parseARN(arn)
		if strings.HasPrefix(policyPath(arn), orSlash(x.params["PathPrefix"])) {
			list = append(list, attachedXML{a.lastSegment(), arn})
		}
	}
	slices.SortFunc(list, func(a, b attachedXML) int { return strings.Compare(a.PolicyArn, b.PolicyArn) })
	list, p, err := paginate(x.params, list)
	return struct {
		AttachedPolicies members[attachedXML]
		page
	}{members[attachedXML]{list}, p}, err
}

type profileXML struct {
	Path, InstanceProfileName string
	InstanceProfileID         string `xml:"InstanceProfileId"`
	Arn, CreateDate           string
	Roles                     members[roleXML]
}

func listProfiles(x *exchange, r *role) (any, error) {
	names, p, err := paginate(x.params, r.profiles)
	if err != nil {
		return nil, err
	}
	var list members[profileXML]
	for _, name := range names {
		// An instance profile's id would be AIPA…; deriving it from the role's keeps it the same on every
		// read.
		list.Member = append(list.Member, profileXML{
			"/", name, "AIPA" + strings.TrimPrefix(r.id, "AROA"), r.account.arn("iam", "instance-profile/"+name),
			isoTime(r.created),
			members[roleXML]{[]roleXML{r.shown()}},
		})
	}
	return struct {
		InstanceProfiles members[profileXML]
		page
	}{list, p}, nil
}

func listRoleTags(x *exchange, r *role) (any, error) {
	tags, p, err := paginate(x.params, shownTags(r.tags).Member)
	return struct {
		Tags members[tagXML]
		page
	}{members[tagXML]{tags}, p}, err
}
