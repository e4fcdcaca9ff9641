package role

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/contain"
)

// Weakness is what a role's own documents let an attacker do, and what changes that. Nothing of it
// is carried out.
type Weakness struct {
	What      string `json:"what"`                // foreign text in it is quoted
	Command   string `json:"command"`             // for a shell; of the trust policy, one for all of its weaknesses
	Terraform string `json:"terraform,omitempty"` // what the same is there
}

// hour is what most work needs, and the least maximum that IAM takes.
const hour = time.Hour

// Harden reads a role and says what its trust policy and its maximum let an attacker do. mfa names
// users that had a second factor in every session that they opened.
func (c *Client) Harden(ctx context.Context, p contain.Principal, mfa []string) ([]Weakness, error) {
	of, err := c.look(ctx, Order{Target: contain.Target{Principal: p}}, false, nil)
	if err != nil || p.ID != of.role.ID {
		return nil, err
	}
	return weaknesses(of.account.Account, of.role, of.trust, mfa), nil
}

func weaknesses(a aws.Account, r Role, trust string, mfa []string) (all []Weakness) {
	if longest := r.MaxSession; longest > hour {
		all = append(all, Weakness{
			What: fmt.Sprintf("A session may last %d hours", int((longest+hour-1)/hour)),
			Command: "aws iam update-role --role-name " + r.Name +
				" --max-session-duration 3600",
			Terraform: "max_session_duration = 3600",
		})
	}
	var document map[string]any
	if json.Unmarshal([]byte(trust), &document) != nil {
		return all
	}
	list, several := document["Statement"].([]any)
	if !several {
		list = []any{document["Statement"]}
	}
	first := len(all)
	for i, raw := range statements(trust) {
		s, ok, _ := readAllow(raw)
		made, isMap := list[i].(map[string]any)
		if ok && isMap && s.allowsAssuming() {
			all = append(all, s.weak(a, made, mfa)...)
		}
	}
	if len(all) > first {
		text, _ := json.Marshal(document) //nolint:errcheck // it was JSON
		quoted := strings.ReplaceAll(string(text), "'", `'\''`)
		for i := range all[first:] {
			all[first+i].Command = "aws iam update-assume-role-policy --role-name " + r.Name + " --policy-document '" +
				quoted + "'"
		}
	}
	return all
}

// weak says what a statement that lets principals in lacks, and adds it to made, the same
// statement.
func (s statement) weak(a aws.Account, made map[string]any, mfa []string) (all []Weakness) {
	byType := s.named()
	demand := func(what, operator, key, value, terraform string) {
		conditions, _ := made["Condition"].(map[string]any)
		if conditions == nil {
			conditions = map[string]any{}
			made["Condition"] = conditions
		}
		of, _ := conditions[operator].(map[string]any)
		if of == nil {
			of = map[string]any{}
			conditions[operator] = of
		}
		of[key] = value
		all = append(all, Weakness{What: what, Terraform: terraform})
	}
	root := "arn:" + a.Partition + ":iam::" + a.ID + ":root"
	if len(s.NotPrincipal) == 0 && slices.Contains(byType["AWS"], "*") && len(s.Condition) == 0 {
		made["Principal"] = map[string]any{"AWS": root}
		return []Weakness{{
			What:      "The trust policy lets in everybody, of every AWS account",
			Terraform: `identifiers = ["` + root + `"]`,
		}}
	}
	var partners, users []string
	for _, value := range byType["AWS"] {
		account, name := value, ""
		if ref, err := aws.ParseARN(value); err == nil {
			account = ref.Account
			if _, last := ref.PathAndName(); ref.Kind == "user" {
				name = last
			}
		}
		switch {
		case aws.IsAccountID(account) && account != a.ID:
			partners = append(partners, account)
		case name != "" && slices.Contains(mfa, name):
			users = append(users, name)
		}
	}
	if len(partners) > 0 && !s.demands("sts:ExternalId", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths") {
		demand("Account "+strings.Join(slices.Compact(slices.Sorted(slices.Values(partners))), ", ")+
			" gets in without an external id", "StringEquals", "sts:ExternalId", "CHOOSE-WITH-THE-PARTNER",
			`condition { test = "StringEquals", variable = "sts:ExternalId", values = [var.external_id] }`)
	}
	if len(users) == len(byType["AWS"]) && len(users) > 0 && !s.demands("aws:MultiFactorAuthPresent",
		"aws:MultiFactorAuthAge") {
		demand("User "+aws.Quote(strings.Join(users, ", "))+" gets in without MFA, and had it in every session",
			"Bool", "aws:MultiFactorAuthPresent", "true",
			`condition { test = "Bool", variable = "aws:MultiFactorAuthPresent", values = ["true"] }`)
	}
	for _, value := range byType["Federated"] {
		ref, err := aws.ParseARN(value)
		if err != nil || ref.Kind != "oidc-provider" || ref.Rest != aws.GitHubHost {
			continue
		}
		key := aws.GitHubHost + ":sub"
		subjects := s.subjects(ref.Rest)
		if len(subjects) == 0 && !s.demands(aws.GitHubHost+":repository", aws.GitHubHost+":job_workflow_ref") {
			demand("Every GitHub repository gets in", "StringEquals", key, "repo:OWNER/REPOSITORY:ref:refs/heads/main",
				`condition { test = "StringEquals", variable = "`+key+`", `+
					`values = ["repo:OWNER/REPOSITORY:ref:refs/heads/main"] }`)
		}
		for _, subject := range subjects {
			repository, rest, ok := aws.GitHubSubject(subject)
			if !ok || rest != "" && rest != "*" || s.demands(aws.GitHubHost+":ref") {
				continue
			}
			parts := strings.SplitN(subject, ":", 3)
			branch := parts[0] + ":" + parts[1] + ":ref:refs/heads/main"
			replaceIn(made["Condition"], subject, branch)
			all = append(all, Weakness{
				What:      "GitHub " + aws.Quote(repository) + " gets in from every branch and pull request",
				Terraform: `values = ["` + branch + `"]`,
			})
		}
	}
	return all
}

// demands reports whether the statement has a condition on one of some keys.
func (s statement) demands(keys ...string) bool {
	for _, of := range s.Condition {
		for key := range of {
			if slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) }) {
				return true
			}
		}
	}
	return false
}

// replaceIn puts one text in the place of another in what JSON was read into.
func replaceIn(in any, old, text string) {
	switch v := in.(type) {
	case map[string]any:
		for key, value := range v {
			if value == old {
				v[key] = text
			}
			replaceIn(value, old, text)
		}
	case []any:
		for i, value := range v {
			if value == old {
				v[i] = text
			}
			replaceIn(value, old, text)
		}
	}
}
