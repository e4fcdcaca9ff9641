package aws

import (
	"maps"
	"slices"
	"strings"
	"time"
)

type user struct {
	account        *Account
	name, path, id string
	created        time.Time
	password       time.Time // when it was set, zero if there is none
	groups         []*group
	keys           []*credential
	off            map[string]bool // keys that are inactive or deleted
	identity
}

type group struct {
	account        *Account
	name, path, id string
	created        time.Time
	identity
}

func (u *user) arn() string  { return u.account.arn("iam", "user"+u.path+u.name) }
func (g *group) arn() string { return g.account.arn("iam", "group"+g.path+g.name) }

// written notes the user's present state as a version that is enforced after the lag.
func (u *user) written(l lag, gone bool) {
	u.write(version{lag: l, off: maps.Clone(u.off), gone: gone})
}

// UserSpec describes an IAM user. Its policies and groups are enforced at once.
type UserSpec struct {
	Name     string
	Path     string            // empty: "/"
	Policies map[string]string // inline policies, name to JSON document
	Managed  map[string]string // attached managed policies, as of a RoleSpec
	Groups   []string          // names of groups that the account has
	Password bool              // for the console
}

// GroupSpec describes an IAM group. Its policies are enforced at once and never change.
type GroupSpec struct {
	Name     string
	Path     string // empty: "/"
	Policies map[string]string
	Managed  map[string]string
}

// User is a user as the control plane has it.
type User struct {
	Name, Path, ARN string
	UniqueID        string // AIDA…; another one after the user was deleted and made again
	Policies        map[string]string
	Keys            map[string]string // Active or Inactive, by access key id
}

// groupQuota is the same as inlineQuota of a group.
const groupQuota = 5_120

// AddGroup adds a group. It panics on a specification that AWS would refuse, because that is a
// mistake in the fixture.
func (a *Account) AddGroup(spec GroupSpec) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	g := &group{account: a, name: spec.Name, path: orSlash(spec.Path), id: randomID("AGPA", 17)}
	var err error
	if g.identity, err = a.newIdentity(spec.Policies, spec.Managed, groupQuota, "group "+spec.Name); err != nil {
		panic("sandbox/aws: AddGroup " + spec.Name + ": " + err.Error())
	}
	g.created = a.server.now().Truncate(time.Second)
	g.write(version{})
	a.groups[spec.Name] = g
}

// AddUser adds a user with a long-term access key, and gives another key to a user that is there
// already (its policies are then added to). It panics on a specification that AWS would refuse,
// because that is a mistake in the fixture; NewUser returns the error instead.
func (a *Account) AddUser(spec UserSpec) AccessKey {
	key, err := a.NewUser(spec)
	if err != nil {
		panic("sandbox/aws: AddUser " + spec.Name + ": " + err.Error())
	}
	return key
}

// NewUser is AddUser with an error, whose text begins with the code that IAM would answer.
func (a *Account) NewUser(spec UserSpec) (AccessKey, error) {
	spec.Path = orSlash(spec.Path)
	if err := checkName("userName", spec.Name); err != nil {
		return AccessKey{}, err
	}
	if err := checkPath(spec.Path); err != nil {
		return AccessKey{}, err
	}
	s := a.server
	s.mu.Lock()
	defer s.mu.Unlock()
	added, err := a.newIdentity(spec.Policies, spec.Managed, userQuota, "user "+spec.Name)
	if err != nil {
		return AccessKey{}, err
	}
	u, ok := a.users[strings.ToLower(spec.Name)]
	if !ok {
		u = a.addUser(spec.Name, spec.Path)
	}
	maps.Copy(u.inline, added.inline)
	maps.Copy(u.attached, added.attached)
	for _, name := range spec.Groups {
		g := a.groups[name]
		if g == nil {
			return AccessKey{}, errf("NoSuchEntity", "The group with name %s cannot be found.", name)
		}
		u.groups = append(u.groups, g)
	}
	if spec.Password {
		u.password = u.created
	}
	u.written(lag{}, false)
	key, err := u.newKey()
	if err != nil {
		return AccessKey{}, err
	}
	return key.accessKey(), nil
}

// addUser is the one way a user comes to be. The caller holds the lock, as for the functions below.
func (a *Account) addUser(name, path string) *user {
	u := &user{
		account: a, name: name, path: path, id: randomID("AIDA", 17), created: a.server.now().Truncate(time.Second),
		off:      map[string]bool{},
		identity: identity{server: a.server, inline: map[string]document{}, attached: map[string]*Policy{}},
	}
	u.written(lag{}, false)
	a.users[strings.ToLower(name)] = u
	return u
}

func (a *Account) user(name string) *user {
	if u, ok := a.users[strings.ToLower(name)]; ok && u.name == name {
		return u
	}
	return nil
}

