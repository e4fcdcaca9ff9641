package role

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestARevocationDeniesOldSessionsAndLetsNewOnesIn(t *testing.T) {
	onBench(t, func(in *standin.Config, _ *aws.Config) { in.Propagation = 5 * time.Second }, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/ops/"})
		role := b.describe("prod/Deploy")
		old := b.Session("Deploy")
		var planned []Plan
		r := promising(order(role), func(p Plan) error {
			if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
				t.Errorf("%d writes before the plan", n)
			}
			planned = append(planned, p)
			return nil
		})
		asked := b.Server.Now()
		got, err := b.apply(r)
		if err != nil {
			t.Fatal(err)
		}
		cutoff := asked.Truncate(time.Second).Add(31 * time.Second)
		if !got.Cutoff.Equal(cutoff) || !got.ReadBack || got.AlreadyThere || got.Writes != 1 || got.Gap != "" ||
			got.Change.Before != "" {
			t.Errorf("got %+v, want the cutoff %v", got, cutoff)
		}
		if got.At.IsZero() || got.ReadBackAt.Before(got.At) {
			t.Errorf("applied %v, read back %v", got.At, got.ReadBackAt)
		}
		if len(planned) != 1 || planned[0].After != got.There.Text || planned[0].Before != "" || planned[0].Guard ||
			planned[0].At.IsZero() || !planned[0].Now.After(planned[0].At) {
			t.Errorf("planned %+v", planned)
		}
		if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != got.There.Text || there != denyAt(cutoff) ||
			got.Change.After != there {
			t.Errorf("on the role: %s", there)
		}

		if err := b.works(old); err != nil {
			t.Errorf("before propagation: %v", err)
		}
		time.Sleep(6 * time.Second)
		if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("the old session: %v", err)
		}
		time.Sleep(time.Until(cutoff) - time.Second)
		late := b.Session("Deploy")
		time.Sleep(time.Second)
		fresh := b.Session("Deploy")
		if err := b.works(late); !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("a session from a second before the cutoff: %v", err)
		}
		if err := b.works(fresh); err != nil {
			t.Errorf("a session from the cutoff on: %v", err)
		}
	})
}

// Rule 9: this machine's clock never enters.
func TestTheCutoffIsAWSsTimeHoweverFarOffThisMachineIs(t *testing.T) {
	for _, offset := range []time.Duration{
		-72 * time.Hour, -7 * time.Minute, 3 * time.Second, 72 * time.Hour, 1000 * 24 * time.Hour,
	} {
		t.Run(offset.String(), func(t *testing.T) {
			onBench(t, func(in *standin.Config, c *aws.Config) {
				in.ClockOffset, c.Margin = offset, 0
			}, func(t *testing.T, b *bench) {
				time.Sleep(700 * time.Millisecond) // into a second, where truncation shows
				b.Role(standin.RoleSpec{})
				role := b.describe("prod/Deploy")
				old := b.Session("Deploy")
				got, err := b.apply(order(role))
				if err != nil {
					t.Fatal(err)
				}
				now := b.Server.Now()
				if got.Cutoff.Before(now) || got.Cutoff.After(now.Add(2*time.Second)) {
					t.Errorf("the cutoff is %v at %v", got.Cutoff, now)
				}
				if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
					t.Errorf("a session of the same second: %v", err)
				}
				// The clock being off must not make the kept session look ended, or endless.
				assumed := len(b.Server.Calls("AssumeRole"))
				b.describe("prod/Deploy")
				if n := len(b.Server.Calls("AssumeRole")); n != assumed {
					t.Errorf("the reading session was opened again")
				}
				time.Sleep(15 * time.Minute)
				b.describe("prod/Deploy")
				if n := len(b.Server.Calls("AssumeRole")); n != assumed+1 {
					t.Errorf("the reading session was not renewed: %d", n-assumed)
				}
			})
		})
	}
}

// What takes long between GetRole's answer and the write belongs into the cutoff.
func TestTimeThatPassesBeforeTheWriteMovesTheCutoff(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) { c.Margin = 0 }, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.Server.Inject(standin.Fault{Action: "AssumeRole", Delay: 4 * time.Second})
		began := b.Server.Now()
		got, err := b.apply(order(role))
		if err != nil {
			t.Fatal(err)
		}
		if want := began.Add(5 * time.Second); !got.Cutoff.Equal(want) {
			t.Errorf("the cutoff is %v, want %v", got.Cutoff, want)
		}
	})
}

