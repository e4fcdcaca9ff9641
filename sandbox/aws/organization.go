package aws

import "strings"

// SetSCP puts a service control policy on the account, in place of the one before; "" removes it.
// The error is that of ParsePolicy.
//
// It stands beside FullAWSAccess, which AWS Organizations attaches to every account, so it can only
// deny. It bounds the users and roles of the account, whoever their policies are, and never
// service-linked roles (AWS Organizations User Guide, "Service control policies"). It is enforced
// at once: how long that takes in life is not documented.
func (a *Account) SetSCP(document string) error {
	var p *Policy
	if document != "" {
		var err error
		if p, err = ParsePolicy(document); err != nil {
			return err
		}
	}
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.scp = p
	return nil
}

// scpDenies tells whether the organization keeps a principal of the account from a request. path is
// that of a role, "" for a user.
func (a *Account) scpDenies(path string, r Request) bool {
	return a.scp != nil && !strings.HasPrefix(path, "/aws-service-role/") && Evaluate(r, a.scp).Decision == ExplicitDeny
}
