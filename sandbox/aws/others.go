package aws

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// otherService is a service that the stand-in knows as far as an incident leads to it: a call is
// authenticated and authorised like any other, and CloudTrail tells of it; the answer is always the
// same. What is not in the table is refused.
type otherService struct {
	version string // of the Query protocol; empty: another protocol
	target  string // what X-Amz-Target begins with in the JSON protocol; empty: another protocol
	calls   map[string]otherCall
}

type otherCall struct {
	params     []string // that may be given; list members are named with ".N" for their number
	path       string   // of a service with neither protocol: GET with parameters in the query, "/" if nothing else
	permission string   // empty: named as the call is
	event      string   // its name in CloudTrail; empty: the call's
	resource   string   // what policies see behind the account in the ARN, {Name} standing for a parameter; empty: "*"
	writes     bool
	answer     string // the whole body
}

// otherServices is the table, by the name that is signed for.
func otherServices() map[string]otherService {
	return map[string]otherService{
		"s3": {calls: map[string]otherCall{
			"ListBuckets": {
				path: "/", params: []string{"x-id", "max-buckets", "continuation-token", "prefix", "bucket-region"},
				permission: "ListAllMyBuckets",
				answer: `<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>acme</ID></` +
					`Owner><Buckets>` +
					`<Bucket><Name>acme-orders-export</Name><CreationDate>2023-05-02T08:11:40Z</CreationDate></Bucket>` +
					`<Bucket><Name>acme-shop-assets</Name><CreationDate>2022-11-14T15:02:09Z</CreationDate></Bucket></Buckets></` +
					`ListAllMyBucketsResult>`,
			},
		}},
		"lambda": {calls: map[string]otherCall{
			"ListFunctions": {
				path: "/2015-03-31/functions", params: []string{"MaxItems", "Marker", "FunctionVersion", "MasterRegion"},
				event: "ListFunctions20150331",
				answer: `{"Functions":[{"FunctionName":"orders-fn","Runtime":"nodejs22.x"},{"FunctionName":"release-notes",` +
					`"Runtime":"python3.13"}]}`,
			},
		}},
		"ec2": {version: "2016-11-15", calls: map[string]otherCall{
			"DescribeInstances": {
				params: []string{"InstanceId.N", "MaxResults", "NextToken"},
				answer: `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/` +
					`"><reservationSet><item><reservationId>r-0c0ffee0c0ffee001</reservationId>` +
					`<instancesSet><item><instanceId>i-0c0ffee0c0ffee001</instanceId><instanceType>t4g.small</instanceType></item></` +
					`instancesSet></item></reservationSet></DescribeInstancesResponse>`,
			},
			"DescribeSnapshots": {
				params: []string{"OwnerId.N", "Owner.N", "SnapshotId.N", "MaxResults", "NextToken"},
				answer: `<DescribeSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><snapshotSet/></` +
					`DescribeSnapshotsResponse>`,
			},
		}},
		"rds": {version: "2014-10-31", calls: map[string]otherCall{
			"DescribeDBSnapshots": {
				params: []string{"DBInstanceIdentifier", "DBSnapshotIdentifier", "SnapshotType", "MaxRecords", "Marker"},
				answer: `<DescribeDBSnapshotsResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/` +
					`"><DescribeDBSnapshotsResult><DBSnapshots/></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>`,
			},
			"CreateDBSnapshot": {
				params: []string{"DBInstanceIdentifier", "DBSnapshotIdentifier"}, resource: "db:{DBInstanceIdentifier}",
				writes: true,
				answer: `<CreateDBSnapshotResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/` +
					`"><CreateDBSnapshotResult><DBSnapshot><Status>creating</Status></DBSnapshot></CreateDBSnapshotResult></` +
					`CreateDBSnapshotResponse>`,
			},
		}},
		"cloudformation": {version: "2010-05-15", calls: map[string]otherCall{
			"DescribeStacks": {
				params: []string{"StackName", "NextToken"}, resource: "stack/{StackName}/*",
				answer: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/` +
					`"><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>`,
			},
			"UpdateStack": {
				params:   []string{"StackName", "TemplateURL", "UsePreviousTemplate", "Capabilities.member.N"},
				resource: "stack/{StackName}/*", writes: true,
				answer: `<UpdateStackResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/` +
					`"><UpdateStackResult><StackId>shop</StackId></UpdateStackResult></UpdateStackResponse>`,
			},
		}},
		"secretsmanager": {target: "secretsmanager.", calls: map[string]otherCall{
			"ListSecrets": {
				params: []string{
					"MaxResults", "NextToken",
				}, answer: `{"SecretList":[{"Name":"shop/payments-api"},{"Name":"shop/orders-db"}]}`,
			},
			"GetSecretValue": {
				params: []string{"SecretId", "VersionId", "VersionStage"}, resource: "secret:{SecretId}",
				answer: `{"Name":"a secret","SecretString":"nothing is secret in a sandbox"}`,
			},
		}},
		"ecs": {target: "AmazonEC2ContainerServiceV20141113.", calls: map[string]otherCall{
			"DescribeServices": {
				params: []string{"cluster", "services", "include"}, resource: "service/{cluster}/*",
				answer: `{"services":[],"failures":[]}`,
			},
			"UpdateService": {
				params:   []string{"cluster", "service", "taskDefinition", "desiredCount", "forceNewDeployment"},
				resource: "service/{cluster}/{service}", writes: true,
				answer: `{"service":{"status":"ACTIVE"}}`,
			},
		}},
		"ecr": {target: "AmazonEC2ContainerRegistry_V20150921.", calls: map[string]otherCall{
			"GetAuthorizationToken": {params: []string{"registryIds"}, answer: `{"authorizationData":[]}`},
		}},
		"ssm": {target: "AmazonSSM.", calls: map[string]otherCall{
			"GetParameters": {
				params: []string{"Names", "WithDecryption"}, resource: "parameter/*",
				answer: `{"Parameters":[],"InvalidParameters":[]}`,
			},
		}},
		"logs": {target: "Logs_20140328.", calls: map[string]otherCall{
			"CreateLogStream": {
				params: []string{"logGroupName", "logStreamName"}, resource: "log-group:{logGroupName}:log-stream:{logStreamName}",
				writes: true, answer: `{}`,
			},
		}},
	}
}

