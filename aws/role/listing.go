package role

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

const (
	// rolesPage is the most that one iam:ListRoles gives (IAM API reference, "ListRoles").
	rolesPage = 1000
	// mostRoles bounds what is kept of one account, far above what its quotas allow; what is beyond
	// can still be typed.
	mostRoles = 20_000
	// listFresh is how old a list may be before a reader has it read again.
	listFresh = 3 * time.Minute
	// listAgain is how long a list that could not be read is not asked for again.
	listAgain = 20 * time.Second
	// listWithin bounds reading the whole list of an account.
	listWithin = time.Minute
)

// ListedRole is a role that can be asked for, as a list shows it. Both are foreign text.
type ListedRole struct {
	Name string
	Path string // with both slashes

	folded string
}

// RoleList is what is known of the roles of an account: those that revokebot would not refuse by
// their name, path or ARN. It lies in memory and is as old as it says; a person who asks for a role
// has it looked up all the same.
type RoleList struct {
	Roles  []ListedRole // by name, without regard to case; not to be changed
	Loaded bool         // it was read at least once
	Stale  bool         // it should be read (again) now, with LoadRoles
	Err    error        // why the last try to read it failed, a *CallError; nil when it did not
}

// roleList is the list of an account as it is kept.
type roleList struct {
	mu      sync.Mutex
	roles   []ListedRole
	loaded  time.Time // zero: never
	tried   time.Time
	loading chan struct{} // closed when the read that is under way ends; nil while there is none
	err     error
}

