package role

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

// answers changes what AWS answers to the calls of an action.
type answers struct {
	http.RoundTripper
	action string
	change func(asked url.Values, body string) string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	out, err := a.RoundTripper.RoundTrip(r)
	if err != nil || form.Get("Action") != a.action {
		return out, err
	}
	text, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, err
	}
	_ = out.Body.Close()
	changed := a.change(form, string(text))
	if changed != string(text) || form.Get("Marker") != "" {
		out.StatusCode, out.Status = http.StatusOK, "200 OK" // the stand-in knows no such marker
	}
	out.Body, out.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
	out.Header.Del("Content-Length")
	return out, nil
}

// changing is the bench with a client to which AWS answers otherwise.
func (b *bench) changing(action string, change func(asked url.Values, body string) string) *bench {
	b.T.Helper()
	config := b.Config
	config.SDK.HTTPClient = &http.Client{Transport: answers{b.HTTP.Transport, action, change}}
	cloud, err := aws.New(config)
	if err != nil {
		b.T.Fatal(err)
	}
	again := *b.Bench
	again.Cloud = cloud
	return &bench{&again, New(cloud)}
}

var (
	anyMember = regexp.MustCompile(`(?s)<member>.*</member>`)
	truncated = regexp.MustCompile(`<IsTruncated>[a-z]*</IsTruncated>`)
)

// paged answers with an empty page first. IAM may do that with any list (IAM API Reference).
func paged(whole func(body string) string) func(url.Values, string) string {
	first := ""
	return func(asked url.Values, body string) string {
		if asked.Get("Marker") != "" {
			return first
		}
		first = whole(body)
		return truncated.ReplaceAllString(anyMember.ReplaceAllString(body, ""),
			"<IsTruncated>true</IsTruncated><Marker>more</Marker>")
	}
}

func same(body string) string { return body }

func TestNoActiveKeyIsTakenForDeletedBecauseAListDoesNotShowIt(t *testing.T) {
	for name, change := range map[string]func(url.Values, string) string{
		"on the second page": paged(same),
		"stale":              func(_ url.Values, body string) string { return anyMember.ReplaceAllString(body, "") },
	} {
		t.Run(name, func(t *testing.T) {
			onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
				b = b.changing("ListAccessKeys", change)
				out, err := b.roles.Apply(t.Context(), nil, new(book).keeping(b.keyOrder(key.AccessKeyID)))
				if status := b.deployer().Keys[key.AccessKeyID]; err != nil || status != "Inactive" {
					t.Errorf("the key is %s: %+v, %v", status, out, err)
				}
			})
		})
	}
}

func TestNoPageOfTheSimulatorIsLeftOut(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{Policies: map[string]string{"no": `{"Version":"2012-10-17","Statement":{` +
			`"Effect":"Deny","Action":"iam:*","Resource":"*"}}`}})
		b = b.changing("SimulatePrincipalPolicy", paged(same))
		o := Order{Target: of("prod", "Deploy", role.ARN, ""), Measure: contain.Revoke()}
		got, err := b.roles.DeniedAnyway(t.Context(), o, []contain.Document{text(consoleForm)}, nil,
			[]string{"iam:ListRoles"})
		if err != nil || !got["iam:ListRoles"] {
			t.Errorf("denied anyway: %v, %v", got, err)
		}
	})
}

func TestNothingIsProvenByWhatTheSimulatorDidNotAnswer(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		role := b.Role(standin.RoleSpec{})
		b = b.changing("SimulatePrincipalPolicy", func(_ url.Values, body string) string {
			return anyMember.ReplaceAllString(body, "")
		})
		o := Order{Target: of("prod", "Deploy", role.ARN, ""), Measure: contain.Revoke()}
		got, err := b.roles.DeniedAnyway(t.Context(), o, []contain.Document{text(consoleForm)}, nil,
			[]string{"iam:ListRoles"})
		if err == nil && !got["iam:ListRoles"] {
			t.Errorf("denied anyway: %v, %v", got, err)
		}
		r := order(b.describe("prod/Deploy"))
		rehearsed, err := b.roles.Rehearse(t.Context(), r)
		if err != nil || rehearsed.MayWrite || rehearsed.Paper.Proven {
			t.Errorf("%+v, %v", rehearsed, err)
		}
	})
}

