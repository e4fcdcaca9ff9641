package aws

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/revokebot/revokebot/aws/contain"
)

// Target is the role or user that a requester means; it has not been looked up yet.
type Target struct {
	Kind     contain.PrincipalKind // "" is a role
	Account  Account
	RoleName string
	Path     string // with both slashes, if an ARN of the role gave it, otherwise ""
	GivenARN string // the ARN as typed, "" when a name was typed
	Exact    bool   // it is AWS's own ARN: a full stop or comma at its end is part of it

	// UserKey is the access key of a user that the measure is to be about; "" if it is not chosen yet.
	UserKey string

	// Of an access key that was typed in place of the role or user; "" without one.
	Key    string // its id
	RoleID string // the unique id of the role whose session it is, as far as CloudTrail tells it
	Told   string // what CloudTrail tells of it, a sentence for people; foreign text in it is quoted
}

const (
	maxRoleName = 64
	// maxReference is longer than the longest ARN of a role: a path of 512 characters and a name of
	// 64.
	maxReference = 700
)

// rolePattern is what IAM takes as a role's name (IAM API reference, "CreateRole"), in ASCII.
var rolePattern = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)

// IsRoleName reports whether IAM takes a text as a role's name.
func IsRoleName(s string) bool { return rolePattern.MatchString(s) }

// roleIDPattern is the form of a role's unique id (IAM User Guide, "IAM identifiers").
var roleIDPattern = regexp.MustCompile(`^AROA[A-Z0-9]{12,124}$`)

// IsRoleID reports whether a text can be the unique id of a role. It can be a name as well.
func IsRoleID(s string) bool { return roleIDPattern.MatchString(s) }

// sessionPattern is what STS takes as a session's name (STS API reference, "AssumeRole").
var sessionPattern = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)

// howToName ends the sentences of this file.
const howToName = "Give a role name, account/name, the ARN of a role, of an assumed-role session or of a user, " +
	"or an access key id (ASIA… or AKIA…)."

// Parse finds out which role or user a requester means: a role by its name, account/name with the
// account's name or id, its ARN, the ARN of an assumed-role session (the role is taken from it), a
// session as CloudTrail names it (AROA…:session) or the address of a role in the IAM console; the
// latter two may have account/ in front. A user is given by the ARN alone. Nothing is looked up.
// Whatever cannot be either is a *RefusedError with a sentence for the person; of a name that says
// no account where there are several, the target has the name.
func (c *Cloud) Parse(text string) (Target, error) {
	text = strings.TrimRight(strings.TrimFunc(text, unicode.IsSpace), ":;!")
	accountName, name, named := strings.Cut(text, "/")
	arn := strings.HasPrefix(text, "arn:")
	if at := strings.Index(text, "https://"); at >= 0 && !arn {
		name, named = text[at:], at > 0
		accountName = strings.TrimSuffix(text[:at], "/")
		if owner, role := inConsole(name); role != "" {
			name, named = role, named || owner != ""
			if accountName == "" {
				accountName = owner
			} else if a, err := c.Conn(accountName); err == nil && owner != "" && a.ID != owner {
				return Target{}, Refuse("That address is of account %s, not of %s.", owner, a.Name)
			}
			text = accountName + "/" + role
		}
	}
	if err := checkText(text, arn); err != nil {
		return Target{}, err
	}
	if arn {
		return c.parseARN(text)
	}
	if !named && !strings.Contains(text, "/") {
		name = text
	}
	if id, session, ok := strings.Cut(name, ":"); ok && IsRoleID(id) && sessionPattern.MatchString(session) {
		name = id
	}
	if strings.Contains(name, "/") {
		return Target{}, Refuse("Only one slash fits into account/name. A role with a path is given by its ARN, " +
			"or by its name without the path.")
	}
	if err := checkRoleName(name); err != nil {
		return Target{}, err
	}
	account := c.fallback
	if named {
		var err error
		if account, err = c.Conn(accountName); err != nil {
			return Target{}, err
		}
	}
	if account == nil {
		return Target{RoleName: name}, Refuse("There is more than one account; say which: %s.", c.examples(name))
	}
	return Target{Account: account.Account, RoleName: name}, nil
}

