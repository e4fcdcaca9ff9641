package trail

import (
	"testing"
	"time"
)

func TestOnlyAMessageThatIsWhollyOfAnInlinePolicyProvesADenial(t *testing.T) {
	const by = " with an explicit deny in an identity-based policy"
	const user = "User: arn:aws:sts::111122223333:assumed-role/Deploy/x is not authorized to perform: "
	const alarm = "cloudwatch:DeleteAlarms on resource: arn:aws:cloudwatch:us-east-1:111122223333:alarm:a"
	for message, want := range map[string]string{
		user + "iam:ListRoles" + by:                              "iam:ListRoles",
		user + "s3:GetObject on resource: arn:aws:s3:::b/k" + by: "s3:GetObject",
		"You are not authorized to perform this operation. " + user + "ec2:RunInstances on resource: " +
			"arn:aws:ec2:eu-west-1:111122223333:instance/*" + by +
			". Encoded authorization failure message: Zm9v": "ec2:RunInstances",

		// an organisation's, a session's
		user + "iam:ListRoles with an explicit deny in a service control policy":                "",
		user + "iam:ListRoles with an explicit deny in a session policy":                        "",
		user + "iam:ListRoles because no identity-based policy allows the iam:ListRoles action": "",
		// names that an attacker chose
		user + alarm + by + " because no identity-based policy allows the cloudwatch:DeleteAlarms action": "",
		user + alarm + " on resource: b" + by:  "",
		"Alarm " + user + "iam:ListRoles" + by: "",
		"Access Denied":                        "",
		"":                                     "",
	} {
		if got, policy := deniedAction(message); got != want || policy != "" {
			t.Errorf("%q: %q, not %q", message, got, want)
		}
	}
}

func TestADenialByAManagedPolicyIsProofOnlyIfTheRequestAttachedIt(t *testing.T) {
	const lock = "arn:aws:iam::aws:policy/AWSDenyAll"
	for _, policy := range []string{
		lock, "arn:aws:iam::aws:policy/AWSDenyAllOfMine", "arn:aws:iam::111122223333:policy/Standing",
	} {
		action, by := deniedAction("User: arn:aws:sts::111122223333:assumed-role/Deploy/x is not authorized to perform: " +
			"iam:ListRoles with an explicit deny in an identity-based policy: " + policy)
		f := newFold(time.Unix(0, 1), lock)
		f.classify(Call{Time: time.Unix(5, 0), Denied: true, ExplicitDeny: action, DenyingPolicy: by})
		if action != "iam:ListRoles" || by != policy || len(f.Blocked) == 1 != (policy == lock) {
			t.Errorf("%s: %q by %q proves %v", policy, action, by, f.Blocked)
		}
	}
}

func TestWhatIsDeniedAnywayProvesNothingAndTheRestStaysProven(t *testing.T) {
	var a Activity
	a.blocked("iam:ListRoles", time.Unix(30, 0))
	a.blocked("organizations:LeaveOrganization", time.Unix(10, 0))
	a.blocked("iam:ListRoles", time.Unix(20, 0))
	if a.FirstExplicitDeny.Unix() != 10 {
		t.Errorf("denied since %v", a.FirstExplicitDeny)
	}
	a.Disprove(map[string]bool{"organizations:LeaveOrganization": true})
	if a.FirstExplicitDeny.Unix() != 20 {
		t.Errorf("denied since %v", a.FirstExplicitDeny)
	}
	a.Disprove(map[string]bool{"iam:ListRoles": true})
	if !a.FirstExplicitDeny.IsZero() {
		t.Errorf("denied since %v", a.FirstExplicitDeny)
	}
}

func TestAFailureTellsThatASessionHasEndedOrNothingOrIsUnclear(t *testing.T) {
	for code, want := range map[string]struct {
		ended, unclear bool
	}{
		"ExpiredToken": {true, false}, "ExpiredTokenException": {true, false}, "Client.ExpiredToken": {true, false},
		"RegionDisabledException": {}, "OptInRequired": {}, "ThrottlingException": {}, "InvalidClientTokenId": {},
		"NoSuchEntityException": {false, true}, "ValidationException": {false, true},
	} {
		f := newFold(time.Unix(10, 0))
		f.classify(Call{Service: "iam", Name: "ListRoles", Time: time.Unix(20, 0), ErrorCode: code})
		if ended, unclear := !f.Ended.IsZero(), f.FailedAfter > 0; ended != want.ended || unclear != want.unclear {
			t.Errorf("%s: ended %v, unclear %v", code, ended, unclear)
		}
	}
}
