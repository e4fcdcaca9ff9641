package approvals

// Purpose is what a request asks for: a measure, with "undo:" or "drill:" in front if it is not to
// be applied. The zero value is unknown; no store opens such a request.
type Purpose string

// PurposeUnknown is the zero value.
const PurposeUnknown Purpose = ""

// Measure is what contains a principal. The zero value is unknown.
type Measure string

// The measures.
const (
	Revoke   Measure = "revoke"   // deny the sessions that were issued before the write
	Lock     Measure = "lock"     // deny all sessions
	Restrict Measure = "restrict" // deny all sessions everything from addresses that are not known
	Freeze   Measure = "freeze"   // let no one open a session
	// change the external id of a third party
	RotateExternalID Measure = "rotate-external-id"
	// make a user's access key inactive, and deny the sessions that were issued before that
	AccessKey Measure = "key"
)

// Measures are all that are known, the one that exists everywhere by default first. A request for
// any other does nothing.
func Measures() []Measure {
	return []Measure{Revoke, Lock, AccessKey, Restrict, Freeze, RotateExternalID}
}

// Mode is what a request does with its measure. The zero value is unknown and does nothing.
type Mode string

// The modes.
const (
	ModeDo    Mode = "do"    // apply it
	ModeUndo  Mode = "undo"  // take away what an earlier request has applied
	ModeDrill Mode = "drill" // rehearse it: everything but the write
)

// Of is the purpose to do that with a measure.
func (mode Mode) Of(m Measure) Purpose {
	if mode == ModeDo {
		return m.Do()
	}
	return Purpose(string(mode) + ":" + string(m))
}

// Do is the purpose to apply the measure.
func (m Measure) Do() Purpose { return Purpose(m) }

// Undo is the purpose to take away what an earlier request has applied.
func (m Measure) Undo() Purpose { return Purpose(string(ModeUndo) + ":" + string(m)) }

// Drill is the purpose to rehearse the measure.
func (m Measure) Drill() Purpose { return Purpose(string(ModeDrill) + ":" + string(m)) }

// Least is how many approvals besides the requester a request needs, whatever the policy: two for a
// write into a trust policy, which can let anybody in.
func (p Purpose) Least() int {
	if mode, m := p.split(); (m == Freeze || m == RotateExternalID) && mode != ModeDrill {
		return 2
	}
	return 1
}

// Purposes are all that are known.
func Purposes() []Purpose {
	var all []Purpose
	for _, m := range Measures() {
		all = append(all, m.Do(), m.Undo(), m.Drill())
	}
	return all
}

// Mode is what is to be done with the measure; unknown if the purpose is.
func (p Purpose) Mode() Mode { mode, _ := p.split(); return mode }

// Measure is what is asked for; unknown if the purpose is.
func (p Purpose) Measure() Measure { _, m := p.split(); return m }

func (p Purpose) split() (Mode, Measure) {
	for _, m := range Measures() {
		switch p {
		case m.Do():
			return ModeDo, m
		case m.Undo():
			return ModeUndo, m
		case m.Drill():
			return ModeDrill, m
		}
	}
	return "", ""
}

// Writes reports whether carrying such a request out changes something. A purpose that is not known
// changes nothing.
func (p Purpose) Writes() bool { return p.Mode() == ModeDo || p.Mode() == ModeUndo }

// has reports whether an event can be in the log of a request for the purpose: a promise and a
// write are in no drill's, and nothing else was rehearsed.
func (p Purpose) has(e EventType) bool {
	switch e {
	case EventStarted, EventApplied, EventTampered, EventRewritten:
		return p.Writes()
	case EventRehearsed:
		return p.Mode() == ModeDrill
	default:
		return true
	}
}