// Roles returns the list of an account's roles from memory, at once: it makes no call.
func (c *Client) Roles(accountName string) RoleList {
	l := c.lists[accountName]
	if l == nil {
		_, err := c.cloud.Conn(accountName)
		return RoleList{Err: err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return RoleList{Roles: l.roles, Loaded: !l.loaded.IsZero(), Err: l.err, Stale: l.stale()}
}

// stale reports whether the list should be read now, and no goroutine is reading it.
func (l *roleList) stale() bool {
	return l.loading == nil && time.Since(l.loaded) > listFresh && (l.err == nil || time.Since(l.tried) > listAgain)
}

// LoadRoles reads the list of an account's roles, page by page, unless it is fresh. It waits for a
// read that is under way. What was known before stays until all of it is there.
func (c *Client) LoadRoles(ctx context.Context, accountName string) error {
	a, err := c.cloud.Conn(accountName)
	if err != nil {
		return err
	}
	l := c.lists[accountName]
	l.mu.Lock()
	begin, reading := l.stale(), l.loading
	if begin {
		l.loading = make(chan struct{})
		defer close(l.loading)
	}
	l.mu.Unlock()
	if !begin {
		if reading != nil {
			select {
			case <-reading:
			case <-ctx.Done():
			}
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	roles, err := c.listRoles(ctx, a)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loading, l.tried, l.err = nil, time.Now(), err
	switch {
	case err == nil:
		l.roles, l.loaded = roles, l.tried
	case errors.Is(err, aws.ErrAccessDenied):
		l.roles, l.loaded = nil, time.Time{} // what may not be read any more is not shown any more
	}
	return err
}

// listRoles asks IAM for all roles and leaves out those that would be refused.
func (c *Client) listRoles(ctx context.Context, a *aws.Conn) ([]ListedRole, error) {
	hubARN, err := c.cloud.Hub(ctx) // without it the bot's own role could be taken for any other
	if err != nil {
		return nil, err
	}
	var roles []ListedRole
	err = eachRole(ctx, a, func(in types.Role) bool {
		role := Role{Principal: Named(a.Account, in)}
		if aws.IsRoleName(role.Name) && c.Refuse(hubARN, role) == nil {
			roles = append(roles, ListedRole{Name: role.Name, Path: role.Path, folded: strings.ToLower(role.Name)})
		}
		return len(roles) < mostRoles
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(roles, func(a, b ListedRole) int { return cmp.Compare(a.folded, b.folded) })
	return roles, nil
}

// eachRole asks IAM for all roles of an account, page by page, while more are wanted.
func eachRole(ctx context.Context, a *aws.Conn, more func(types.Role) bool) error {
	in := &iam.ListRolesInput{MaxItems: awssdk.Int32(rolesPage)}
	return pages(a, "iam:ListRoles", func() (bool, error) {
		page, _, err := aws.IAM(ctx, a, aws.Credential{}, (*iam.Client).ListRoles, in)
		if err != nil {
			return false, err
		}
		for _, role := range page.Roles {
			if !more(role) {
				return false, nil
			}
		}
		in.Marker = page.Marker
		return page.IsTruncated, nil
	})
}

// otherwise is the role that was meant by a name that no role has: the name without the full stop
// or comma behind it, or the role whose unique id the name is. ok is false if it is no such name.
// Others can give a role a name that is typed for another one: of two that can be meant, none is.
func (c *Client) otherwise(ctx context.Context, t aws.Target, err error) (_ aws.Target, ok bool, _ error) {
	name := strings.TrimRight(t.RoleName, ".,")
	a, unknown := c.cloud.Conn(t.Account.Name)
	there := !errors.Is(err, aws.ErrNoSuchRole)
	arn, last := strings.CutSuffix(t.GivenARN, t.RoleName) // in a session's ARN more follows
	exact := t.GivenARN != "" || !aws.IsRoleID(name)
	if name != t.RoleName {
		exact = t.GivenARN != "" && !last
	}
	switch {
	case there && exact || t.Exact || unknown != nil || name == "" || t.Kind == contain.User:
		return t, false, err
	case there && name != t.RoleName:
		trimmed := meant(aws.Target{Account: t.Account, RoleName: name}, nil, nil)
		if _, other := c.look(ctx, trimmed, false, nil); !errors.Is(other, aws.ErrNoSuchRole) {
			return t, false, cmp.Or(other, ambiguous(t, name))
		}
		return t, false, err
	case name != t.RoleName:
		if last {
			t.GivenARN = arn + name
		}
		t.RoleName = name
		return t, true, nil
	case !aws.IsRoleID(name):
		return t, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	other := t
	failed := eachRole(ctx, a, func(in types.Role) bool {
		if awssdk.ToString(in.RoleId) == name {
			other.RoleName = awssdk.ToString(in.RoleName)
		}
		return other.RoleName == name
	})
	switch found := other.RoleName != name; {
	case there && (found || failed != nil):
		return t, false, cmp.Or(failed, ambiguous(t, other.RoleName))
	default: // what cannot be listed is not found
		return other, found, err
	}
}

// ambiguous is the answer to a name by which two roles can be meant.
func ambiguous(t aws.Target, other string) error {
	return aws.Refuse("In %s, %s can mean two roles: one has that name, the other is %s. Give the ARN of a session "+
		"of the one that you mean.", t.Account.Name, aws.Quote(t.RoleName), aws.Quote(other))
}

// Find returns up to n roles whose name holds text, without regard to case: those whose name
// begins with it first.
func (l RoleList) Find(text string, n int) []ListedRole {
	text = strings.ToLower(text)
	var first, rest []ListedRole
	for _, r := range l.Roles {
		switch {
		case strings.HasPrefix(r.folded, text):
			first = append(first, r)
		case len(rest) < n && strings.Contains(r.folded, text):
			rest = append(rest, r)
		}
		if len(first) == n {
			break
		}
	}
	return append(first, rest[:min(len(rest), n-len(first))]...)
}

// Holds reports whether a role of that name is on the list, without regard to case.
func (l RoleList) Holds(name string) bool {
	_, found := slices.BinarySearchFunc(l.Roles, strings.ToLower(name), func(r ListedRole, name string) int {
		return cmp.Compare(r.folded, name)
	})
	return found
}

// Near returns up to n roles that may be meant by a name that no role has, the nearest first:
// those that differ from it by a few letters, without regard to case, else those that hold it.
func (l RoleList) Near(name string, n int) (near []ListedRole) {
	name = strings.ToLower(name)
	most := min(max(1, len(name)/4), 3)
	for d := range most + 1 {
		for _, r := range l.Roles {
			if len(near) < n && Edits(r.folded, name, most) == d {
				near = append(near, r)
			}
		}
	}
	if near == nil && len(name) > 2 {
		near = l.Find(name, n)
	}
	return near
}

// Edits is how many letters have to be changed, added or removed to turn a into b (Levenshtein's
// distance); a number above most if it is more than most.
func Edits(a, b string, most int) int {
	if max(len(a)-len(b), len(b)-len(a)) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least > most {
			return least
		}
	}
	return row[len(b)]
}
