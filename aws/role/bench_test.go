package role

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"go.uber.org/goleak"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
	standin "github.com/revokebot/revokebot/sandbox/aws"
	"github.com/revokebot/revokebot/sandbox/awsbench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prodAccount is the account behind the spoke role, as New keeps it.
var prodAccount = aws.Account{Name: "prod", ID: awsbench.ProdID, Partition: "aws"}

// bench is a Bench with a Client.
type bench struct {
	*awsbench.Bench
	roles *Client
}

func onBench(t *testing.T, change func(*standin.Config, *aws.Config), test func(t *testing.T, b *bench)) {
	t.Helper()
	awsbench.On(t, change, func(t *testing.T, b *awsbench.Bench) { test(t, &bench{b, New(b.Cloud)}) })
}

// describe finds a role or fails the test.
func (b *bench) describe(text string) Role {
	b.T.Helper()
	target, err := b.Cloud.Parse(text)
	if err != nil {
		b.T.Fatal(err)
	}
	role, err := b.roles.Describe(b.T.Context(), target, contain.Revoke(), nil)
	if err != nil {
		b.T.Fatal(err)
	}
	return role
}

// order is an approved request for a role.
func order(r Role) Order {
	return Order{
		Target:    contain.Target{Principal: r.Principal, Request: "req-1"},
		Requester: "U0ALICE", Approvers: []string{"U0BOB", "U0CAROL"}, Measure: contain.Revoke(),
	}
}

// of is a role that an order is about, as it was approved.
func of(account, name, arn, id string) contain.Target {
	return contain.Target{
		Principal: contain.Principal{AccountName: account, Name: name, ARN: arn, ID: id}, Request: "req-1",
	}
}

// read is a role of an account as far as its slots are read and written.
func read(a *aws.Conn, name string) *Prepared {
	return &Prepared{account: a, of: Order{Target: of(a.Name, name, "", "")}}
}

// works makes a call that the role allows and reports AWS's error.
func (b *bench) works(key standin.AccessKey) error {
	client := iam.NewFromConfig(b.SDK(key), func(o *iam.Options) { o.Region = "us-east-1" })
	_, err := client.ListRoles(b.T.Context(), &iam.ListRolesInput{})
	if err != nil {
		return aws.NewCallError("iam:ListRoles", "", err)
	}
	return nil
}

// policyName is the first place of a revocation.
const policyName = contain.ConsolePolicy

// beside is its second place, for the request of order.
const beside = contain.OwnPolicy + "req-1"

const consoleForm = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],` +
	`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T10:01:31.000Z"}}}]}`

// denyAt is a revocation as the bot writes it.
func denyAt(cutoff time.Time) string {
	return strings.Replace(consoleForm, "2026-11-22T10:01:31.000Z", cutoff.UTC().Format(issueTimeFormat), 1)
}

// cutoffOf is the cutoff of a document, at a time when it is believed; zero for what is not
// exactly a revocation.
func cutoffOf(d contain.Document) time.Time {
	return contain.Revoke().(contain.Dated).Cutoff(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), d)
}

// text is a document in the first place of a revocation.
func text(s string) contain.Document {
	return contain.Document{Slot: contain.Slot{Kind: contain.RoleInline, Name: policyName}, Text: s}
}

// book keeps the promises of one request.
type book struct {
	plans []Plan
	all   []contain.Change
}

// keeping makes an order keep its promises in a book, and begin with what is there.
func (l *book) keeping(o Order) Order {
	o.Promised = slices.Clone(l.all)
	o.Promise = func(_ context.Context, p Plan) ([]contain.Change, error) {
		l.plans, l.all = append(l.plans, p), append(l.all, p.Change)
		return slices.Clone(l.all), nil
	}
	return o
}

// one is what became of an order of one document.
type one struct {
	Outcome
	Result
	Cutoff time.Time // of what is there
	book   *book
}

// apply carries out an order of one document. What it promises is kept, after what it has
// promised before.
func (b *bench) apply(o Order) (one, error) {
	b.T.Helper()
	l := &book{all: slices.Clone(o.Promised)}
	if o.Promise == nil {
		o = l.keeping(o)
	}
	out, err := b.roles.Apply(b.T.Context(), nil, o)
	d := one{Outcome: out, book: l}
	if len(out.Documents) == 1 {
		d.Result = out.Documents[0]
		d.Cutoff = cutoffOf(d.There)
	}
	return d, err
}

// again is an order after what was promised for it.
func (d one) again(o Order) Order { return d.book.keeping(o) }

// undo is an approved request to take back what another one wrote.
func undo(o Order, written []contain.Change) Order {
	return Order{
		Target: contain.Target{Principal: o.Principal, Request: "req-2"}, Requester: "U0BOB", Approvers: []string{"U0ALICE"},
		Mode: Undo, Measure: contain.Restore(o.Measure, contain.Fold(written)),
	}
}

// promising makes an order keep its promises in memory, and say what they are.
func promising(o Order, say func(Plan) error) Order {
	all := slices.Clone(o.Promised)
	o.Promise = func(_ context.Context, p Plan) ([]contain.Change, error) {
		all = append(all, p.Change)
		return slices.Clone(all), say(p)
	}
	return o
}

// sessionOf is the session policy of a revocation, or of its undo.
func sessionOf(mode Mode, roleARN string) string {
	return approved(mode, roleARN, contain.Revoke()).sessionPolicy()
}

// approved is an order of a measure on a role of which the ARN is known.
func approved(mode Mode, roleARN string, m contain.Measure) Order {
	return Order{Mode: mode, Measure: m, Target: contain.Target{
		Principal: contain.Principal{Kind: contain.Role, Partition: "aws", ARN: roleARN}, Request: "req-1",
	}}
}

// mayAll lets the bot's role in prod do everything, so that the session policy alone stands
// between it and the account.
func (b *bench) mayAll() {
	b.T.Helper()
	if err := b.Prod.PutRolePolicy("revokebot-spoke", "all", awsbench.MayAll); err != nil {
		b.T.Fatal(err)
	}
}

// lock is an approved request to lock a role.
func (b *bench) lock(r standin.Role) Order {
	o := order(Role{Principal: of("prod", r.Name, r.ARN, r.UniqueID).Principal})
	o.Request, o.Measure = "req-9", contain.Lock()
	return o
}

// refusedFor reports whether an error is a refusal that says something.
func refusedFor(err error, part string) bool {
	refused, ok := errors.AsType[*aws.RefusedError](err)
	return ok && strings.Contains(refused.Sentence, part)
}
