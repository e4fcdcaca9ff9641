package messages

import "github.com/revokebot/revokebot/handlers/record"

// keyEnd is the part of an access key id that tells keys apart.
func keyEnd(key string) string {
	const shown = 4
	if runes := []rune(key); len(runes) > shown {
		return ellipsis + string(runes[len(runes)-shown:])
	}
	return key
}

// tally counts an incident's sessions.
type tally struct {
	issued, before, after, callers int
	refused, uncertain             int
	newKnown, newUnknown           int // sessions after the cutoff, by whether their caller had one before it
}

func tallyOf(in record.Incident) tally {
	var t tally
	callers := map[string]bool{}
	for _, s := range in.Sessions {
		switch {
		case !s.Issued() && s.Uncertain:
			t.refused, t.uncertain = t.refused+1, t.uncertain+1
		case !s.Issued():
			t.refused++
		case s.After:
			t.issued, t.after = t.issued+1, t.after+1
			if in.Known(s) {
				t.newKnown++
			} else {
				t.newUnknown++
			}
			callers[s.CallerIdentity()] = true
		default:
			t.issued, t.before = t.issued+1, t.before+1
			callers[s.CallerIdentity()] = true
		}
	}
	t.callers = len(callers)
	return t
}
