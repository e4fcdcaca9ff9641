package aws

// putRolePolicy writes an inline policy: reads see it at once, authorisation after the propagation
// delay. The caller holds the lock, as for the writes below.
func (a *Account) putRolePolicy(name, policy, text string) error {
	r, err := a.changeable(name)
	if err != nil {
		return err
	}
	if err := r.put(policy, text, inlineQuota, "role "+r.name); err != nil {
		return err
	}
	r.written(a.server.lag, false)
	return nil
}

func (a *Account) deleteRolePolicy(name, policy string) error {
	r, err := a.changeable(name)
	if err != nil {
		return err
	}
	if _, ok := r.inline[policy]; !ok {
		return noSuchPolicy(policy)
	}
	delete(r.inline, policy)
	r.written(a.server.lag, false)
	return nil
}

func (a *Account) setTrust(name, text string) error {
	r, err := a.changeable(name)
	if err != nil {
		return err
	}
	d, err := a.parseTrust(text)
	if err != nil {
		return err
	}
	if err := a.checkPrincipals(d.policy); err != nil {
		return err
	}
	r.trust = d
	r.written(a.server.lag, false)
	return nil
}

// changeable finds a role that is not AWS's own.
func (a *Account) changeable(name string) (*role, error) {
	r := a.role(name)
	if r == nil {
		return nil, noSuchRole(name)
	}
	if r.protected() {
		return nil, errf("UnmodifiableEntity",
			"Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", name)
	}
	return r, nil
}

func noSuchPolicy(name string) error {
	return errf("NoSuchEntity", "The role policy with name %s cannot be found.", name)
}