// Rule 9. The engine may want a document by a clock that is maxLate older than the write.
func TestTheCutoffLiesPastTheWriteByTheMarginHoweverLongTheStepBeforeItTook(t *testing.T) {
	const margin = 30 * time.Second
	for _, took := range []time.Duration{0, 900 * time.Millisecond, 2500 * time.Millisecond, 3 * time.Minute} {
		onBench(t, func(_ *standin.Config, c *aws.Config) { c.Margin = margin }, func(t *testing.T, b *bench) {
			b.Role(standin.RoleSpec{})
			var promises book
			time.Sleep(999 * time.Millisecond) // just before the second of the clock turns
			_, err := b.apply(promises.slowly(order(b.describe("prod/Deploy")), took))
			if err != nil {
				t.Fatal(err)
			}
			put := b.Server.Calls("PutRolePolicy")[0]
			cutoff := contain.Revoke().(contain.Dated).Cutoff(put.At, text(put.Params["PolicyDocument"]))
			if ahead := cutoff.Sub(put.At); ahead < margin-maxLate || ahead > margin+took+2*time.Second {
				t.Errorf("a promise of %v: the cutoff %v lies %v past the write", took, cutoff, ahead)
			}
		})
	}
}

// headers changes the headers of the answers.
type headers struct {
	base   http.RoundTripper
	change func(http.Header)
}

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := h.base.RoundTrip(r)
	if err == nil {
		h.change(answer.Header)
	}
	return answer, err
}

func TestWithoutAWSsTimeNothingIsWritten(t *testing.T) {
	for name, change := range map[string]func(http.Header){
		"no date":      func(h http.Header) { h.Del("Date") },
		"no such date": func(h http.Header) { h.Set("Date", "yesterday") },
		"from a cache": func(h http.Header) { h.Set("Age", "60") },
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				found := b.describe("prod/Deploy")
				config := b.Config
				config.SDK.HTTPClient = &http.Client{Transport: headers{b.HTTP.Transport, change}}
				cloud, err := aws.New(config)
				if err != nil {
					t.Fatal(err)
				}
				_, err = New(cloud).Apply(t.Context(), nil, order(found))
				if !errors.Is(err, aws.ErrNoServerTime) || !aws.Final(err) ||
					!strings.Contains(aws.Explain(err), "nothing was written") {
					t.Errorf("got %v", err)
				}
				if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
					t.Errorf("%d writes", n)
				}
			})
		})
	}
}

// Rule 10: the cutoff never moves back, whoever wrote it.
func TestTheCutoffNeverMovesBack(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		later := b.Server.Now().Add(time.Hour).Truncate(time.Second)
		before := " " + denyAt(later)
		if err := b.Prod.PutRolePolicy("Deploy", policyName, before); err != nil {
			t.Fatal(err)
		}
		got, err := b.apply(order(role))
		if err != nil {
			t.Fatal(err)
		}
		if !got.Cutoff.Equal(later) || len(got.book.plans) != 1 || got.book.plans[0].Before != before ||
			got.Change.Before != before {
			t.Errorf("got %+v", got)
		}
		if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != denyAt(later) {
			t.Errorf("on the role: %s", there)
		}
	})
}