func TestNoListWithoutAnEndIsReadForEver(t *testing.T) {
	onBench(t, nil, func(t *testing.T, b *bench) {
		made := b.Role(standin.RoleSpec{})
		first := ""
		endless := func(asked url.Values, body string) string {
			if asked.Get("Marker") == "" {
				first = truncated.ReplaceAllString(body, "<IsTruncated>true</IsTruncated><Marker>again</Marker>")
			}
			return first
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for action, do := range map[string]func(*bench) error{
			"ListAttachedRolePolicies": func(b *bench) error {
				_, err := b.roles.Apply(ctx, nil, b.lock(made))
				return err
			},
			"ListRoles": func(b *bench) error { return b.roles.LoadRoles(ctx, "prod") },
		} {
			before := len(b.Server.Calls(action))
			err := do(b.changing(action, endless))
			if n := len(b.Server.Calls(action)) - before; n > mostPages || ctx.Err() != nil {
				t.Errorf("%s: %d pages, %v", action, n, err)
			}
		}
	})
}

func TestWhatAUserIsDeniedAnywayIsAskedWithoutTheBotsOwnPolicyOnIt(t *testing.T) {
	onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
		o, l := b.keyOrder(key.AccessKeyID), &book{}
		out, err := b.roles.Apply(t.Context(), nil, l.keeping(o))
		if err != nil {
			t.Fatal(err)
		}
		stands := []contain.Document{out.Documents[0].There, out.Documents[1].There}
		slots := []contain.Slot{stands[0].Slot, stands[1].Slot}
		got, err := b.roles.DeniedAnyway(t.Context(), o, stands, slots, []string{"iam:ListRoles"})
		if err != nil || got["iam:ListRoles"] {
			t.Errorf("denied anyway: %v, %v", got, err)
		}
	})
}

// AWS says that a policy is not there by NoSuchEntity, and never by a document that is missing.
func TestNoAnswerWithoutItsContentIsTakenForAnEmptySlotOrForNobody(t *testing.T) {
	for action, member := range map[string]string{"GetRolePolicy": "PolicyDocument", "GetCallerIdentity": "Arn"} {
		t.Run(action, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				b.Role(standin.RoleSpec{})
				if err := b.Prod.PutRolePolicy("Deploy", policyName, awsbench.MayAll); err != nil {
					t.Fatal(err)
				}
				o := order(b.describe("prod/Deploy"))
				without := regexp.MustCompile(`(?s)<` + member + `>.*</` + member + `>`)
				b = b.changing(action, func(_ url.Values, body string) string { return without.ReplaceAllString(body, "") })
				got, err := b.apply(o)
				if there, _ := b.Prod.RolePolicy("Deploy", policyName); there != awsbench.MayAll || err == nil || aws.Final(err) {
					t.Errorf("there is %s: %+v, %v", there, got, err)
				}
			})
		})
	}
}

// A write that AWS did and answered with a failure is done once it is applied again, for every
// measure and its undo, and is never called refused.
func TestNoWriteThatAWSDidIsLostToItsAnswer(t *testing.T) {
	type made struct {
		order Order
		there func() string // what the slot that is written last says
	}
	roleSlot := func(b *bench, name string) func() string {
		return func() string { text, _ := b.Prod.RolePolicy("Deploy", name); return text }
	}
	for name, approved := range map[string]func(b *bench, key string) made{
		"revoke": func(b *bench, _ string) made {
			b.Role(standin.RoleSpec{})
			return made{order(b.describe("prod/Deploy")), roleSlot(b, policyName)}
		},
		"restrict": func(b *bench, _ string) made {
			b.Role(standin.RoleSpec{})
			o := order(b.describe("prod/Deploy"))
			o.Measure, o.Params = contain.Restrict(), []byte(`{"addresses":["203.0.113.0/24"]}`)
			return made{o, roleSlot(b, contain.KnownPolicy)}
		},
		"lock": func(b *bench, _ string) made {
			b.mayAll()
			return made{b.lock(b.Role(standin.RoleSpec{})), func() string {
				if b.attached() {
					return "attached"
				}
				return ""
			}}
		},
		"key": func(b *bench, key string) made {
			return made{b.keyOrder(key), func() string { return b.deployer().Policies[olderSessions] }}
		},
	} {
		for _, code := range []string{"ServiceFailure", "Throttling", "RequestTimeout", "EntityTemporarilyUnmodifiable"} {
			t.Run(name+" "+code, func(t *testing.T) {
				onUsers(t, nil, func(t *testing.T, b *bench, key standin.AccessKey) {
					if err := b.Prod.PutRolePolicy("revokebot-spoke", "all", awsbench.MayAll); err != nil {
						t.Fatal(err)
					}
					m, l := approved(b, key.AccessKeyID), &book{}
					carry := func(o Order) {
						t.Helper()
						for _, action := range []string{
							"PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "UpdateAccessKey",
							"PutUserPolicy", "DeleteUserPolicy",
						} {
							b.Server.Inject(standin.Fault{Action: action, Code: code, AfterDoing: true, Times: 20})
						}
						out, err := b.roles.Apply(t.Context(), nil, l.keeping(o))
						if aws.Final(err) { // an SDK's try that finds nothing left to remove is no error
							t.Errorf("%+v, %v", out, err)
						}
						b.Server.ClearFaults()
						out, err = b.roles.Apply(t.Context(), nil, l.keeping(o))
						if err != nil || len(out.Documents) == 0 {
							t.Fatalf("%+v, %v", out, err)
						}
						for _, d := range out.Documents {
							if !d.ReadBack || d.Err != nil {
								t.Errorf("%+v", d)
							}
						}
					}
					carry(m.order)
					if m.there() == "" {
						t.Error("nothing is there")
					}
					written := l.all
					l = &book{}
					carry(undo(m.order, written))
					if there := m.there(); there != "" {
						t.Errorf("it is there: %s", there)
					}
				})
			})
		}
	}
}

