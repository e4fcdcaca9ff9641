package aws

import (
	"maps"
	"time"
)

// AccessKey is what a client signs with: a user's long-term key, or the temporary credentials of a
// session.
type AccessKey struct {
	AccessKeyID     string // AKIA… of a user, ASIA… of a session
	SecretAccessKey string
	// SessionToken, Expires and IssuedAt are set for sessions, RoleARN and SessionARN for those of a
	// role. Times are AWS's.
	SessionToken string
	Expires      time.Time
	IssuedAt     time.Time
	RoleARN      string
	SessionARN   string
}

// credential is a key that the server knows, with whom it speaks for: a user, a session of a user,
// or a session of a role.
type credential struct {
	id, secret, token string
	user              *user    // nil for a session of a role
	session           *session // nil for a long-term key
	created           time.Time

	// Of a long-term key.
	inactive                bool
	lastUsed                time.Time
	lastRegion, lastService string
}

// session is one issue of temporary credentials.
type session struct {
	role           *role     // nil for a session of a user
	name           string    // of a federated user, too; empty for GetSessionToken
	issued         time.Time // aws:TokenIssueTime: AWS's clock, whole seconds
	expires        time.Time
	sourceIdentity string
	tags           map[string]string
	transitive     []string
	policy         *Policy // the session policy, nil if there is none
	service        string  // the AWS service that holds the session, empty for everybody else
}

func (s *session) arn() string {
	return s.role.account.arn("sts", "assumed-role/"+s.role.name+"/"+s.name)
}

func (s *session) userID() string { return s.role.id + ":" + s.name }

// role is the role whose session it is, nil for a user's.
func (c *credential) role() *role {
	if c.session != nil {
		return c.session.role
	}
	return nil
}

// federated tells a session that GetFederationToken gave.
func (c *credential) federated() bool {
	return c.user != nil && c.session != nil && c.session.name != ""
}

// limited tells a session that may do only what a session policy allows.
func (c *credential) limited() bool {
	return c.federated() || c.session != nil && c.session.policy != nil
}

func (c *credential) account() *Account {
	if r := c.role(); r != nil {
		return r.account
	}
	return c.user.account
}

// holder is the role or user whose policies count.
func (c *credential) holder() *identity {
	if r := c.role(); r != nil {
		return &r.identity
	}
	return &c.user.identity
}

// holders adds the groups of a user.
func (c *credential) holders() []*identity {
	list := []*identity{c.holder()}
	if c.user != nil {
		for _, g := range c.user.groups {
			list = append(list, &g.identity)
		}
	}
	return list
}

// callerARN is the ARN that GetCallerIdentity and error messages show.
func (c *credential) callerARN() string {
	switch {
	case c.role() != nil:
		return c.session.arn()
	case c.federated():
		return c.account().arn("sts", "federated-user/"+c.session.name)
	default:
		return c.user.arn()
	}
}

// principalARN is the value of aws:PrincipalArn: for a role's session, the role's ARN.
func (c *credential) principalARN() string {
	if r := c.role(); r != nil {
		return r.arn()
	}
	return c.callerARN()
}

// userID is the value of aws:userid.
func (c *credential) userID() string {
	switch {
	case c.role() != nil:
		return c.session.userID()
	case c.federated():
		return c.account().id + ":" + c.session.name
	default:
		return c.user.id
	}
}

// principalID is the unique id that a trust policy is bound to.
func (c *credential) principalID() string {
	if r := c.role(); r != nil {
		return r.id
	}
	return c.user.id
}

func (c *credential) accessKey() AccessKey {
	k := AccessKey{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.token}
	if s := c.session; s != nil {
		k.Expires, k.IssuedAt = s.expires, s.issued
		if s.role != nil {
			k.RoleARN, k.SessionARN = s.role.arn(), s.arn()
		}
	}
	return k
}

// newUserKey makes a long-term key. The caller holds the lock.
func (s *Server) newUserKey(u *user) *credential {
	c := &credential{id: randomID("AKIA", 16), secret: randomSecret(), user: u, created: s.now().Truncate(time.Second)}
	s.keys[c.id] = c
	return c
}

// newSession issues credentials for a role or a user; the caller holds the lock and fills in what
// the session is not given here.
func (s *Server) newSession(r *role, u *user, name string, lifetime time.Duration) *credential {
	issued := s.now().Truncate(time.Second)
	c := &credential{
		id: randomID("ASIA", 16), secret: randomSecret(), token: randomToken(), created: issued, user: u,
		session: &session{role: r, name: name, issued: issued, expires: issued.Add(lifetime)},
	}
	s.keys[c.id] = c
	if len(s.keys) > s.pruneAt {
		// Credentials that ended a day ago are as good as unknown; a long soak would pile them up.
		dead := s.now().Add(-24 * time.Hour)
		maps.DeleteFunc(s.keys, func(_ string, c *credential) bool {
			return c.session != nil && c.session.expires.Before(dead)
		})
		s.pruneAt = 2*len(s.keys) + 1000
	}
	return c
}