// Rule 10: what is not exactly a revocation stays byte for byte, and ours goes beside it.
func TestWhatIsNotExactlyARevocationStaysAndTheRevocationGoesBesideIt(t *testing.T) {
	later := time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, before := range map[string]string{
		"another statement": `{ "Version":"2012-10-17", "Statement":{"Sid":"Other","Effect":"Deny",` +
			`"Action":"s3:DeleteBucket","Resource":"*"}}`,
		"a statement beside ours": strings.Replace(consoleForm, `"Statement":[`,
			`"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},`, 1),
		"a date far ahead":          denyAt(later),
		"a date without a zone":     awsbench.DenyAt("2026-11-22T10:01:31"),
		"the name of no other kind": awsbench.MayAll,
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{Policies: map[string]string{policyName: before}})
				old := b.Session("Deploy")
				r := order(b.describe("prod/Deploy"))
				began := b.Server.Now()
				got, err := b.apply(r)
				if err != nil || !got.ReadBack || got.There.Slot.Name != beside || got.Cutoff.After(began.Add(time.Minute)) {
					t.Errorf("got %+v, %v", got, err)
				}
				if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != before {
					t.Errorf("on the role: %s", there)
				}
				if there, _ := b.Prod.RolePolicy("Deploy", beside); there != denyAt(got.Cutoff) {
					t.Errorf("beside it: %s", there)
				}
				if err := b.works(old); !errors.Is(err, aws.ErrAccessDenied) {
					t.Errorf("the old session: %v", err)
				}
				again, err := b.apply(got.again(r))
				if err != nil || !again.AlreadyThere || again.There != got.There {
					t.Errorf("again: %+v, %v", again, err)
				}
				if err := b.Prod.PutRolePolicy("Deploy", beside, awsbench.MayAll); err != nil {
					t.Fatal(err)
				}
				none, err := b.apply(got.again(r))
				if refusal, ok := errors.AsType[*contain.Refusal](err); !ok || refusal.NotOurs ||
					none.Err == nil || !aws.Final(err) ||
					!strings.Contains(aws.Explain(err), policyName+" and "+beside) {
					t.Errorf("both places are taken: %+v, %v", none, err)
				}
			})
		})
	}
}

