package contain

import (
	"strings"
	"time"
	"unicode"
)

// Kind says what a slot is. The zero value is unknown and has no facts.
type Kind string

// The kinds.
const (
	RoleInline   Kind = "role_inline"   // inline policy of a role, by its name
	RoleAttached Kind = "role_attached" // managed policy of a role, by its ARN: names are not unique
	RoleTrust    Kind = "role_trust"    // trust policy of a role, without a name
	UserInline   Kind = "user_inline"   // inline policy of a user, by its name
	KeyStatus    Kind = "key_status"    // status of a user's access key, by the key's id
)

// Facts are what follows from a kind.
type Facts struct {
	Principal PrincipalKind // what the slot is on

	// IAM actions. Remove is "" if a document of the kind is never removed.
	Read, Put, Remove string

	// Events are CloudTrail's names of the calls by which others change a document.
	Events []string

	// Quota is the largest Kind.Size that fits, by default; 0 means that there is no limit. If it is
	// Shared, all documents of the kind on one principal have to fit together (IAM User Guide, "IAM
	// and AWS STS quotas").
	Quota  int
	Shared bool
}

// Facts returns the facts of the kind.
func (k Kind) Facts() Facts {
	switch k {
	case RoleInline:
		return Facts{
			Principal: Role, Read: "iam:GetRolePolicy", Put: "iam:PutRolePolicy", Remove: "iam:DeleteRolePolicy",
			Events: []string{"PutRolePolicy", "DeleteRolePolicy"}, Quota: 10_240, Shared: true,
		}
	case RoleAttached:
		return Facts{
			Principal: Role, Read: "iam:ListAttachedRolePolicies", Put: "iam:AttachRolePolicy", Remove: "iam:DetachRolePolicy",
			Events: []string{"AttachRolePolicy", "DetachRolePolicy"}, Quota: 20, Shared: true,
		}
	case RoleTrust:
		return Facts{
			Principal: Role, Read: "iam:GetRole", Put: "iam:UpdateAssumeRolePolicy",
			Events: []string{"UpdateAssumeRolePolicy"}, Quota: 2_048,
		}
	case UserInline:
		return Facts{
			Principal: User, Read: "iam:GetUserPolicy", Put: "iam:PutUserPolicy", Remove: "iam:DeleteUserPolicy",
			Events: []string{"PutUserPolicy", "DeleteUserPolicy"}, Quota: 2_048, Shared: true,
		}
	case KeyStatus:
		return Facts{
			Principal: User, Read: "iam:ListAccessKeys", Put: "iam:UpdateAccessKey",
			Events: []string{"UpdateAccessKey", "DeleteAccessKey"},
		}
	default:
		return Facts{}
	}
}

// Inline reports whether the kind is an inline policy, in which the bot writes Deny only.
func (k Kind) Inline() bool { return k == RoleInline || k == UserInline }

// Size counts a text as the kind's quota does: the characters of an inline policy without white
// space, all characters of a trust policy, one for an attached policy.
func (k Kind) Size(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case k == RoleAttached:
			return 1
		case k == RoleTrust || !unicode.IsSpace(r):
			n++
		}
	}
	return n
}

// Slot is a place for one document on a principal.
type Slot struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"`
}

// Label returns the slot's name as people and the policy simulator use it: of an ARN the last
// segment.
func (s Slot) Label() string {
	if s.Kind == RoleTrust {
		return "The trust policy"
	}
	return s.Name[strings.LastIndexByte(s.Name, '/')+1:]
}

// PrincipalKind says what can be contained. The zero value is unknown.
type PrincipalKind string

// The kinds of principals.
const (
	Role PrincipalKind = "role"
	User PrincipalKind = "user"
)

// longest returns how long a session of such a principal can live: twelve hours for a role,
// whatever its maximum says now, because it can have been lowered and AWS services do not keep to
// it; 36 hours for a user (STS API Reference, "GetSessionToken" and "GetFederationToken") and for
// what is unknown.
func (k PrincipalKind) longest() time.Duration {
	if k == Role {
		return 12 * time.Hour
	}
	return 36 * time.Hour
}

// Principal is a role or a user. Its texts are foreign.
type Principal struct {
	Kind           PrincipalKind
	AccountName    string // as the configuration has it
	AccountID      string
	Partition      string // such as aws
	Path           string // begins and ends with a slash
	Name           string
	ARN            string        // with the path
	ID             string        // the unique id: AROA… or AIDA…
	LongestSession time.Duration // the longest that is known to exist or to be possible; 0 unknown
}

// title names the principal for people.
func (p Principal) title() string { return p.AccountName + "/" + p.Name }