// Conn returns the way into the configured account that a requester means: by its name, by its name
// in other letters if one alone has it, or by its id, with or without the console's dashes. The
// error is a *RefusedError.
func (c *Cloud) Conn(text string) (*Conn, error) {
	if a := c.byName[text]; a != nil {
		return a, nil
	}
	var found []*Conn
	id := strings.ReplaceAll(text, "-", "")
	for _, a := range c.accounts {
		if a.ID == id || strings.EqualFold(a.Name, text) {
			found = append(found, a)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, Refuse("There is no account %s. Configured are: %s.", Quote(text), c.listed())
}

// consoleHost is the host of the IAM console. With several sessions in one browser it begins with
// the account's id (AWS Management Console, "Signing in to multiple accounts").
var consoleHost = regexp.MustCompile(`^(?:(\d{12})-[a-z0-9]+\.)?(?:[a-z0-9-]+\.)?` +
	`console\.(?:aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com|aws\.eu)$`)

// consoleRole is how the console's address names a role, of old and today.
var consoleRole = regexp.MustCompile(`^/?roles/(?:details/)?([^/?]+)`)

// inConsole reads the address of a role in the IAM console; role is "" for any other. It says the
// account with several sessions only.
func inConsole(address string) (account, role string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	host, page := consoleHost.FindStringSubmatch(u.Hostname()), consoleRole.FindStringSubmatch(u.EscapedFragment())
	if host == nil || page == nil {
		return "", ""
	}
	if role, err = url.PathUnescape(page[1]); err != nil {
		return "", ""
	}
	return host[1], role
}

// checkText refuses what can be in no form of a reference. The path in an ARN may hold any
// printable ASCII (IAM API reference, "CreateRole").
func checkText(text string, arn bool) error {
	if text == "" {
		return Refuse("No role was given. %s", howToName)
	}
	for _, r := range text {
		switch {
		case r < 0x20 || r == 0x7f:
			return Refuse("There is an invisible control character in %s. "+
				"Type the role again instead of pasting it.", Quote(text))
		case r > 0x7f:
			return Refuse("There is a character in %s that no role name has, though it may look like one: %s. "+
				"Type the role again instead of pasting it.", Quote(text), Quote(string(r)))
		case !arn && strings.ContainsRune("<>\"'`\\", r):
			return Refuse("The character %s is in no role name. %s", Quote(string(r)), howToName)
		}
	}
	if len(text) > maxReference {
		return Refuse("That is too long for a role: %s. %s", Quote(text), howToName)
	}
	return nil
}

// checkRoleName refuses what IAM would not take as a role's name. The text is printable ASCII.
func checkRoleName(name string) error {
	switch {
	case name == "":
		return Refuse("The role's name is missing after the slash. %s", howToName)
	case len(name) > maxRoleName:
		return Refuse("%s is too long: a role name has at most %d characters. %s", Quote(name), maxRoleName,
			howToName)
	case !rolePattern.MatchString(name):
		return Refuse("%s cannot be a role name: it may hold letters, digits and +=,.@_- only. %s",
			Quote(name), howToName)
	}
	return nil
}

// parseARN finds the role in an ARN. The text is printable ASCII.
func (c *Cloud) parseARN(text string) (Target, error) {
	broken := Refuse("%s is not a complete ARN. A role's looks like arn:aws:iam::111122223333:role/Deploy.", Quote(text))
	ref, err := ParseARN(text)
	if err != nil {
		return Target{}, broken
	}
	var path, name string
	var kind contain.PrincipalKind
	switch {
	case ref.Service == "iam" && ref.Kind == "role":
		path, name = ref.PathAndName()
	case ref.Service == "iam" && ref.Kind == "user":
		path, name = ref.PathAndName()
		kind = contain.User
	case ref.Service == "sts" && ref.Kind == "assumed-role":
		role, session, _ := strings.Cut(ref.Rest, "/")
		if !sessionPattern.MatchString(session) {
			return Target{}, Refuse("%s is not a complete ARN of a session: it ends with the role's name and the session's "+
				"name. %s", Quote(text), howToName)
		}
		name = role
	case ref.Service == "sts" && ref.Kind == "federated-user":
		return Target{}, Refuse("That is the ARN of a federated session, which does not name the user that opened it. " +
			"Give the session's access key id (ASIA…), or the ARN of the user.")
	case ref.Service == "iam" && ref.Rest == "root":
		return Target{}, refuseRoot("That is the root user of account " + Quote(ref.Account) + ".")
	case ref.Service == "iam" || ref.Service == "sts":
		return Target{}, Refuse("%s is not the ARN of a role. %s", Quote(text), howToName)
	default:
		return Target{}, Refuse("That is an ARN of the service %s; roles belong to iam. %s", Quote(ref.Service),
			howToName)
	}
	if ref.Region != "" || strings.Contains(path, " ") || !accountID.MatchString(ref.Account) {
		return Target{}, broken
	}
	if err := checkRoleName(name); err != nil {
		return Target{}, err
	}
	switch a := c.byID(ref.Account); {
	case a == nil:
		return Target{}, Refuse("Account %s is not configured here. Configured are: %s.", ref.Account, c.listed())
	case a.Partition != ref.Partition:
		return Target{}, Refuse("That ARN is of the partition %s, and account %s (%s) is in %s. Check where the ARN comes "+
			"from.", Quote(ref.Partition), a.Name, a.ID, a.Partition)
	default:
		return Target{Kind: kind, Account: a.Account, RoleName: name, Path: path, GivenARN: text}, nil
	}
}

// examples lists the role in every account: prod/Deploy or dev/Deploy.
func (c *Cloud) examples(role string) string {
	var all []string
	for _, a := range c.accounts {
		all = append(all, a.Name+"/"+role)
	}
	return orList(all)
}

// listed names every account with its id.
func (c *Cloud) listed() string {
	var all []string
	for _, a := range c.accounts {
		all = append(all, fmt.Sprintf("%s (%s)", a.Name, a.ID))
	}
	return strings.Join(Few(all), ", ")
}

// orList writes a, b or c.
func orList(all []string) string {
	all = Few(all)
	if len(all) == 1 {
		return all[0]
	}
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}
