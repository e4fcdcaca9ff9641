package trail

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// trial is an incident that is over, in which each case changes one thing.
func trial() JudgeInput {
	at := func(minute int) time.Time {
		return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
	}
	cutoff, asked := at(300), at(330)
	yes := []RegionCoverage{{Region: "us-east-1", Covered: true, Reported: at(328)}}
	in := JudgeInput{
		RoleARN: deployARN, Since: at(-600), Cutoff: cutoff, Propagated: cutoff.Add(30 * time.Second),
		Sessions: with(all(visitsOf("alice", 0, office, 200, office, 290, office, 310, office), visitsOf("eve", 250, thief)),
			func(s *Session) { s.Expires = s.Time.Add(2 * time.Hour) }),
		Regions: yes, AskedAt: asked, Activities: map[string]Activity{},
	}
	in.Suspects = Suspects(in.Sessions, cutoff)
	for _, who := range []string{"alice", "bob", "mallory", "Lambda function f"} {
		for n := range 5 {
			in.Activities[fmt.Sprintf("ASIA-%s-%d", who, 2*n)] = Activity{Regions: yes}
		}
	}
	in.Activities["ASIA-eve-0"] = Activity{
		Calls: 3, Denied: 1, DeniedAfter: 1, FirstDenied: at(301), FirstExplicitDeny: at(301), LastSucceeded: at(260),
		Regions: yes,
		Persistence: []Call{
			{
				Service: "iam", Name: "CreateAccessKey", Opens: "a key",
			}, {Service: "iam", Name: "CreateUser", ErrorCode: "AccessDenied", Denied: true},
		},
	}
	return in
}

func changed(in JudgeInput, key string, change func(*Activity)) JudgeInput {
	in.Activities = maps.Clone(in.Activities)
	did := in.Activities[key]
	change(&did)
	in.Activities[key] = did
	return in
}

func TestTheZeroValueIsUnknownAndNeverAPass(t *testing.T) {
	var none Judgement
	if none.State == Contained || none.State == NoActivity {
		t.Errorf("got %v", none.State)
	}
	if got := Assess(JudgeInput{}); got.State != ContainmentUnknown || len(got.Reasons) != 1 {
		t.Errorf("got %+v", got)
	}
	if got := Assess(JudgeInput{Cutoff: time.Now()}); got.State != ContainmentUnknown || len(got.Reasons) == 0 {
		t.Errorf("got %+v", got)
	}
}

