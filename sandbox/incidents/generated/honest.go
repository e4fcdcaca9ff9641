package generated

import "fmt"

// party is an honest user of the role.
type party struct {
	identity func(n int) string
	name     func(n int) string
	address  string // of the opening
	home     string // of the calls
	hours    float64
}

func (w *Incident) user(name string) string {
	return fmt.Sprintf(`{"type":"IAMUser","principalId":"AIDA%s","userName":%q,"accountId":"%[3]s",`+
		`"arn":"arn:aws:iam::%[3]s:user/%[1]s","accessKeyId":"AKIA%[1]s"}`, name, name, w.role.Account)
}

func service(name string) string { return `{"type":"AWSService","invokedBy":"` + name + `"}` }

func oidc(provider, subject string) string {
	return fmt.Sprintf(`{"type":"WebIdentityUser","userName":%q,"identityProvider":%q,"principalId":"%s:aud:%s"}`, subject,
		provider, provider, subject)
}

func podTags(cluster, account, pod string) string {
	return fmt.Sprintf(`,"tags":[{"key":"eks-cluster-arn","value":%q},{"key":"kubernetes-namespace","value":"shop"},`+
		`{"key":"kubernetes-service-account","value":%q},{"key":"kubernetes-pod-name","value":%q}]`, cluster, account, pod)
}

func (w *Incident) parties() []party {
	same := func(text string) func(int) string { return func(int) string { return text } }
	numbered := func(prefix string) func(int) string { return func(n int) string { return fmt.Sprintf(prefix, n) } }
	const lambda = "lambda.amazonaws.com"
	pod := func(n int) string { return "eks-pay-7d9f8b6c5d-x2k" + string("bcdfghjklm"[n%10]) + "q" }
	all := []party{
		{same(w.user("ci")), numbered("deploy-%d"), "198.51.100.20", "198.51.100.20", 1},
		{same(w.user("rosa")), same("rosa@acme.example"), "198.51.100.71", "198.51.100.71", 8},
		{same(w.user("dual")), same("dual"), "198.51.100.9", "2001:db8:1:2::5", 4},
		{same(w.user("vpc")), same("vpc"), "198.51.100.30", "10.0.0.9", 6},
		{same(service("ec2.amazonaws.com")), same("i-0aaaaaaaaaaaaaaaa"), "ec2.amazonaws.com", "198.51.100.160", 6},
		{same(service(lambda)), same("release-notes"), lambda, "192.0.2.200", 12},
		{same(service(lambda)), numbered("awslambda_%d_20261130101112345"), lambda, "192.0.2.201", 1},
		{same(service("pods.eks.amazonaws.com")), pod, "pods.eks.amazonaws.com", "192.0.2.202", 6},
		{
			same(oidc("token.actions.githubusercontent.com", "repo:acme@1/shop@2:ref:refs/heads/main")), numbered("run-%d"),
			"192.0.2.50", "192.0.2.50", 1,
		},
		{
			func(n int) string {
				return oidc("agent.buildkite.com", fmt.Sprintf("organization:acme:pipeline:p:commit:%040x:step:deploy", n))
			}, numbered("build-%d"), "192.0.2.60", "192.0.2.60", 1,
		},
	}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+w.IntN(5)]
}

// through is a call of a party that goes through, unless more says otherwise.
func (w *Incident) through(p party, minute float64, h holder, service, name, more string) {
	if p.home == "10.0.0.9" {
		more += `,"vpcEndpointId":"vpce-1","vpcEndpointAccountId":"` + w.role.Account + `"`
	}
	w.call(minute, h, h.key, service, name, p.home, more)
}

// lives plays honest use of the role: a session weeks ago, those of before the cutoff, which the
// revocation denies, and those since.
func (w *Incident) lives(p party) (before, since []holder) {
	n := 0
	w.open(-weeksAgo, p.identity(n), p.name(n), p.address, p.hours, w.role.ARN)
	for minute := -600 + 100*w.Float64(); minute < -2; minute += 30 + 200*w.Float64() {
		n++
		h := w.open(minute, p.identity(n), p.name(n), p.address, p.hours, w.role.ARN)
		before = append(before, h)
		for range w.IntN(4) {
			w.through(p, min(minute+1+w.Float64()*30, -1), h, "ecs", "UpdateService", "")
		}
	}
	for _, h := range before {
		if w.chance(30) && h.ends > 4 {
			w.through(p, min(4+6*w.Float64(), h.ends), h, "iam", "ListRoles", w.byOurs(h))
			w.Denied = true
		}
	}
	if w.chance(70) && len(before) > 1 {
		n++
		h := w.open(2+10*w.Float64(), p.identity(n), p.name(n), p.address, p.hours, w.role.ARN)
		since = append(since, h)
		w.through(p, 14, h, "ecs", "UpdateService", "")
	}
	return before, since
}

// weeksAgo is how many minutes before the cutoff honest parties used the role, too.
const weeksAgo = 20 * 24 * 60
