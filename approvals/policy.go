package approvals

import "slices"

// MaxRequired is the largest number of approvals a policy may ask for.
const MaxRequired = 5

// Policy says what may be asked for about a subject, and who decides. The zero value lets no person
// decide.
type Policy struct {
	Measures  []Measure // that exist there; a request for any other is neither taken nor carried out
	Approvers []string  // ids of people and of groups; empty: none
	Required  int       // people besides the requester, 1 to MaxRequired; 0: no number is enough
}

// Facts is what the directory said about one person, looked up for one decision.
type Facts struct {
	Person Person
	Groups map[string]Membership // by group id; a group that is missing is MembershipUnknown
}

// lists finds the person among the approvers. A person who is named is listed whatever the groups
// say; a person who is neither named nor found in a group is "not listed" only when every group
// could be read.
func (p Policy) lists(f Facts) Membership {
	if f.Person.ID != "" && slices.Contains(p.Approvers, f.Person.ID) {
		return Member
	}
	result := NotMember
	for _, id := range p.Approvers {
		if !IsGroup(id) {
			continue
		}
		switch f.Groups[id] {
		case Member:
			return Member
		case NotMember:
		default:
			result = MembershipUnknown
		}
	}
	return result
}

// People are those on the list and in its groups, each once. members looks a group up.
func (p Policy) People(members func(group string) ([]string, error)) ([]string, error) {
	var people []string
	for _, id := range p.Approvers {
		of := []string{id}
		if IsGroup(id) {
			var err error
			if of, err = members(id); err != nil {
				return nil, err
			}
		}
		people = append(people, of...)
	}
	slices.Sort(people)
	return slices.Compact(people), nil
}

// GroupIDs returns the groups among the approvers, which have to be looked up.
func (p Policy) GroupIDs() []string {
	return slices.DeleteFunc(slices.Clone(p.Approvers), func(id string) bool { return !IsGroup(id) })
}

// IsGroup reports whether an id is that of a user group (S…).
func IsGroup(id string) bool { return len(id) > 1 && id[0] == 'S' }
