package messages

import (
	"cmp"

	"github.com/revokebot/revokebot/aws/contain"
)

// policyName is a policy's name as the log has it: an empty one is the IAM console's.
func policyName(name string) string { return cmp.Or(name, contain.ConsolePolicy) }

// inline names an inline policy.
func inline(name string) string { return "inline policy " + code(policyName(name), 128) }