// Rule 7: another role of the same name is not the one that was approved.
func TestARoleThatWasMadeAgainVoidsTheRevocation(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		if _, err := b.Prod.RecreateRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		_, err := b.apply(order(role))
		if !errors.Is(err, aws.ErrRoleChanged) || !aws.Final(err) {
			t.Errorf("got %v", err)
		}
		if err := b.Prod.DeleteRole("Deploy"); err != nil {
			t.Fatal(err)
		}
		_, err = b.apply(order(role))
		if !errors.Is(err, aws.ErrNoSuchRole) {
			t.Errorf("after the deletion: %v", err)
		}
		if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

// Rule 11, again at the moment of the write.
func TestAProtectedRoleIsRefusedAtTheWriteToo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		for _, name := range []string{"break-glass-2", "Spoke"} {
			made := b.Role(standin.RoleSpec{Name: name})
			r := order(Role{Principal: of("prod", made.Name, made.ARN, made.UniqueID).Principal})
			config := b.Config
			config.ProtectedRoles = append(config.ProtectedRoles, "*:role/spoke")
			cloud, err := aws.New(config)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(cloud).Apply(t.Context(), nil, r)
			if !refusedFor(err, "is protected by the configuration") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

// The configuration may have changed since it was asked for.
func TestTheBotsOwnRoleIsRefusedAtTheWriteAndAtTheUndoToo(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		own, ok := b.Hub.Role("revokebot-hub")
		if !ok {
			t.Fatal("the bench has no hub role")
		}
		r := Order{
			Target: of("home", own.Name, own.ARN, own.UniqueID), Requester: "U0ROSA",
			Approvers: []string{"U0BOB"},
			Measure:   contain.Revoke(),
		}
		_, revoked := b.apply(r)
		_, undone := b.apply(undo(r, []contain.Change{{Slot: text("").Slot, After: consoleForm}}))
		for _, err := range []error{revoked, undone} {
			if !refusedFor(err, "lock revokebot out") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestAPlanThatCannotBeKeptStopsTheWrite(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		lost := errors.New("not recorded")
		r.Promise = func(context.Context, Plan) ([]contain.Change, error) { return nil, lost }
		if _, err := b.apply(r); !errors.Is(err, lost) {
			t.Errorf("got %v", err)
		}
		if n := len(b.Server.Calls("PutRolePolicy")); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestOnceThePlanIsKeptTheEndOfTheCallerDoesNotStopTheWrite(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		r := order(b.describe("prod/Deploy"))
		ctx, stop := context.WithCancel(t.Context())
		r = promising(r, func(Plan) error { stop(); return nil })
		out, err := b.roles.Apply(ctx, nil, r)
		got := out.Documents[0]
		if err != nil || got.Writes != 1 || got.ReadBack || got.Gap != "" || got.There.Text == "" ||
			!errors.Is(got.ReadBackError, context.Canceled) {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, ok := b.Prod.RolePolicy("Deploy", policyName); !ok {
			t.Error("nothing was written")
		}
	})
}

// Rule 12: one role, and CloudTrail tells who it was.
func TestTheCredentialsOfOneMeasureCanTouchOnePrincipalAndNameTheRequestAndBothPeople(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{Path: "/o*s/"})
		b.Role(standin.RoleSpec{Name: "Other", Path: "/ops/"})
		role := b.describe("prod/Deploy")
		r := order(role)
		got, err := b.apply(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := "arn:aws:sts::111122223333:assumed-role/revokebot-spoke/req-1"; got.CallerARN != want {
			t.Errorf("written by %s", got.CallerARN)
		}
		calls := b.Server.Calls("AssumeRole")
		params := calls[len(calls)-1].Params
		for name, want := range map[string]string{
			"RoleSessionName": "req-1", "SourceIdentity": "U0ALICE", "ExternalId": "ex-1", "DurationSeconds": "900",
			"Tags.member.1.Key": "request", "Tags.member.1.Value": "req-1",
			"Tags.member.2.Key": "requester", "Tags.member.2.Value": "U0ALICE",
			"Tags.member.3.Key": "approvers", "Tags.member.3.Value": "U0BOB U0CAROL",
			"Policy": sessionOf(Do, role.ARN),
		} {
			if params[name] != want {
				t.Errorf("%s is %q, want %q", name, params[name], want)
			}
		}
		if region := calls[len(calls)-1].Region; region != "eu-central-1" {
			t.Errorf("STS was asked in %s", region)
		}

		prod := b.Conn("prod")
		cred, err := prod.Open(t.Context(), aws.Grant{
			Request: r.Request, Requester: r.Requester, Approvers: r.Approvers, Policy: sessionOf(Do, r.Principal.ARN),
		})
		if err != nil {
			t.Fatal(err)
		}
		put := func(role string) error {
			_, err := (inline{}).write(t.Context(), read(prod, role), cred, text(consoleForm))
			return err
		}
		if err := put("Deploy"); err != nil {
			t.Errorf("on its role: %v", err)
		}
		for _, other := range []string{"Other", "revokebot-spoke"} {
			if err := put(other); !errors.Is(err, aws.ErrAccessDenied) {
				t.Errorf("on %s: %v", other, err)
			}
		}
		_, err = (inline{}).write(t.Context(), read(prod, "Deploy"), cred, text(""))
		if !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("another action: %v", err)
		}
		_, err = (inline{}).write(t.Context(), read(prod, "Deploy"), aws.Credential{}, text(consoleForm))
		if !errors.Is(err, aws.ErrAccessDenied) {
			t.Errorf("the reading session writes: %v", err)
		}
	})
}

func TestAmbientCredentialsDoBothWhereNoRoleIsAssumed(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Hub.AddRole(standin.RoleSpec{Name: "Deploy", Trust: awsbench.TrustEC2})
		got, err := b.apply(order(b.describe("home/Deploy")))
		if err != nil || !got.ReadBack {
			t.Fatalf("got %+v, %v", got, err)
		}
		if want := "arn:aws:sts::999900001111:assumed-role/revokebot-hub/i-0hub"; got.CallerARN != want {
			t.Errorf("written by %s", got.CallerARN)
		}
		if n := len(b.Server.Calls("AssumeRole")); n != 0 {
			t.Errorf("%d roles assumed", n)
		}
	})
}

// With every call slowed to 100 ms, the write arrives after two of them.
func TestTheWriteIsTwoRemoteStepsDeep(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		b.Role(standin.RoleSpec{})
		role := b.describe("prod/Deploy")
		b.Server.Inject(standin.Fault{Delay: 100 * time.Millisecond, Times: -1})
		began := time.Now()
		if _, err := b.apply(order(role)); err != nil {
			t.Fatal(err)
		}
		put := b.Server.Calls("PutRolePolicy")[0]
		if steps := put.At.Sub(began); steps != 100*time.Millisecond {
			t.Errorf("PutRolePolicy left after %v", steps)
		}
	})
}
