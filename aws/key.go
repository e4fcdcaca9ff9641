package aws

import (
	"context"
	"errors"
	"regexp"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// KeyRef is an access key id that a requester typed; it has not been looked up yet.
type KeyRef struct {
	ID      string // AKIA… of a user, ASIA… of a session
	Account string // as typed, "" if none was
}

// LongTerm reports whether the key is of a user, or of root, and not of a session.
func (k KeyRef) LongTerm() bool { return strings.HasPrefix(k.ID, "AKIA") }

// keyLength is the length of the ids that AWS gives (IAM User Guide, "IAM identifiers").
const keyLength = 20

var (
	keyLike = regexp.MustCompile(`^A[KS]IA[A-Z0-9]*$`)
	keyIDs  = regexp.MustCompile(`A[KS]IA[A-Z0-9]{16}`)
)

// OneKey refuses a text that names several access keys.
func OneKey(text string) error {
	if len(keyIDs.FindAllString(text, 2)) > 1 {
		return Refuse("Give one access key id at a time: each is a request of its own.")
	}
	return nil
}

// ParseKey reads an access key id, or account/id. It reports false for what is no such id and can
// be the name of a role. A role whose name has the very form of an id is given by its ARN. The
// error is a *RefusedError.
func (c *Cloud) ParseKey(text string) (ref KeyRef, ok bool, err error) {
	if err := OneKey(text); err != nil {
		return KeyRef{}, true, err
	}
	account, id, named := strings.Cut(text, "/")
	if !named {
		account, id = "", text
	}
	id = strings.TrimFunc(id, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	switch {
	case !keyLike.MatchString(id), strings.ContainsAny(account, ":/"):
		return KeyRef{}, false, nil
	case len(id) == keyLength:
		return KeyRef{id, strings.TrimSpace(account)}, true, nil
	case named || len(id) < keyLength/2 || !strings.ContainsAny(id, "0123456789"):
		return KeyRef{}, false, nil
	}
	return KeyRef{}, true, Refuse("%s looks like an access key id, but it has %d characters and those have "+
		"%d. Copy the whole id. If it is the name of a role, write account/name.", Quote(id), len(id), keyLength)
}

// KeyAccount finds the configured account that a key is of. The error is a *RefusedError if AWS
// does not know the key or it is of another account, else a *CallError.
func (c *Cloud) KeyAccount(ctx context.Context, ref KeyRef) (*Conn, error) {
	var said *Conn
	if ref.Account != "" {
		var err error
		if said, err = c.Conn(ref.Account); err != nil {
			return nil, err
		}
	}
	out, err := c.keyInfo(ctx, ref.ID)
	switch {
	case errors.Is(err, ErrInvalidRequest), err == nil && !IsAccountID(awssdk.ToString(out.Account)):
		return nil, Refuse("AWS knows no access key %s. Check that it was copied whole, and that it is of the partition %s.",
			Quote(ref.ID), c.accounts[0].Partition)
	case err != nil && said != nil:
		return said, nil // the typed account is better than none
	case errors.Is(err, ErrAccessDenied) && len(c.accounts) == 1:
		return c.accounts[0], nil
	case errors.Is(err, ErrAccessDenied):
		return nil, Refuse("revokebot may not ask AWS which account access key %s is of. Write %s, or allow "+
			"sts:GetAccessKeyInfo in the policy of revokebot's own role.", ref.ID, c.examples(ref.ID))
	case err != nil:
		return nil, err
	}
	switch a := c.byID(*out.Account); {
	case a == nil:
		return nil, Refuse("Access key %s is of account %s, which is not configured here. Configured are: %s.",
			ref.ID, *out.Account, c.listed())
	case said != nil && said != a:
		return nil, Refuse("Access key %[1]s is of account %[2]s, not of %[3]s. Write %[2]s/%[1]s.",
			ref.ID, a.Name, said.Name)
	default:
		return a, nil
	}
}

func (c *Cloud) keyInfo(ctx context.Context, id string) (*sts.GetAccessKeyInfoOutput, error) {
	call := func(ctx context.Context) (*sts.GetAccessKeyInfoOutput, error) {
		return c.accounts[0].sts.GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: awssdk.String(id)})
	}
	out, _, err := remote(ctx, c, "", "sts:GetAccessKeyInfo", call)
	return out, err
}

// AskOwnKey asks AWS which account the bot's own access key is of: whether it may ask that of any
// key. Its errors are *CallError.
func (c *Cloud) AskOwnKey(ctx context.Context) error {
	keys, err := c.cfg.SDK.Credentials.Retrieve(ctx)
	if err != nil {
		return NewCallError("sts:GetAccessKeyInfo", "", err)
	}
	_, err = c.keyInfo(ctx, keys.AccessKeyID)
	return err
}

// ByHand is what a person does without revokebot about a user's leaked key. The key's id and the
// user's name may be unknown.
func ByHand(key, user string) (steps []string) {
	id, who := "AKIA…", "NAME"
	if keyLike.MatchString(key) {
		id = key
	}
	if IsRoleName(user) { // users have the same alphabet
		who = user
	} else {
		steps = []string{"Find the user: aws iam get-access-key-last-used --access-key-id " + id}
	}
	return append(steps,
		"Deactivate the key: aws iam update-access-key --user-name "+who+" --access-key-id "+id+" --status Inactive",
		"Deny the sessions that it made, which live up to 36 hours: give the user an inline policy that denies * "+
			"on *, with DateLessThan aws:TokenIssueTime now.",
		"Revoke the roles that the user or these sessions assumed, each by its name.")
}

// refuseRoot says what to do about the root user, whom no policy of the account binds.
func refuseRoot(who string) *RefusedError {
	return Refuse("%s Only a service control policy reaches it, and none in the management account. Sign in as root, "+
		"delete root's access keys and change its password.", who)
}

// RefuseRootKey refuses a session of the root user.
func RefuseRootKey(key, account string) *RefusedError {
	return refuseRoot(key + " is a session of the root user of " + account + ".")
}