// otherOperations makes operations of the table.
func otherOperations(table map[string]otherService) map[string]*operation {
	all := map[string]*operation{}
	for service, s := range table {
		for name, c := range s.calls {
			rules := map[string]rule{}
			for _, p := range c.params {
				rules[p] = optional(text(2048))
			}
			all[service+":"+name] = &operation{params: rules, readOnly: !c.writes, event: c.event, do: c.do}
		}
	}
	return all
}

// do decides whether the caller may, and gives the fixed answer.
func (c otherCall) do(x *exchange) (any, error) {
	r := Request{Action: x.sig.service + ":" + x.action, Resource: c.on(x), Context: x.context()}
	if c.permission != "" {
		r.Action = x.sig.service + ":" + c.permission
	}
	d, why := x.caller.may(x.region(), r)
	if d == Allowed {
		return fixed(c.answer), nil
	}
	words := r.Resource
	if words == "*" {
		words = ""
	}
	err := denied(x.caller, r.Action, words, why)
	if e, ok := err.(*apiError); ok && x.sig.service == "ec2" {
		// EC2 has a code of its own (Amazon EC2 API Reference, "Error codes").
		return nil, errOf("UnauthorizedOperation", "You are not authorized to perform this operation. "+e.Message)
	}
	return nil, err
}

// on is the ARN of what the call is about.
func (c otherCall) on(x *exchange) string {
	if c.resource == "" {
		return "*"
	}
	resource := c.resource
	for name, value := range x.params {
		if strings.HasPrefix(value, "arn:") && strings.Contains(resource, "{"+name+"}") {
			return value
		}
		resource = strings.ReplaceAll(resource, "{"+name+"}", value)
	}
	a := x.caller.account()
	return "arn:" + a.partition + ":" + x.sig.service + ":" + x.sig.region + ":" + a.id + ":" + resource
}

// fixed is an answer that is sent as it stands.
type fixed string

// readREST reads a call of a service whose action is in method and path.
func (x *exchange) readREST(s otherService) (*operation, error) {
	x.json = x.sig.service != "s3"
	values, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil || len(x.body) > 0 {
		return nil, errOf("MalformedQueryString", "Only requests with parameters in the query string are understood here.")
	}
	x.params = params{}
	for name, v := range values {
		if len(v) != 1 {
			return nil, errf("MalformedQueryString", "The parameter %s is given more than once.", name)
		}
		x.params[name] = v[0]
	}
	for name, c := range s.calls {
		if x.r.Method == http.MethodGet && strings.Trim(x.r.URL.Path, "/") == strings.Trim(c.path, "/") {
			x.action = name
			return x.server.operations[x.sig.service+":"+name], nil
		}
	}
	x.action = x.r.Method + " " + x.r.URL.Path
	return nil, nil
}

// readOtherJSON reads a call in the JSON protocol: strings are parameters as they are, everything
// else as JSON.
func (x *exchange) readOtherJSON(s otherService) (*operation, error) {
	action, ok := strings.CutPrefix(x.r.Header.Get("X-Amz-Target"), s.target)
	if !ok {
		return nil, errOf("InvalidAction", "")
	}
	x.action = action
	p, err := x.jsonParams()
	if x.params = p; err != nil {
		return nil, err
	}
	return x.server.operations[x.sig.service+":"+action], nil
}

// jsonParams are the members of the body: strings as they are, everything else as JSON.
func (x *exchange) jsonParams() (params, error) {
	p := params{}
	var members map[string]any
	if err := json.Unmarshal(x.body, &members); err != nil {
		return p, errf("MalformedQueryString", "The request is not a JSON object: %v", err)
	}
	x.tells.request = map[string]any{}
	for name, v := range members {
		x.tells.request[lowerFirst(name)] = v
		if written, ok := v.(string); ok {
			p[name] = written
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return p, fmt.Errorf("read %s: %w", name, err) // unreachable: it was read from JSON
		}
		p[name] = string(raw)
	}
	return p, nil
}

// otherError is an error in the words of S3 and of EC2, which have XML of their own.
func (x *exchange) otherError(e *apiError) (body string, own bool) {
	var message strings.Builder
	_ = xml.EscapeText(&message, []byte(e.Message)) // a Builder takes everything
	detail := "<Code>" + e.Code + "</Code><Message>" + message.String() + "</Message>"
	switch x.sig.service {
	case "s3":
		return "<Error>" + detail + "<RequestId>" + x.requestID + "</RequestId></Error>", true
	case "ec2":
		return "<Response><Errors><Error>" + detail + "</Error></Errors><RequestID>" + x.requestID +
			"</RequestID></Response>", true
	default:
		return "", false
	}
}

func allWithOthers(others map[string]otherService) map[string]*operation {
	all := allOperations()
	maps.Copy(all, otherOperations(others))
	maps.Copy(all, regionOperations())
	maps.Copy(all, trailOperations())
	maps.Copy(all, queryOperations())
	return all
}
