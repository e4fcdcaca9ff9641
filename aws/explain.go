package aws

import (
	"errors"

	"github.com/revokebot/revokebot/aws/contain"
)

// Explain says in one or two plain sentences what an error of this package means to people, the
// next step last. It holds no text of AWS. For an error that is not of this package it returns "".
func Explain(err error) string {
	if input, ok := errors.AsType[*InputError](err); ok {
		return input.Sentence
	}
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Sentence
	}
	if refusal, ok := errors.AsType[*contain.Refusal](err); ok {
		return refusal.Sentence
	}
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		return ""
	}
	where := ""
	if call.Account != "" {
		where = " in account " + call.Account
	}
	switch call.Kind {
	case ErrNoSuchRole:
		return "There is no such role" + where + ". Check the name, its upper and lower case, and the account."
	case ErrAccessDenied:
		if call.Named {
			return "AWS does not let revokebot open a session" + where + " that names the people. Allow sts:SetSourceIdentity " +
				"and sts:TagSession beside sts:AssumeRole in the trust policy of its role there and in the policy of its own " +
				"role, and check the external id. Going on without names has to be allowed in the configuration of the account."
		}
		if call.Operation == "sts:AssumeRole" {
			return "AWS does not allow revokebot sts:AssumeRole" + where + ". Allow it in the policy of its own role, " +
				"and check the trust policy of its role there, and the external id."
		}
		return "AWS does not allow revokebot " + call.Operation + where + ". Give its role that permission."
	case ErrUnmodifiable:
		return "Only AWS may change this role, so nothing was written. Contain it with a service control policy instead."
	case ErrLimitExceeded:
		if call.Operation == "iam:AttachRolePolicy" {
			return "No more managed policies can be attached to the role. Detach one that it does not need."
		}
		return "The role's inline policies leave no room for the deny: their limit is 10,240 characters. " +
			"Shorten or remove an inline policy of the role, or attach the managed policy AWSDenyAll to lock the role."
	case ErrMalformedPolicy:
		return "AWS did not accept the policy. The log has its reason. Look at the role in the IAM console."
	case ErrThrottled:
		return "AWS is answering too many requests" + where + " and refused " + call.Operation + ". Try again in a moment."
	case ErrTimeout:
		return "AWS did not answer " + call.Operation + where + " in time, so it is not known whether it was done. " +
			"It is safe to try again."
	case ErrCredentials:
		return "AWS did not accept revokebot's own credentials for " + call.Operation + where + ". Renew them, or check " +
			"the clock of its host."
	case ErrRoleChanged:
		return "The role" + where + " was deleted and made again under the same name, so it is not the one that was " +
			"approved and nothing was written. Ask again for the new role."
	case ErrNoServerTime:
		return "AWS's answer" + where + " carried no usable date, so the cutoff cannot be known and nothing was written. " +
			"Look for a proxy between revokebot and AWS that removes headers."
	case ErrInvalidRequest:
		return "AWS did not accept the request " + call.Operation + where + ". The log has its reason."
	case ErrUnavailable:
		return "AWS could not be reached for " + call.Operation + where + ". Try again, and look at the AWS Health Dashboard."
	default:
		return call.Operation + where + " failed. The log has the reason."
	}
}
