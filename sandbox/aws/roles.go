package aws

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// RoleSpec describes a role. What is left empty gets IAM's default.
type RoleSpec struct {
	Name        string
	Path        string // empty: "/"
	Description string
	Trust       string            // the trust policy, JSON
	Policies    map[string]string // inline policies, name to JSON document
	// Managed are attached managed policies, ARN to JSON document; an empty document for one that the
	// account has.
	Managed          map[string]string
	MaxSession       time.Duration // 0: one hour
	Created          time.Time     // zero: now, on AWS's clock
	LastUsed         time.Time     // zero: never
	LastUsedRegion   string
	Tags             map[string]string
	InstanceProfiles []string // names, for ListInstanceProfilesForRole
}

// Role is a role as the control plane has it: what reads show.
type Role struct {
	Name           string
	Path           string
	ARN            string
	UniqueID       string // AROA…; another one after the role was deleted and made again
	Description    string
	Trust          string
	Policies       map[string]string
	Attached       []string // ARNs of the attached managed policies, sorted
	MaxSession     time.Duration
	Created        time.Time
	LastUsed       time.Time
	LastUsedRegion string
	Tags           map[string]string
}

// AddRole adds a role whose policies are enforced at once. It panics on a specification that AWS
// would refuse or a name that is taken, because that is a mistake in the fixture; NewRole returns
// the error instead.
func (a *Account) AddRole(spec RoleSpec) Role {
	r, err := a.NewRole(spec)
	if err != nil {
		panic("sandbox/aws: AddRole " + spec.Name + ": " + err.Error())
	}
	return r
}

// NewRole is AddRole with an error, whose text begins with the code that IAM would answer.
// Protected paths are allowed here, and principals of the trust policy need not exist.
func (a *Account) NewRole(spec RoleSpec) (Role, error) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r, err := a.addRole(spec, lag{})
	if err != nil {
		return Role{}, err
	}
	return r.snapshot(), nil
}

// addRole is the one way a role comes to be. The caller holds the lock.
func (a *Account) addRole(spec RoleSpec, delay lag) (*role, error) {
	spec.Path = orSlash(spec.Path)
	spec.MaxSession = cmp.Or(spec.MaxSession, time.Hour)
	if err := checkName("roleName", spec.Name); err != nil {
		return nil, err
	}
	if err := checkPath(spec.Path); err != nil {
		return nil, err
	}
	if spec.MaxSession < time.Hour || spec.MaxSession > 12*time.Hour {
		return nil, errOf("ValidationError", "1 validation error detected: the MaxSessionDuration must be between 3600 and "+
			"43200 seconds")
	}
	if _, taken := a.roles[strings.ToLower(spec.Name)]; taken {
		return nil, errf("EntityAlreadyExists", "Role with name %s already exists.", spec.Name)
	}
	trust, err := a.parseTrust(spec.Trust)
	if err != nil {
		return nil, err
	}
	holder, err := a.newIdentity(spec.Policies, spec.Managed, inlineQuota, "role "+spec.Name)
	if err != nil {
		return nil, err
	}
	if spec.Created.IsZero() {
		spec.Created = a.server.now()
	}
	r := &role{
		account: a, name: spec.Name, path: spec.Path, id: randomID("AROA", 17), description: spec.Description,
		created: spec.Created.UTC().Truncate(time.Second), maxSession: spec.MaxSession, tags: maps.Clone(spec.Tags),
		lastUsed: spec.LastUsed.UTC(), lastRegion: spec.LastUsedRegion, profiles: slices.Clone(spec.InstanceProfiles),
		identity: holder, trust: trust,
	}
	if r.tags == nil {
		r.tags = map[string]string{}
	}
	r.written(delay, false)
	a.roles[strings.ToLower(spec.Name)] = r
	return r, nil
}

// Role returns the role with that name; ok is false if there is none.
func (a *Account) Role(name string) (r Role, ok bool) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if r := a.role(name); r != nil {
		return r.snapshot(), true
	}
	return Role{}, false
}

// role finds a role. Names are unique whatever their case, but a look-up must give the case as it
// is.
func (a *Account) role(name string) *role {
	if r, ok := a.roles[strings.ToLower(name)]; ok && r.name == name {
		return r
	}
	return nil
}

// RolePolicy returns an inline policy of a role as it was written; ok is false if there is none.
func (a *Account) RolePolicy(role, name string) (document string, ok bool) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r := a.role(role)
	if r == nil {
		return "", false
	}
	d, ok := r.inline[name]
	return d.text, ok
}

// PutRolePolicy writes an inline policy as somebody with every permission would; no call and no
// event is recorded.
func (a *Account) PutRolePolicy(role, name, document string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.putRolePolicy(role, name, document)
}

// DeleteRolePolicy removes an inline policy likewise.
func (a *Account) DeleteRolePolicy(role, name string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.deleteRolePolicy(role, name)
}

// UseRole notes that a session of a role made a call in a region, as a call to the stand-in does.
func (a *Account) UseRole(role, region string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r := a.role(role)
	if r == nil {
		return noSuchRole(role)
	}
	r.use(region)
	return nil
}

// SetTrust replaces a role's trust policy likewise.
func (a *Account) SetTrust(role, document string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.setTrust(role, document)
}

// DeleteRole removes a role with all that is on it; its sessions end after the propagation delay. A
// role of the same name that is added afterwards is another role.
func (a *Account) DeleteRole(name string) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r := a.role(name)
	if r == nil {
		return noSuchRole(name)
	}
	a.removeRole(r)
	return nil
}

// RecreateRole deletes a role and makes it again from what it was, as a deployment tool does that
// replaces it. The new one has another unique id; sessions of the old one end.
func (a *Account) RecreateRole(name string) (Role, error) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	r := a.role(name)
	if r == nil {
		return Role{}, noSuchRole(name)
	}
	a.removeRole(r)
	again := *r
	again.id, again.created = randomID("AROA", 17), a.server.now().Truncate(time.Second)
	again.lastUsed, again.lastRegion, again.versions = time.Time{}, "", nil
	again.written(lag{}, false)
	a.roles[strings.ToLower(name)] = &again
	return again.snapshot(), nil
}

func (a *Account) removeRole(r *role) {
	delete(a.roles, strings.ToLower(r.name))
	r.written(a.server.lag, true)
}
