package aws

import (
	"context"
	"errors"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
)

type (
	identity struct{}
	session  struct{}
	trail    struct{}
)

var errNoCredentials = errors.New("no AWS credentials")

func withTypedCredentials(c awssdk.Config) awssdk.Config { return c }
func (c *Cloud) newIdentity() *identity                  { return &identity{} }
func (c *Cloud) newAccount(a Account) *account           { return &account{Account: a} }

// Warm opens the reading sessions of all accounts.
func (c *Cloud) Warm(context.Context) error { return errors.ErrUnsupported }

// Describe looks a role up.
func (c *Cloud) Describe(context.Context, Target) (Role, error) {
	return Role{}, errors.ErrUnsupported
}

// Revoke denies the older sessions of a role.
func (c *Cloud) Revoke(context.Context, Revocation) (Result, error) {
	return Result{}, errors.ErrUnsupported
}

// Lookup lists the sessions of a role.
func (c *Cloud) Lookup(context.Context, LookupQuery) (Report, error) {
	return Report{}, errors.ErrUnsupported
}
