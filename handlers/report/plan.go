package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/handlers/record"
)

// Plan is the plan to recreate a role, as Markdown, of what was read of it. Nothing here carries it
// out.
func Plan(p record.Plan) string {
	s, name := &sheet{}, p.Name
	s.line("# Plan: recreate %s", mdCode(p.AccountName+"/"+name, 200))
	s.line("")
	s.line("**This cannot be undone.** `delete-role` ends every session of the role, and what uses it fails until the "+
		"last step. The new role has the old name and another id: what stores %s does not know it.", mdCode(p.ID, 40))
	s.line("revokebot read the role at %s and carried out nothing of this. "+
		"Compare each document again before you delete.", utc(p.At))

	s.title("Before you begin")
	for _, text := range p.Unknown {
		s.item("**Unknown:** %s", mdProse(text, 600))
	}
	for _, d := range p.Inline {
		if d.Text == "" {
			s.item("**Unknown:** what the inline policy %s says. Save it:\n  - %s", mdCode(d.Slot.Name, 128),
				mdCode("aws iam get-role-policy --role-name "+name+" --policy-name "+d.Slot.Name, 400))
		}
	}
	s.item("**Unknown:** resource policies that name the role (S3, KMS, SQS, Secrets Manager and others). They store %s: "+
		"put each of them again after the last step.", mdCode(p.ID, 40))
	region := ""
	if p.LastUsedRegion != "" {
		region = " --region " + p.LastUsedRegion
	}
	s.item("**Unknown:** KMS grants of the role, which end with it. List them in each region:\n  - %s",
		mdCode("for key in $(aws kms list-keys --query 'Keys[].KeyId' --output text"+region+
			"); do aws kms list-grants --key-id $key --query \"Grants[?GranteePrincipal=='"+p.ARN+"']\""+region+"; done", 900))
	if len(p.Attached) > 0 {
		s.item("Attached policies stay in the account: they are detached and attached again, and do not change.")
	}
	for _, other := range p.NamedBy {
		s.item("The trust policy of role %s names this role. Put it again after the last step.", mdCode(other, 64))
	}
	for _, who := range p.Trust {
		if service, ok := strings.CutPrefix(who.Words, "the service "); ok {
			s.item("%s can use the role: restart what runs with it after the last step.", mdCode(service, 100))
		}
	}

	s.title("Save")
	files := map[string]string{"trust.json": p.Trusts}
	for _, d := range p.Inline {
		if d.Text != "" && !p.Leaves(d.Slot.Name) {
			files[d.Slot.Name+".json"] = d.Text
		}
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		s.line("%s:", mdCode(file, 140))
		s.line("")
		for line := range strings.Lines(indented(files[file])) {
			s.line("    %s", strings.TrimRight(line, "\r\n"))
		}
		s.line("")
	}

	s.title("Delete")
	n := 0
	step := func(format string, with ...any) {
		n++
		s.line("%d. %s", n, mdCode("aws iam "+fmt.Sprintf(format, with...), 9000))
	}
	on := "--role-name " + name
	for _, profile := range p.Profiles {
		step("remove-role-from-instance-profile %s --instance-profile-name %s", on, profile)
	}
	for _, policy := range p.Attached {
		step("detach-role-policy %s --policy-arn %s", on, policy)
	}
	for _, d := range p.Inline {
		step("delete-role-policy %s --policy-name %s", on, d.Slot.Name)
	}
	step("delete-role %s", on)

	s.title("Make")
	n = 0
	create := fmt.Sprintf("create-role %s --path %s --max-session-duration %d "+
		"--assume-role-policy-document file://trust.json", on, p.Path, int(p.MaxSession.Seconds()))
	if p.Description != "" {
		create += " --description " + quoted(p.Description)
	}
	if p.Boundary != "" {
		create += " --permissions-boundary " + p.Boundary
	}
	if len(p.Tagged) > 0 {
		var tags []map[string]string
		for _, key := range slices.Sorted(maps.Keys(p.Tagged)) {
			tags = append(tags, map[string]string{"Key": key, "Value": p.Tagged[key]})
		}
		text, _ := json.Marshal(tags) //nolint:errcheck // texts
		create += " --tags " + quoted(string(text))
	}
	step("%s", create)
	for _, d := range p.Inline {
		if p.Leaves(d.Slot.Name) {
			continue
		}
		step("put-role-policy %s --policy-name %s --policy-document file://%s.json", on, d.Slot.Name, d.Slot.Name)
	}
	for _, policy := range p.Attached {
		if !p.Leaves(policy) {
			step("attach-role-policy %s --policy-arn %s", on, policy)
		}
	}
	for _, profile := range p.Profiles {
		step("add-role-to-instance-profile %s --instance-profile-name %s", on, profile)
	}
	s.line("")
	s.line("What revokebot wrote is left out: the sessions that it denies have ended with the old role.")
	return s.String()
}

// quoted is a word for a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// indented is a document with its own words, a member a line; what is no JSON stays as it is.
func indented(text string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", "  ") != nil {
		return text
	}
	return out.String()
}
