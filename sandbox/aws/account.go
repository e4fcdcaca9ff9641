package aws

import (
	"cmp"
	"slices"
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
	groups  map[string]*group
	roles   map[string]*role // by name in lower case
	trails  map[string][]*event
	holds   map[string][]hold
	feeds   map[string]Trail    // trails by name
	regions []string            // that are enabled; of another partition than aws all are
	managed map[string]document // managed policies that can be attached, by ARN
	scp     *Policy             // the service control policy, nil if there is none
}

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
		groups: map[string]*group{}, feeds: map[string]Trail{},
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
