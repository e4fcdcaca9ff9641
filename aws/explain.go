package aws

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws/contain"
)

// RefusedError is what is not done: what a person typed names no role, or the role or user must not
// be touched.
type RefusedError struct {
	Sentence string   // why, and what to do instead, plain text; foreign text in it is quoted and escaped
	Steps    []string // what to do instead, in order, each a sentence; nil when Sentence says it all
	Document string   // a service control policy that is ready to be used, JSON; "" none
}

// Error returns the sentence.
func (e *RefusedError) Error() string { return e.Sentence }

// Refuse says why something is not done, and what to do instead.
func Refuse(format string, args ...any) *RefusedError {
	return &RefusedError{Sentence: fmt.Sprintf(format, args...)}
}

// Final reports whether trying again cannot help: the input, the role or a permission has to change
// first.
func Final(err error) bool {
	_, refused := sentence(err)
	return refused || slices.ContainsFunc([]error{
		ErrNoSuchRole, ErrAccessDenied, ErrUnmodifiable, ErrLimitExceeded, ErrMalformedPolicy, ErrRoleChanged,
		ErrInvalidRequest, ErrNoServerTime,
	}, func(kind error) bool { return errors.Is(err, kind) })
}

// sentence is that of an error that has one for people.
func sentence(err error) (text string, ok bool) {
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused.Sentence, true
	}
	if refusal, ok := errors.AsType[*contain.Refusal](err); ok {
		return refusal.Sentence, true
	}
	return "", false
}

// Explain says in one or two plain sentences what an error of this package means to people, the
// next step last. It holds no text of AWS. For an error that is not of this package it returns "".
func Explain(err error) string {
	if text, ok := sentence(err); ok {
		return text
	}
	call, ok := errors.AsType[*CallError](err)
	if !ok {
		return ""
	}
	who, where := "role", ""
	if strings.Contains(call.Operation, "User") || strings.Contains(call.Operation, "AccessKey") {
		who = "user"
	}
	if call.Account != "" {
		where = " in account " + call.Account
	}
	does, unsent := call.Operation+where, call.Unsent()
	switch call.Kind {
	case ErrNoSuchRole:
		return "No such " + who + where + ". Check its spelling and the account."
	case ErrAccessDenied:
		switch {
		case call.Named:
			return "AWS does not let revokebot open a session" + where + " that names the people. Allow " +
				"sts:SetSourceIdentity and sts:TagSession beside sts:AssumeRole in that role's trust policy and in " +
				"its own policy, and check the external id. The configuration of the account can allow sessions " +
				"without names."
		case call.Operation == "sts:AssumeRole":
			return "AWS does not allow revokebot " + does + ". Allow it in the policy of its own role, and check the trust " +
				"policy of its role there, and the external id."
		}
		return "AWS does not allow revokebot " + does + ". Give its role that permission."
	case ErrUnmodifiable:
		return "Only AWS may change this role, so nothing was written. Contain it with a service control policy instead."
	case ErrLimitExceeded:
		if call.Operation == "iam:AttachRolePolicy" {
			return "No more managed policies can be attached to the role. Detach one that it does not need."
		}
		return "The inline policies of the " + who + " leave no room for the revocation policy. Move one of them into a " +
			"managed policy, or take a measure that writes no inline policy."
	case ErrMalformedPolicy:
		return "AWS did not accept the policy. The log has its reason. Check the " + who + " in the IAM console."
	case ErrThrottled:
		return "AWS is answering too many requests and refused " + does + ". Try again in a moment."
	case ErrBusy:
		return "AWS is still making another change and refused " + does + ". Try again in a moment."
	case ErrTimeout:
		return "AWS did not answer " + does + " in time, so it is not known whether it was done. It is safe to try again."
	case ErrCredentials:
		if unsent != "" {
			return "AWS was not asked for " + does + ": revokebot has no credentials (" + QuoteLong(unsent) +
				"). Check its role, its profile and the variables of the AWS SDK."
		}
		return "AWS did not accept revokebot's own credentials for " + does + ". Renew them, or check the clock of its host."
	case ErrRoleChanged:
		return "The " + who + where + " was recreated under the same name, so it is not the one that was " +
			"approved and nothing was written. Ask again for the new " + who + "."
	case ErrNoServerTime:
		return "AWS's answer" + where + " carried no usable date, so the cutoff cannot be known and nothing was written. " +
			"Look for a proxy between revokebot and AWS that removes headers."
	case ErrInvalidRequest:
		return "AWS did not accept the request " + does + ". The log has its reason."
	case ErrUnavailable:
		if unsent != "" {
			return "AWS was not asked for " + does + ": the request did not leave (" + QuoteLong(unsent) +
				"). Check the network, and the variables of the AWS SDK."
		}
		return "AWS could not be reached for " + does + ". Try again, and check the AWS Health Dashboard."
	default:
		return does + " failed. The log has the reason."
	}
}
