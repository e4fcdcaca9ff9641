package aws

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Account is one AWS account of the stand-in. Its methods may be called at any time, from any
// goroutine.
type Account struct {
	server    *Server
	id        string
	partition string

	// Guarded by server.mu.
	aliases []string
	users   map[string]*user // by name in lower case
	roles   map[string]*role // by name in lower case
	trails  map[string][]*event
	holds   map[string][]hold
	regions []string            // that are enabled; of another partition than aws all are
	managed map[string]document // managed policies that can be attached, by ARN
	scp     *Policy             // the service control policy, nil if there is none
}

type user struct {
	account        *Account
	name, path, id string
	created        time.Time
	policies       map[string]*Policy
	keys           []*credential
}

func (u *user) arn() string { return u.account.arn("iam", "user"+u.path+u.name) }

// AddAccount adds an account, or returns the one that is there. An empty partition means "aws".
func (s *Server) AddAccount(id, partition string) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.accounts[id]; ok {
		return a
	}
	a := &Account{
		server: s, id: id, partition: cmp.Or(partition, "aws"),
		users: map[string]*user{}, roles: map[string]*role{}, trails: map[string][]*event{},
		holds: map[string][]hold{}, regions: slices.Clone(everyAccounts),
	}
	p, err := ParsePolicy(denyAllDocument)
	if err != nil {
		panic("sandbox/aws: AWSDenyAll: " + err.Error())
	}
	a.managed = map[string]document{a.DenyAllARN(): {denyAllDocument, p}}
	s.accounts[id] = a
	return a
}

// ID is the account's twelve digits.
func (a *Account) ID() string { return a.id }

// Partition is the account's partition, such as "aws" or "aws-cn".
func (a *Account) Partition() string { return a.partition }

// HomeRegion is the region that keeps the account's IAM events.
func (a *Account) HomeRegion() string { return homeRegion(a.partition) }

// SetAlias sets the account's alias, which ListAccountAliases gives.
func (a *Account) SetAlias(alias string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.aliases = []string{alias}
}

// UserSpec describes an IAM user.
type UserSpec struct {
	Name     string
	Path     string            // empty: "/"
	Policies map[string]string // inline policies, name to JSON document; enforced at once
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
	policies, err := parseAll(spec.Policies)
	if err != nil {
		return AccessKey{}, err
	}
	s := a.server
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := a.users[strings.ToLower(spec.Name)]
	if !ok {
		u = a.addUser(spec.Name, spec.Path)
	}
	maps.Copy(u.policies, policies)
	key := s.newUserKey(u)
	u.keys = append(u.keys, key)
	return key.accessKey(), nil
}

// addUser is the one way a user comes to be. The caller holds the lock.
func (a *Account) addUser(name, path string) *user {
	u := &user{
		account: a, name: name, path: path, id: randomID("AIDA", 17),
		created: a.server.now().Truncate(time.Second), policies: map[string]*Policy{},
	}
	a.users[strings.ToLower(name)] = u
	return u
}

func parseAll(documents map[string]string) (map[string]*Policy, error) {
	parsed := map[string]*Policy{}
	for name, text := range documents {
		if err := checkPolicyName(name); err != nil {
			return nil, err
		}
		p, err := ParsePolicy(text)
		if err != nil {
			return nil, errOf("MalformedPolicyDocument", err.Error())
		}
		parsed[name] = p
	}
	return parsed, nil
}