// A denial by another inline policy reads like one by the bot's, and the simulator is asked about
// no resource and no condition.
func TestNoDenialIsOursThatAnotherInlinePolicyCanHaveMade(t *testing.T) {
	for name, statement := range map[string]string{
		"of one resource": `"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/k"`,
		"under a condition": `"Action":"s3:Get*","Resource":"*","Condition":{"StringEquals":` +
			`{"aws:RequestedRegion":"eu-west-1"}}`,
		"of all but some":       `"NotAction":"iam:*","Resource":"arn:aws:s3:::b/*"`,
		"of all but a resource": `"Action":["s3:PutObject","S3:getobject"],"NotResource":"*"`,
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, nil, func(t *testing.T, b *bench) {
				role := b.Role(standin.RoleSpec{})
				done, err := b.apply(order(b.describe("prod/Deploy")))
				if err != nil {
					t.Fatal(err)
				}
				if err := b.Prod.PutRolePolicy("Deploy", "Standing", `{"Version":"2012-10-17","Statement":{"Effect":"Deny",`+
					statement+`}}`); err != nil {
					t.Fatal(err)
				}
				o := Order{Target: of("prod", "Deploy", role.ARN, ""), Measure: contain.Revoke()}
				got, err := b.roles.DeniedAnyway(t.Context(), o, []contain.Document{done.There},
					[]contain.Slot{done.There.Slot}, []string{"s3:GetObject", "iam:ListRoles"})
				if err != nil || !got["s3:GetObject"] || got["iam:ListRoles"] {
					t.Errorf("denied anyway: %v, %v", got, err)
				}
			})
		})
	}
}

// A trust policy cannot be deleted: the thread reports what was written on a role without approval.
func TestAFreezeOfARoleThatWasMadeAgainIsNotSaidToBeTakenOff(t *testing.T) {
	onBench(t, func(_ *standin.Config, c *aws.Config) {
		c.Accounts[0].TrustRole = "arn:aws:iam::" + awsbench.ProdID + ":role/revokebot-trust"
	}, func(t *testing.T, b *bench) {
		b.Prod.AddRole(standin.RoleSpec{
			Name: "revokebot-trust", Trust: awsbench.TrustHub, Policies: map[string]string{"all": awsbench.MayAll},
		})
		b.Role(standin.RoleSpec{})
		o := order(b.describe("prod/Deploy"))
		o.Measure = contain.Freeze()
		// made again by the one who sees the bot's write come: after its last look at the trust policy
		var made atomic.Bool
		b.Server.Inject(standin.Fault{Action: "UpdateAssumeRolePolicy", Delay: time.Second})
		go func() {
			time.Sleep(500 * time.Millisecond)
			_, err := b.Prod.RecreateRole("Deploy")
			made.Store(err == nil)
		}()
		got, err := b.apply(o)
		if r, _ := b.Prod.Role("Deploy"); !made.Load() || !strings.Contains(r.Trust, "RevokebotFreeze") ||
			!errors.Is(err, aws.ErrRoleChanged) || !strings.Contains(got.There.Text, "RevokebotFreeze") {
			t.Errorf("there is %s: %+v, %v", r.Trust, got, err)
		}
	})
}