// keysPerUser is the quota of access keys (IAM User Guide, "IAM and AWS STS quotas").
const keysPerUser = 2

func (u *user) newKey() (*credential, error) {
	if len(u.keys) >= keysPerUser {
		return nil, errf("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: %d", keysPerUser)
	}
	c := u.account.server.newUserKey(u)
	u.keys = append(u.keys, c)
	return c, nil
}

// key finds a key of the user.
func (u *user) key(id string) (*credential, error) {
	i := slices.IndexFunc(u.keys, func(c *credential) bool { return c.id == id })
	if i < 0 {
		return nil, errf("NoSuchEntity", "The Access Key with id %s cannot be found.", id)
	}
	return u.keys[i], nil
}

// setStatus makes a key active or inactive: reads see it at once, authentication after the
// propagation delay.
func (u *user) setStatus(id, status string) error {
	c, err := u.key(id)
	if err != nil {
		return err
	}
	c.inactive = status == "Inactive"
	delete(u.off, id)
	if c.inactive {
		u.off[id] = true
	}
	u.written(u.account.server.lag, false)
	return nil
}

func (u *user) deleteKey(id string) error {
	if _, err := u.key(id); err != nil {
		return err
	}
	u.keys = slices.DeleteFunc(u.keys, func(c *credential) bool { return c.id == id })
	u.off[id] = true
	u.written(u.account.server.lag, false)
	return nil
}

func (c *credential) status() string {
	if c.inactive {
		return "Inactive"
	}
	return "Active"
}

func (u *user) putPolicy(name, text string) error {
	if err := u.put(name, text, userQuota, "user "+u.name); err != nil {
		return err
	}
	u.written(u.account.server.lag, false)
	return nil
}

func (u *user) deletePolicy(name string) error {
	if _, ok := u.inline[name]; !ok {
		return noSuchUserPolicy(name)
	}
	delete(u.inline, name)
	u.written(u.account.server.lag, false)
	return nil
}

func noSuchUserPolicy(name string) error {
	return errf("NoSuchEntity", "The user policy with name %s cannot be found.", name)
}

func noSuchUser(name string) error {
	return errf("NoSuchEntity", "The user with name %s cannot be found.", name)
}

// User returns the user with that name; ok is false if there is none.
func (a *Account) User(name string) (u User, ok bool) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	found := a.user(name)
	if found == nil {
		return User{}, false
	}
	u = User{found.name, found.path, found.arn(), found.id, map[string]string{}, map[string]string{}}
	for policy, d := range found.inline {
		u.Policies[policy] = d.text
	}
	for _, c := range found.keys {
		u.Keys[c.id] = c.status()
	}
	return u, true
}

// onUser changes a user as an administrator would; no call and no event is
// recorded.
func (a *Account) onUser(name string, do func(*user) error) error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	u := a.user(name)
	if u == nil {
		return noSuchUser(name)
	}
	return do(u)
}

// PutUserPolicy writes an inline policy as an administrator would; no call and no
// event is recorded.
func (a *Account) PutUserPolicy(name, policy, text string) error {
	return a.onUser(name, func(u *user) error { return u.putPolicy(policy, text) })
}

// DeleteUserPolicy removes an inline policy likewise.
func (a *Account) DeleteUserPolicy(name, policy string) error {
	return a.onUser(name, func(u *user) error { return u.deletePolicy(policy) })
}

// SetKeyStatus makes an access key Active or Inactive likewise.
func (a *Account) SetKeyStatus(name, id, status string) error {
	return a.onUser(name, func(u *user) error { return u.setStatus(id, status) })
}

// DeleteAccessKey deletes an access key likewise.
func (a *Account) DeleteAccessKey(name, id string) error {
	return a.onUser(name, func(u *user) error { return u.deleteKey(id) })
}

// DeleteUser removes a user with all that is on it; its keys and sessions end after the propagation
// delay. A user of the same name that is added afterwards is another user.
func (a *Account) DeleteUser(name string) error {
	return a.onUser(name, func(u *user) error {
		delete(a.users, strings.ToLower(name))
		u.keys = nil
		u.written(a.server.lag, true)
		return nil
	})
}

// MoveUser gives a user another path. The unique id stays, the ARN does not.
func (a *Account) MoveUser(name, path string) error {
	return a.onUser(name, func(u *user) error { u.path = path; return nil })
}

// RenameUser gives a user another name. The unique id stays, the ARN does not.
func (a *Account) RenameUser(name, to string) error {
	return a.onUser(name, func(u *user) error {
		delete(a.users, strings.ToLower(name))
		u.name = to
		a.users[strings.ToLower(to)] = u
		return nil
	})
}
