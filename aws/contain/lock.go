package contain

import "time"

type lock struct{}

// Lock denies a role everything, in old and new sessions: it attaches AWS's own policy AWSDenyAll.
// It is a Prober and an Expecter.
func Lock() Measure { return lock{} }

// Places is the policy's slot, by its ARN: an account can have a policy of the same name that
// denies nothing.
func (lock) Places(t Target) [][]Slot {
	return [][]Slot{{{RoleAttached, "arn:" + t.Principal.Partition + ":iam::aws:policy/AWSDenyAll"}}}
}

// Reads is nothing.
func (lock) Reads(Target) []Slot { return nil }

// Want is that the policy is attached.
func (m lock) Want(s State, _ []Document) ([]Document, error) {
	slot := m.Places(s.Target)[0][0]
	if _, err := s.Found(slot); err != nil {
		return nil, err
	}
	return []Document{{slot, slot.Name}}, nil
}

// Gap compares ARNs.
func (lock) Gap(_ time.Time, there, written Document) Gap {
	switch {
	case there.Text == "":
		return Gone
	case there != written:
		return Foreign
	default:
		return Covers
	}
}

// Without detaches the policy, unless it was attached before.
func (lock) Without(there Document, w Written) (Document, error) {
	switch {
	case there.Slot != w.Slot:
		return Document{}, notOurs(there.Slot)
	case w.Before != "" || there.Text == "":
		return there, nil
	case !w.wrote(there.Text):
		return Document{}, notOurs(there.Slot)
	}
	return Document{w.Slot, ""}, nil
}

// Probes are two sessions, the oldest and the newest.
func (lock) Probes(d Document) []Probe {
	if d.Text == "" {
		return nil
	}
	old, young := time.Unix(1_000_000_000, 0), time.Unix(4_000_000_000, 0)
	return []Probe{issued(old, true), issued(young, true)}
}

// Policy is the text of AWSDenyAll (AWS Managed Policy Reference Guide).
func (lock) Policy(Document) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"DenyAll","Effect":"Deny","Action":["*"],"Resource":"*"}]}`
}

// Denies is yes for every call that a policy can deny.
func (lock) Denies(d Document, c Call) Answer {
	switch {
	case d.Text == "":
		return Unknown
	case c.neverDenied():
		return No
	default:
		return Yes
	}
}
