package role

import (
	"fmt"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// Paths of roles that only AWS may change: IAM answers UnmodifiableEntity (IAM User Guide,
// "Create a service-linked role"; IAM Identity Center User Guide, "Referencing permission sets in
// resource policies").
const (
	serviceLinkedPath = "/aws-service-role/"
	reservedPath      = "/aws-reserved/"
)

// Refuse returns why the role must not be touched, or nil. It is asked before anybody is asked to
// approve, and again before the write.
func (c *Client) Refuse(hubARN string, r Role) error {
	name := r.AccountName + "/" + r.Name
	switch {
	case strings.HasPrefix(r.Path, serviceLinkedPath):
		return &aws.RefusedError{Reason: aws.RefusedServiceLinked, Sentence: fmt.Sprintf(
			"%s is a service-linked role: only AWS may change it. Stop the service that uses it, or delete the role through "+
				"that service.", name)}
	case strings.HasPrefix(r.Path, reservedPath):
		return c.refuseIdentityCenter(r)
	case c.cloud.OwnRole(hubARN, r.AccountID, r.Name):
		return &aws.RefusedError{Reason: aws.RefusedOwnRole, Sentence: fmt.Sprintf(
			"%s is a role that revokebot itself works with: revoking it would lock revokebot out. "+
				"Use the IAM console with other credentials.", name)}
	}
	for _, pattern := range c.cloud.ProtectedRoles() {
		if aws.MatchFold(pattern, r.ARN) {
			return &aws.RefusedError{Reason: aws.RefusedProtected, Sentence: fmt.Sprintf(
				"%s is protected by the configuration (%s). If it has to be revoked, somebody with access to the IAM console "+
					"does it there.", name, aws.Quote(pattern))}
		}
	}
	return nil
}