// Rule 20.
func TestContainedIsSaidOnlyWhenEveryWayByWhichAnOldSessionCouldStillActWasAskedAboutAndAnswered(t *testing.T) {
	cutoff := trial().Cutoff
	call := func(after time.Duration) func(*Activity) {
		return func(a *Activity) {
			a.SucceededAfter, a.SucceededAfterCutoff = 1, []Call{{Service: "iam", Name: "ListUsers", Time: cutoff.Add(after)}}
		}
	}
	link := func(change func(*ChainLink)) func(JudgeInput) JudgeInput {
		return func(in JudgeInput) JudgeInput {
			l := ChainLink{
				Parent: Session{AccessKeyID: "ASIA-eve-0"}, RoleARN: "arn:aws:iam::111122223333:role/Data", Depth: 1,
				Account: "prod",
				Child: Session{
					AccessKeyID: "ASIACHILD", Kind: KindAssumed, Time: cutoff.Add(-time.Hour), Expires: cutoff.Add(time.Hour),
				},
				Activity: Activity{Regions: in.Regions, LastSucceeded: cutoff.Add(-time.Minute)},
			}
			change(&l)
			in.Links = []ChainLink{l}
			return in
		}
	}
	for name, c := range map[string]struct {
		change func(JudgeInput) JudgeInput
		want   Containment
		why    string
	}{
		"all was seen": {
			func(in JudgeInput) JudgeInput { return in }, Contained,
			"4 old sessions: 2 had expired, 1 seen blocked, 1 not active since.",
		},

		"an old session's call went through": {
			func(in JudgeInput) JudgeInput {
				return changed(in, "ASIA-eve-0", call(time.Minute))
			}, NotContained, "A session of eve, issued at 04:10:00 UTC, made 1 call",
		},
		"a call went through while it spread": {
			func(in JudgeInput) JudgeInput { return changed(in, "ASIA-eve-0", call(10*time.Second)) }, Contained, "",
		},
		"that of one who is not suspicious": {
			func(in JudgeInput) JudgeInput {
				return changed(in, "ASIA-alice-2", call(time.Hour))
			}, NotContained, "A session of alice",
		},
		"a new session's calls may go through": {
			func(in JudgeInput) JudgeInput { return changed(in, "ASIA-alice-6", call(time.Hour)) }, Contained, "",
		},
		"a call failed for another reason": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-eve-0", func(a *Activity) { a.FailedAfter, a.FirstExplicitDeny = 1, time.Time{} })
		}, ContainmentUnknown, "unclear whether 1 old session was blocked"},
		"denied, but not by the role's policy": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-eve-0", func(a *Activity) { a.FirstExplicitDeny = time.Time{} })
		}, ContainmentUnknown, "No call of an old session was seen denied"},
		"its activity is not known in full": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-eve-0", func(a *Activity) {
				a.Regions = []RegionCoverage{{Region: "eu-west-1", Covered: true, Truncated: true}}
			})
		}, ContainmentUnknown, "not known in full in eu-west-1"},
		"it was not looked at": {
			func(in JudgeInput) JudgeInput {
				in.Activities = nil
				return in
			}, ContainmentUnknown, "3 old sessions that had to be checked were not checked",
		},

		"the suspicious caller came back": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("eve", 320, "192.0.2.77")...)
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return in
		}, NotContained, "eve, who was suspicious before"},
		"and was denied": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("eve", 320, thief), func(s *Session) {
				s.ErrorCode, s.Denied = "AccessDenied", true
			})...)
			return in
		}, Contained, ""},
		"another came from the suspicious address": {func(in JudgeInput) JudgeInput {
			in.Sessions = all(visitsOf("alice", 0, office, 100, office, 280, thief),
				visitsOf("bob", 20, office, 250, office, 320, thief))
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return changed(in, "ASIA-alice-4", func(a *Activity) { *a = in.Activities["ASIA-eve-0"] })
		}, NotContained, "bob has had a session since 05:20:00 UTC, opened from 198.51.100.66, " +
			"an address that was suspicious before."},
		"the owner of a stolen key came back from the office": {func(in JudgeInput) JudgeInput {
			in.Sessions = visitsOf("alice", 0, office, 100, office, 280, thief, 320, office)
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return changed(in, "ASIA-alice-4", func(a *Activity) { *a = in.Activities["ASIA-eve-0"] })
		}, NotContained, "alice, who was suspicious before"},
		"the owner of a key that may be stolen came back from the office": {func(in JudgeInput) JudgeInput {
			in.Sessions = visitsOf("alice", 0, office, 100, office, 280, thief, 320, office)
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return changed(in, "ASIA-alice-4", func(a *Activity) { a.DeniedAfter, a.FirstExplicitDeny = 1, in.Cutoff })
		}, ContainmentUnknown, "alice, whose own key may be in other hands (it was used from 198.51.100.66)"},
		"the owner of a copied session came back from the office": {func(in JudgeInput) JudgeInput {
			in.Suspects = []Suspect{{Session: in.Sessions[1], Elsewhere: []Source{{Address: "192.0.2.66"}}}}
			return in
		}, Contained, ""},
		"the stolen key was used from a third place": {func(in JudgeInput) JudgeInput {
			in.Sessions = visitsOf("alice", 0, office, 100, office, 280, thief, 320, "192.0.2.77")
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return changed(in, "ASIA-alice-4", func(a *Activity) { *a = in.Activities["ASIA-eve-0"] })
		}, NotContained, "alice, who was suspicious before"},
		"another came from where a copied key was used": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("bob", 10, "192.0.2.1", 200, "192.0.2.1", 320, "192.0.2.66")...)
			in.Suspects = append(in.Suspects, Suspect{
				Session: visitsOf("alice", 0, office)[0], Elsewhere: []Source{{Address: "192.0.2.66"}},
			})
			return changed(in, "ASIA-alice-0", func(a *Activity) { *a = in.Activities["ASIA-eve-0"] })
		}, NotContained, "bob has had a session since 05:20:00 UTC, opened from 192.0.2.66"},
		"many calls went through while it spread": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-eve-0", func(a *Activity) {
				call(10 * time.Second)(a)
				a.SucceededAfter = 500
			})
		}, Contained, ""},
		"a stranger came after the cutoff": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("mallory", 320, "192.0.2.77")...)
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return in
		}, ContainmentUnknown, "mallory, first seen after the cutoff, has a session since"},
		"a stranger came whom a person called theirs": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("mallory", 311, office)...)
			in.Ours = map[string]bool{"mallory": true}
			return in
		}, Contained, ""},
		"another stranger came than whom a person called theirs": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("mallory", 311, office)...)
			in.Ours = map[string]bool{"mallory of elsewhere": true}
			return in
		}, ContainmentUnknown, "mallory, first seen after the cutoff"},
		"one whom a person called theirs created persistence": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("mallory", 311, office)...)
			in.Ours = map[string]bool{"mallory": true}
			return changed(in, "ASIA-mallory-0", func(a *Activity) {
				a.Persistence = []Call{{Service: "iam", Name: "CreateAccessKey", Opens: "a key"}}
			})
		}, NotContained, "mallory, whom a person called theirs, has had a session since"},
		"one whom a person called theirs came from where a copied key was used": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, visitsOf("mallory", 311, "192.0.2.66")...)
			in.Suspects = append(in.Suspects, Suspect{
				Session: visitsOf("alice", 0, office)[0], Elsewhere: []Source{{Address: "192.0.2.66"}},
			})
			in.Ours = map[string]bool{"mallory": true}
			return in
		}, NotContained, "mallory has had a session since"},
		"a service came back": {func(in JudgeInput) JudgeInput {
			service := func(s *Session) { s.CallerType, s.Expires = "AWSService", s.Time.Add(time.Minute) }
			in.Sessions = append(in.Sessions,
				with(visitsOf("Lambda function f", 20, "lambda.amazonaws.com", 320, "lambda.amazonaws.com"), service)...)
			in.Suspects = Suspects(in.Sessions, in.Cutoff)
			return in
		}, Contained, ""},

		"the chain goes on in another role": {
			link(func(*ChainLink) {}), ContainmentUnknown,
			"the role Data that came out of an old one goes on until 06:00:00 UTC",
		},
		"and is used": {
			link(func(l *ChainLink) { l.Activity.LastSucceeded = cutoff.Add(time.Hour) }), NotContained,
			"calls that succeeded, the last at 06:00:00 UTC",
		},
		"it has ended": {
			link(func(l *ChainLink) { l.Child.Expires = cutoff.Add(time.Minute) }), Contained, "",
		},
		"it has ended, and what it did was not read": {
			link(func(l *ChainLink) { l.Child.Expires, l.Activity.Regions = cutoff.Add(time.Minute), nil }), ContainmentUnknown,
			"What a session of the role Data did that came out of an old one is not known in full.",
		},
		"it has ended, as all has that it opened": {
			link(func(l *ChainLink) { l.Child.Expires, l.Activity.Regions = cutoff.Add(-time.Hour), nil }), Contained, "",
		},
		"it has ended, and the last one that is followed opened another": {link(func(l *ChainLink) {
			l.Child.Expires, l.Depth = cutoff.Add(time.Minute), chainDepth
			l.Activity.Assumed = []Session{{
				AccessKeyID: "ASIANEXT", Kind: KindAssumed, RoleARN: "arn:aws:iam::111122223333:role/Next",
				Time: cutoff, Expires: cutoff.Add(time.Hour),
			}}
		}), ContainmentUnknown, "A session of the role Next that came out of an old one was not followed."},
		"one that was not followed has ended": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-alice-2", func(a *Activity) {
				a.Assumed = []Session{{
					AccessKeyID: "ASIANEXT", Kind: KindAssumed, RoleARN: "arn:aws:iam::111122223333:role/Next",
					Time: cutoff.Add(-time.Hour), Expires: cutoff.Add(-time.Minute),
				}}
			})
		}, ContainmentUnknown, "A session of the role Next that came out of an old one was not followed."},
		"what one did that ended just before the cutoff was not read": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("mallory", 240, office), func(s *Session) {
				s.Expires, s.AccessKeyID = cutoff.Add(-time.Minute), "ASIANOTREAD"
			})...)
			return in
		}, ContainmentUnknown, "1 old session that had to be checked was not checked"},
		"more came out of a session than is listed": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-eve-0", func(a *Activity) { a.Unlisted = true })
		}, ContainmentUnknown, "not known in full"},
		"the last of a chain opened a session here": {func(in JudgeInput) JudgeInput {
			in = link(func(l *ChainLink) { l.Child.Expires = cutoff.Add(time.Minute) })(in)
			second := in.Links[0]
			second.Parent, second.Child.AccessKeyID, second.Depth = second.Child, "ASIASECOND", 2
			in.Links = append(in.Links, second)
			in.Sessions = with(in.Sessions, func(s *Session) {
				if s.AccessKeyID == "ASIA-alice-6" {
					s.CallerAccessKey = "ASIASECOND"
				}
			})
			return in
		}, NotContained, "An old session opened a session at 05:10:00 UTC"},
		"what came back opened another by a chain": {func(in JudgeInput) JudgeInput {
			in = link(func(l *ChainLink) { l.Parent.AccessKeyID, l.Child.Expires = "ASIA-alice-6", cutoff.Add(2*time.Hour) })(in)
			second := in.Links[0]
			second.Parent, second.Child.AccessKeyID, second.Depth = second.Child, "ASIASECOND", 2
			in.Links = append(in.Links, second)
			again := with(visitsOf("alice", 320, office), func(s *Session) {
				s.AccessKeyID, s.CallerAccessKey = "ASIAAGAIN", "ASIASECOND"
			})
			in.Sessions = append(with(in.Sessions, func(s *Session) {
				if s.AccessKeyID == "ASIA-alice-6" {
					s.CallerAccessKey = "ASIA-eve-0"
				}
			}), again...)
			return in
		}, NotContained, "An old session opened a session at 05:20:00 UTC"},
		"one that was not followed lived at the cutoff, and ended hours ago": {func(in JudgeInput) JudgeInput {
			in.AskedAt = cutoff.Add(6 * time.Hour)
			return changed(in, "ASIA-alice-2", func(a *Activity) {
				a.Assumed = []Session{{
					AccessKeyID: "ASIANEXT", Kind: KindAssumed, RoleARN: "arn:aws:iam::111122223333:role/Next",
					Time: cutoff.Add(-time.Minute), Expires: cutoff.Add(time.Minute),
				}}
			})
		}, ContainmentUnknown, "A session of the role Next that came out of an old one was not followed."},
		"it ended hours ago, and what it did was not read": {func(in JudgeInput) JudgeInput {
			in = link(func(l *ChainLink) { l.Child.Expires, l.Activity.Regions = cutoff.Add(time.Minute), nil })(in)
			in.AskedAt = cutoff.Add(6 * time.Hour)
			return in
		}, ContainmentUnknown, "What a session of the role Data did that came out of an old one is not known in full."},
		"an old session that ended just before the cutoff was not looked at": {func(in JudgeInput) JudgeInput {
			in.AskedAt = cutoff.Add(6 * time.Hour)
			in.Sessions = append(slices.Clone(in.Sessions), Session{
				EventID: "short", AccessKeyID: "ASIASHORT", Kind: KindAssumed, RoleARN: in.RoleARN, CallerID: "user alice",
				Caller: "user alice", Time: cutoff.Add(-time.Hour), Expires: cutoff.Add(-time.Minute),
			})
			return in
		}, ContainmentUnknown, "1 old session that had to be checked was not checked."},
		"it came out of a session that is usual": {
			link(func(l *ChainLink) { l.Parent.AccessKeyID = "ASIA-alice-2" }), ContainmentUnknown, "goes on until",
		},
		"it came out of a session since the cutoff": {
			link(func(l *ChainLink) { l.Parent.AccessKeyID = "ASIA-alice-6" }), Contained, "",
		},
		"it is of the same role, and so denied": {
			link(func(l *ChainLink) { l.RoleARN = strings.ToUpper(deployARN) }), Contained, "",
		},
		"it is of the same role, after the cutoff": {
			link(func(l *ChainLink) { l.RoleARN, l.Child.Time = deployARN, cutoff }), ContainmentUnknown, "goes on",
		},
		"the other role was revoked, too": {func(in JudgeInput) JudgeInput {
			in.Revoked = map[string]time.Time{"arn:aws:iam::111122223333:role/Data": cutoff.Add(time.Minute)}
			return link(func(*ChainLink) {})(in)
		}, Contained, ""},
		"a console session that was not seen denied": {link(func(l *ChainLink) {
			l.RoleARN, l.Child.Kind, l.Child.Derived, l.Child.Time = deployARN, KindConsole, true, cutoff.Add(time.Minute)
		}), ContainmentUnknown, "made itself new credentials (GetSigninToken)"},

		"an old session made itself another key": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("console", 320, thief), func(s *Session) {
				s.Kind, s.Derived, s.CallerAccessKey = KindConsole, true, "ASIA-eve-0"
			})...)
			return in
		}, ContainmentUnknown, "1 old session that had to be checked"},
		"a new one made itself another key": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("console", 320, office), func(s *Session) {
				s.Kind, s.Derived, s.CallerAccessKey = KindConsole, true, "ASIA-alice-6"
			})...)
			return in
		}, Contained, ""},

		"an old session opened a new one, by its key": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("alice", 320, office), func(s *Session) {
				s.AccessKeyID, s.CallerAccessKey = "ASIA-alice-6", "ASIA-eve-0"
			})...)
			return in
		}, NotContained, "An old session opened a session at 05:20:00 UTC"},
		"an old session opened a new one, by its issue time": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("alice", 320, office), func(s *Session) {
				s.AccessKeyID, s.CallerRole, s.CallerBegan = "ASIA-alice-6", deployARN, cutoff.Add(-time.Minute)
			})...)
			return in
		}, NotContained, "An old session opened a session at 05:20:00 UTC"},
		"a new session opened one": {func(in JudgeInput) JudgeInput {
			in.Sessions = append(in.Sessions, with(visitsOf("alice", 320, office), func(s *Session) {
				s.AccessKeyID, s.CallerRole, s.CallerBegan = "ASIA-alice-6", deployARN, cutoff.Add(time.Minute)
			})...)
			return in
		}, Contained, ""},
		"a session since was copied": {func(in JudgeInput) JudgeInput {
			in.Suspects = append(in.Suspects, Suspect{Session: in.Sessions[3], Elsewhere: []Source{{Address: "192.0.2.66"}}})
			return changed(in, "ASIA-alice-6", func(a *Activity) { a.Sources = []Source{{Address: "192.0.2.66", Calls: 1}} })
		}, NotContained, "was used from 192.0.2.66"},
		"a session since is used from where a copy was": {func(in JudgeInput) JudgeInput {
			in.Suspects = append(in.Suspects, Suspect{Session: in.Sessions[1], Elsewhere: []Source{{Address: "192.0.2.66"}}})
			return changed(in, "ASIA-alice-6", func(a *Activity) { a.Sources = []Source{{Address: "192.0.2.66", Calls: 1}} })
		}, NotContained, "was used from 192.0.2.66"},
		"an old session made itself a token": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-alice-2", func(a *Activity) {
				a.Assumed = []Session{{
					EventID: "t", Kind: "CreateBearerToken", Token: true, Derived: true, Time: cutoff.Add(-time.Hour),
					Expires: cutoff.Add(time.Hour),
				}}
			})
		}, ContainmentUnknown, "made itself a token by CreateBearerToken"},
		"its token has ended": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-alice-2", func(a *Activity) {
				a.Assumed = []Session{{
					EventID: "t", Kind: "GetWebIdentityToken", Token: true, Derived: true, Time: cutoff.Add(-time.Hour),
					Expires: cutoff,
				}}
			})
		}, Contained, ""},
		"an old session went on, and was not followed": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-alice-2", func(a *Activity) {
				a.Assumed = []Session{{
					AccessKeyID: "ASIAX", Kind: KindAssumed, RoleARN: "arn:aws:iam::111122223333:role/Data", Time: cutoff,
					Expires: cutoff.Add(time.Hour),
				}}
			})
		}, ContainmentUnknown, "the role Data that came out of an old one was not followed"},
		"another account acted in a session": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-alice-2", func(a *Activity) { a.Delegates = []string{"999999999999"} })
		}, Contained, "The account 999999999999 acted in a session of alice"},

		"a region did not answer": {func(in JudgeInput) JudgeInput {
			in.Regions = append(in.Regions[:1:1], RegionCoverage{Region: "eu-west-1"})
			return in
		}, ContainmentUnknown, "not known in full in eu-west-1"},
		"no region was asked": {
			func(in JudgeInput) JudgeInput {
				in.Regions = nil
				return in
			}, ContainmentUnknown, "Who assumed the role is not known in full.",
		},
		"a region has not reported far enough": {
			func(in JudgeInput) JudgeInput {
				in.Regions = append(in.Regions[:1:1], RegionCoverage{
					Region: "eu-west-1", Covered: true, Reported: in.Cutoff.Add(4 * time.Minute),
				})
				return in
			}, ContainmentUnknown, "has not reported yet what happened until 5 minutes after the cutoff in eu-west-1",
		},
		"what shows it counts even then": {func(in JudgeInput) JudgeInput {
			in.Regions = []RegionCoverage{{Region: "us-east-1", Covered: true}}
			return changed(in, "ASIA-eve-0", call(time.Minute))
		}, NotContained, "A session of eve"},
		"the role was used last where CloudTrail was not asked": {func(in JudgeInput) JudgeInput {
			in.LastUsed = LastUsed{"me-south-1", in.Cutoff.Add(-time.Minute)}
			return in
		}, ContainmentUnknown, "used last in me-south-1, at 04:59:00 UTC, and CloudTrail was not asked there"},
		"it was used there before the window": {func(in JudgeInput) JudgeInput {
			in.LastUsed = LastUsed{"me-south-1", in.Since.Add(-time.Minute)}
			return in
		}, Contained, ""},
		"it was used last where it was asked": {func(in JudgeInput) JudgeInput {
			in.LastUsed = LastUsed{"us-east-1", in.Cutoff}
			return in
		}, Contained, ""},

		"the policy is gone": {func(in JudgeInput) JudgeInput {
			in.Lost = "The revocation policy is gone."
			return in
		}, NotContained, "The revocation policy is gone."},
		"the policy is gone, and so is every session": {func(in JudgeInput) JudgeInput {
			in.Lost = "The revocation policy is gone."
			in.Sessions = with(in.Sessions, func(s *Session) { s.Expires = s.Time.Add(time.Minute) })
			return in
		}, Contained, ""},
		"the policy is gone, and perhaps was before they ended": {func(in JudgeInput) JudgeInput {
			in.Lost = "The revocation policy is gone."
			in.Sessions = with(in.Sessions, func(s *Session) { s.Expires = in.Cutoff.Add(2 * time.Minute) })
			return in
		}, ContainmentUnknown, "it is not known whether an old session was left by then"},
		"the policy was gone before they ended": {func(in JudgeInput) JudgeInput {
			in.Lost, in.LostAt = "The revocation policy is gone.", in.Cutoff.Add(time.Minute)
			in.Sessions = with(in.Sessions, func(s *Session) { s.Expires = in.Cutoff.Add(2 * time.Minute) })
			return in
		}, NotContained, "The revocation policy is gone."},
		"the policy is not watched": {func(in JudgeInput) JudgeInput {
			in.Unwatched = "Its monitoring has ended."
			return in
		}, ContainmentUnknown, "Its monitoring has ended."},
		"a denial may be of another policy": {func(in JudgeInput) JudgeInput {
			in.Unproven = "The simulator could not be asked."
			return in
		}, ContainmentUnknown, "The simulator could not be asked."},
		"the window is shorter than sessions last": {func(in JudgeInput) JudgeInput {
			in.Since = in.Cutoff.Add(-time.Hour)
			return in
		}, ContainmentUnknown, "up to 12 hours"},
		"the role was not used since": {func(in JudgeInput) JudgeInput {
			in.Sessions = slices.DeleteFunc(slices.Clone(in.Sessions), func(s Session) bool { return s.Time.After(in.Cutoff) })
			return changed(in, "ASIA-eve-0", func(a *Activity) { *a = Activity{Calls: 1, Regions: in.Regions} })
		}, NoActivity, "was not used since the cutoff"},
		"only a usual caller used it": {func(in JudgeInput) JudgeInput {
			return changed(in, "ASIA-eve-0", func(a *Activity) { *a = Activity{Calls: 1, Regions: in.Regions} })
		}, ContainmentUnknown, "No call of an old session was seen denied"},

		"all have ended": {func(in JudgeInput) JudgeInput {
			in.Sessions = with(in.Sessions, func(s *Session) { s.Expires = s.Time.Add(time.Minute) })
			return in
		}, Contained, "No session from before the cutoff was left."},
		"all that were looked for have ended": {func(in JudgeInput) JudgeInput {
			in.Sessions, in.Since = nil, in.Cutoff.Add(-time.Hour)
			return in
		}, ContainmentUnknown, "up to 12 hours"},
	} {
		got := Assess(c.change(trial()))
		if got.State != c.want || len(got.Reasons) == 0 || !strings.Contains(strings.Join(got.Reasons, " "), c.why) {
			t.Errorf("%s: %v, want %v with %q\n%q", name, got.State, c.want, c.why, got.Reasons)
		}
		if got.State == NotContained && len(got.Sessions) == 0 && !strings.HasPrefix(c.why, "The revocation policy") {
			t.Errorf("%s: no session shows it", name)
		}
		for _, d := range got.Persistence {
			if d.Denied {
				t.Errorf("%s: a door that stayed shut: %+v", name, d)
			}
		}
	}
	if got := Assess(trial()); len(got.Persistence) != 1 || got.Persistence[0].Name != "CreateAccessKey" || got.Old != 4 ||
		got.Looked != 3 || got.Denied != 1 || got.Quiet != 1 || got.Expired != 2 {
		t.Errorf("got %+v", got)
	}
}

