package actors

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// caller is somebody with a key at a place. IAM and STS are called with the SDK's clients; the
// other services with requests made here and signed by the SDK's signer.
type caller struct {
	http     *http.Client
	place    place
	creds    aws.Credentials
	endpoint func(service, region string) string
	now      func() time.Time // by which requests are signed
}

// config is that of the SDK's clients. They never try again: an answer is an answer.
func (c caller) config(service, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(c.endpoint(service, region)),
		HTTPClient: &http.Client{Transport: from{c.place, c.http.Transport}, Timeout: callTimeout},
		Credentials: credentials.NewStaticCredentialsProvider(c.creds.AccessKeyID, c.creds.SecretAccessKey,
			c.creds.SessionToken),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func (c caller) iam() *iam.Client {
	return iam.NewFromConfig(c.config("iam", "us-east-1"), func(o *iam.Options) {
		o.HTTPSignerV4 = atTime{v4.NewSigner(), c.now}
	})
}

func (c caller) sts(region string) *sts.Client {
	return sts.NewFromConfig(c.config("sts", region), func(o *sts.Options) {
		o.HTTPSignerV4 = atTime{v4.NewSigner(), c.now}
	})
}

// atTime is a signer with a clock of its own: the SDK would sign with the machine's.
type atTime struct {
	*v4.Signer
	now func() time.Time
}

func (s atTime) SignHTTP(
	ctx context.Context, creds aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time,
	options ...func(*v4.SignerOptions),
) error {
	return s.Signer.SignHTTP(ctx, creds, r, payloadHash, service, region, s.now(), options...)
}

// assume asks STS in a region for a session of a role.
func (c caller) assume(ctx context.Context, region, role, name string, length time.Duration) (session, error) {
	out, err := c.sts(region).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String(name), DurationSeconds: aws.Int32(int32(length / time.Second)),
	})
	if err != nil {
		return session{}, err
	}
	return session{
		creds: aws.Credentials{
			AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
			SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
			SessionToken:    aws.ToString(out.Credentials.SessionToken),
		},
		arn: aws.ToString(out.AssumedRoleUser.Arn), issued: aws.ToTime(out.Credentials.Expiration).Add(-length),
	}, nil
}

// call makes a call of another service. The error of an answer is a *smithy.OperationError around
// an APIError, as the SDK's clients return it.
func (c caller) call(ctx context.Context, service, region, action string, params map[string]string) error {
	r, body, err := c.request(ctx, service, region, action, params)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, c.creds, r, hex.EncodeToString(sum[:]), service, region, c.now()); err != nil {
		return fmt.Errorf("sign %s: %w", action, err)
	}
	client := http.Client{Transport: from{c.place, c.http.Transport}, Timeout: callTimeout}
	resp, err := client.Do(r)
	if err != nil {
		return &smithy.OperationError{ServiceID: service, OperationName: action, Err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = answeredError(answer)
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: service, OperationName: action, Err: err}
	}
	return nil
}

// queries are the versions of the services with the Query protocol, targets what the names of
// actions begin with in the JSON protocol, and gets the paths of actions that are a GET.
var (
	queries = map[string]string{"ec2": "2016-11-15", "rds": "2014-10-31", "cloudformation": "2010-05-15"}
	targets = map[string]string{
		"secretsmanager": "secretsmanager.", "ecs": "AmazonEC2ContainerServiceV20141113.",
		"ecr": "AmazonEC2ContainerRegistry_V20150921.",
		"ssm": "AmazonSSM.", "logs": "Logs_20140328.",
	}
	gets = map[string]string{"s3:ListBuckets": "/", "lambda:ListFunctions": "/2015-03-31/functions"}
)

func (c caller) request(
	ctx context.Context, service, region, action string, params map[string]string,
) (*http.Request, []byte, error) {
	method, path, contentType, target := http.MethodPost, "/", "", ""
	var body []byte
	switch {
	case queries[service] != "":
		form := url.Values{"Action": {action}, "Version": {queries[service]}}
		for name, value := range params {
			form.Set(name, value)
		}
		contentType, body = "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode())
	case targets[service] != "":
		contentType, target = "application/x-amz-json-1.1", targets[service]+action
		if params == nil {
			params = map[string]string{}
		}
		body, _ = json.Marshal(params) // a map of strings always marshals
	case gets[service+":"+action] != "":
		method, path = http.MethodGet, gets[service+":"+action]
	default:
		return nil, nil, fmt.Errorf("nobody here knows how to call %s of %s", action, service)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.endpoint(service, region), "/")+path,
		bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("call %s: %w", action, err)
	}
	for name, value := range map[string]string{"Content-Type": contentType, "X-Amz-Target": target} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return r, body, nil
}

// answeredError reads the error in an answer: JSON, or one of the three kinds of XML.
func answeredError(body []byte) error {
	var j struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &j) == nil {
		return &smithy.GenericAPIError{Code: j.Type, Message: j.Message}
	}
	type detail struct{ Code, Message string }
	var x struct {
		detail
		Error  detail
		Errors struct{ Error detail }
	}
	if err := xml.Unmarshal(body, &x); err != nil {
		return errors.New("the answer cannot be read")
	}
	return &smithy.GenericAPIError{
		Code:    cmp.Or(x.Code, x.Error.Code, x.Errors.Error.Code),
		Message: cmp.Or(x.Message, x.Error.Message, x.Errors.Error.Message),
	}
}
