package main

import (
	"context"
	"errors"
	"net/url"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/revokebot/revokebot/sandbox/actors"
)

// What another program sees of AWS, with the SDK and the keys that the stand-ins print, and without
// anything of the bot's.

// client is what the SDK needs to sign with some credentials.
func (w *world) client(c awssdk.Credentials) awssdk.Config {
	return awssdk.Config{
		Region: w.printed["AWS_REGION"], BaseEndpoint: awssdk.String(w.printed["AWS_ENDPOINT_URL"]), HTTPClient: w.http,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
	}
}

// assume opens a session of a role with a printed key, whose names begin with a prefix.
func (w *world) assume(prefix string, in *sts.AssumeRoleInput) awssdk.Credentials {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	key := awssdk.Credentials{
		AccessKeyID: w.printed[prefix+"_ACCESS_KEY_ID"], SecretAccessKey: w.printed[prefix+"_SECRET_ACCESS_KEY"],
	}
	out, err := sts.NewFromConfig(w.client(key)).AssumeRole(ctx, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return awssdk.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken,
	}
}

// deployment opens a session of DeployRole, as a build does.
func (w *world) deployment(account, name string) awssdk.Credentials {
	w.t.Helper()
	return w.assume("CI", &sts.AssumeRoleInput{
		RoleArn:         awssdk.String("arn:aws:iam::" + account + ":role/" + actors.DeployRole),
		RoleSessionName: awssdk.String(name),
	})
}

// wantAccepted makes a call that has to be answered.
func (w *world) wantAccepted(what string, c awssdk.Credentials) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	if _, err := iam.NewFromConfig(w.client(c)).ListRoles(ctx, &iam.ListRolesInput{}); err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
}

// wantDenied makes a call that has to be denied by the policy on the role, and one that works all
// the same.
func (w *world) wantDenied(what string, c awssdk.Credentials) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	_, err := iam.NewFromConfig(w.client(c)).ListRoles(ctx, &iam.ListRolesInput{})
	api, _ := errors.AsType[smithy.APIError](err)
	if api == nil || api.ErrorCode() != "AccessDenied" ||
		!strings.HasSuffix(api.ErrorMessage(), " with an explicit deny in an identity-based policy") {
		w.t.Errorf("%s: %v, want the explicit deny", what, err)
	}
	if _, err := sts.NewFromConfig(w.client(c)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err != nil {
		w.t.Errorf("%s: GetCallerIdentity, which AWS answers in any case: %v", what, err)
	}
}

// policyOnRole reads the inline policy of DeployRole in an account as another program would: by a
// session of the spoke role. ok is false when there is none.
func (w *world) policyOnRole(account string) (document string, ok bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	client := iam.NewFromConfig(w.client(w.assume("AWS", &sts.AssumeRoleInput{
		RoleArn:         awssdk.String("arn:aws:iam::" + account + ":role/revokebot-spoke"),
		RoleSessionName: awssdk.String("somebody-else"),
		ExternalId:      awssdk.String(actors.ExternalID),
	})))
	listed, err := client.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: awssdk.String(actors.DeployRole)})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range listed.PolicyNames {
		if name != "AWSRevokeOlderSessions" {
			continue
		}
		got, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{
			RoleName: awssdk.String(actors.DeployRole), PolicyName: awssdk.String(name),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		document, err = url.QueryUnescape(*got.PolicyDocument)
		if err != nil {
			w.t.Fatal(err)
		}
		return document, true
	}
	return "", false
}