// Whatever is taken away from what was seen, the state never becomes better than it was, unless
// what is taken is the evidence against.
func TestLessEvidenceIsNeverAPass(t *testing.T) {
	for name, less := range map[string]func(*JudgeInput){
		"no suspects": func(in *JudgeInput) { in.Suspects, in.Activities = nil, nil },
		"no activity": func(in *JudgeInput) { in.Activities = nil },
		"no regions":  func(in *JudgeInput) { in.Regions = nil },
		"no report": func(in *JudgeInput) {
			in.Regions = []RegionCoverage{{Region: "us-east-1", Covered: true, Truncated: false}}
		},
		"no cutoff": func(in *JudgeInput) { in.Cutoff = time.Time{} },
		"a region less": func(in *JudgeInput) {
			in.Regions = slices.Concat(in.Regions, []RegionCoverage{{Region: "eu-west-1", Covered: true, Truncated: true}})
		},
	} {
		in := trial()
		less(&in)
		if got := Assess(in); got.State == Contained {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A measure without a date denies new sessions, too: who came back is judged by what the calls were
// told.
func TestASessionThatCameBackUnderALockIsJudgedByItsCalls(t *testing.T) {
	denied := trial().Activities["ASIA-eve-0"]
	back := func(did Activity) JudgeInput {
		in := trial()
		in.All = true
		in.Sessions = append(in.Sessions, with(visitsOf("eve", 320, "192.0.2.77"), func(s *Session) {
			s.AccessKeyID, s.Expires = "ASIA-eve-back", s.Time.Add(2*time.Hour)
		})...)
		in.Suspects = Suspects(in.Sessions, in.Cutoff)
		for _, s := range in.Sessions {
			in = changed(in, s.AccessKeyID, func(a *Activity) { *a = denied })
		}
		return changed(in, "ASIA-eve-back", func(a *Activity) { *a = did })
	}
	if got := Assess(back(denied)); got.State == NotContained {
		t.Errorf("denied: %+v", got)
	}
	in := back(denied)
	in.All = false
	if got := Assess(in); got.State == Contained {
		t.Errorf("denied, under a measure that lets new sessions in: %+v", got)
	}
	through := denied
	through.SucceededAfter = 1
	through.SucceededAfterCutoff = []Call{{Service: "iam", Name: "ListUsers", Time: trial().Cutoff.Add(25 * time.Minute)}}
	if got := Assess(back(through)); got.State != NotContained {
		t.Errorf("it got through: %+v", got)
	}
}

func TestAReasonGivesTheDateOfATimeOfAnotherDay(t *testing.T) {
	for days, want := range map[int]string{0: "issued at 04:10:00 UTC,", 1: "issued at 2026-11-20 04:10:00 UTC,"} {
		in := changed(trial(), "ASIA-eve-0", func(a *Activity) {
			a.SucceededAfterCutoff = []Call{{Service: "s3", Name: "ListBuckets", Time: trial().Cutoff.Add(time.Hour)}}
		})
		in.AskedAt = in.AskedAt.AddDate(0, 0, days)
		if got := Assess(in).Reasons; !strings.Contains(fmt.Sprint(got), want) {
			t.Errorf("%d days later: %q", days, got)
		}
	}
}
