package aws

import (
	"fmt"
	"regexp"
	"unicode/utf8"
)

// Quotas (IAM User Guide, "IAM and AWS STS quotas").
const (
	inlineQuota = 10_240 // characters of all inline policies of a role, white space not counted
	userQuota   = 2_048  // the same of a user
	trustQuota  = 2_048  // characters of a trust policy

	attachedQuota = 20 // managed policies of a role, if nobody asked for more
)

const nameForm = `[\w+=,.@-]+`

var (
	namePattern = regexp.MustCompile(`^` + nameForm + `$`)
	pathPattern = regexp.MustCompile(`^(/|/[\x21-\x7E]+/)$`)
)

// checkName checks the name of a role or user: 1 to 64 characters.
func checkName(field, value string) error { return checkText(field, value, 64, namePattern, nameForm) }

func checkPolicyName(value string) error {
	return checkText("policyName", value, 128, namePattern, nameForm)
}

func checkPath(value string) error {
	return checkText("path", value, 512, pathPattern, `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`)
}

// checkText refuses a value in the words of IAM's ValidationError.
func checkText(field, value string, most int, form *regexp.Regexp, shown string) error {
	switch n := utf8.RuneCountInString(value); {
	case n == 0:
		return invalidValue(field, value, "Member must have length greater than or equal to 1")
	case n > most:
		return invalidValue(field, value, fmt.Sprintf("Member must have length less than or equal to %d", most))
	case !form.MatchString(value):
		return invalidValue(field, value, "Member must satisfy regular expression pattern: "+shown)
	}
	return nil
}

func invalidValue(field, value, constraint string) error {
	return errf("ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s",
		value, field, constraint)
}

func noSuchRole(name string) error {
	return errf("NoSuchEntity", "The role with name %s cannot be found.", name)
}

func quotaExceeded(quota int, whose string) error {
	return errf("LimitExceeded", "Maximum policy size of %d bytes exceeded for %s", quota, whose)
}
