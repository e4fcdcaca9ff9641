package aws

import (
	"maps"
	"time"
)

// AccessKey is what a client signs with: a user's long-term key, or the temporary credentials of a
// role session.
type AccessKey struct {
	AccessKeyID     string // AKIA… of a user, ASIA… of a session
	SecretAccessKey string
	// SessionToken, Expires, IssuedAt, RoleARN and SessionARN are set for role sessions only. Times
	// are AWS's.
	SessionToken string
	Expires      time.Time
	IssuedAt     time.Time
	RoleARN      string
	SessionARN   string
}

// credential is a key that the server knows, with whom it speaks for: either a user or a session.
type credential struct {
	id, secret, token string
	user              *user
	session           *session
	created           time.Time
}

// session is one issue of temporary credentials for a role.
type session struct {
	role           *role
	name           string
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

func (c *credential) account() *Account {
	if c.session != nil {
		return c.session.role.account
	}
	return c.user.account
}

// callerARN is the ARN that GetCallerIdentity and error messages show.
func (c *credential) callerARN() string {
	if c.session != nil {
		return c.session.arn()
	}
	return c.user.arn()
}

// principalARN is the value of aws:PrincipalArn: for a session, the role's ARN.
func (c *credential) principalARN() string {
	if c.session != nil {
		return c.session.role.arn()
	}
	return c.user.arn()
}

// userID is the value of aws:userid.
func (c *credential) userID() string {
	if c.session != nil {
		return c.session.userID()
	}
	return c.user.id
}

// principalID is the unique id that a trust policy is bound to.
func (c *credential) principalID() string {
	if c.session != nil {
		return c.session.role.id
	}
	return c.user.id
}

func (c *credential) accessKey() AccessKey {
	k := AccessKey{AccessKeyID: c.id, SecretAccessKey: c.secret, SessionToken: c.token}
	if s := c.session; s != nil {
		k.Expires, k.IssuedAt, k.RoleARN, k.SessionARN = s.expires, s.issued, s.role.arn(), s.arn()
	}
	return k
}

// newUserKey makes a long-term key. The caller holds the lock.
func (s *Server) newUserKey(u *user) *credential {
	c := &credential{id: randomID("AKIA", 16), secret: randomSecret(), user: u, created: s.now().Truncate(time.Second)}
	s.keys[c.id] = c
	return c
}

// newSession issues credentials for a role; the caller holds the lock and fills in what the session
// is not given here.
func (s *Server) newSession(r *role, name string, lifetime time.Duration) *credential {
	issued := s.now().Truncate(time.Second)
	c := &credential{
		id: randomID("ASIA", 16), secret: randomSecret(), token: randomToken(), created: issued,
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
