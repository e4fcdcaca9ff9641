package aws

import (
	"slices"
	"strings"
)

// userOperations are the calls about users and the account itself.
func userOperations() map[string]*operation {
	paged := map[string]rule{"Marker": optional(markerValue), "MaxItems": optional(pageSize)}
	return map[string]*operation{
		"GetUser": {
			params: map[string]rule{"UserName": optional(checkName)}, readOnly: true, target: onUser, do: withUser(getUser),
		},
		"ListUsers": {params: map[string]rule{
			"PathPrefix": optional(prefixValue), "Marker": optional(markerValue), "MaxItems": optional(pageSize),
		}, readOnly: true, target: onPrefix("user"), do: listUsers},
		"CreateUser": {params: map[string]rule{
			"UserName": required(checkName), "Path": optional(pathValue),
			"PermissionsBoundary": {check: refused("PermissionsBoundary")},
		}, target: onNewUser, do: createUser},
		"CreateAccessKey": {
			params: map[string]rule{"UserName": optional(checkName)}, target: onUser, do: withUser(createAccessKey),
		},
		"ListAccountAliases": {params: paged, readOnly: true, target: onEverything, do: listAliases},
	}
}

type userXML struct {
	Path, UserName  string
	UserID          string `xml:"UserId"`
	Arn, CreateDate string
}

func (u *user) shown() userXML { return userXML{u.path, u.name, u.id, u.arn(), isoTime(u.created)} }

// userName is the user that a request is about: the one it names, else the caller.
func (x *exchange) userName() string {
	if name := x.params["UserName"]; name != "" || x.caller.user == nil {
		return name
	}
	return x.caller.user.name
}

func onUser(x *exchange) target {
	name := x.userName()
	t := target{resource: x.caller.account().arn("iam", "user/"+name), words: "user " + name}
	if u := x.caller.account().user(name); u != nil {
		t.resource = u.arn()
	}
	return t
}

func (a *Account) user(name string) *user {
	if u, ok := a.users[strings.ToLower(name)]; ok && u.name == name {
		return u
	}
	return nil
}

func withUser(do func(x *exchange, u *user) (any, error)) func(x *exchange) (any, error) {
	return func(x *exchange) (any, error) {
		name := x.userName()
		if name == "" {
			return nil, errOf("ValidationError", "Must specify userName when calling with non-User credentials")
		}
		u := x.caller.account().user(name)
		if u == nil {
			return nil, errf("NoSuchEntity", "The user with name %s cannot be found.", name)
		}
		return do(x, u)
	}
}

func getUser(_ *exchange, u *user) (any, error) { return struct{ User userXML }{u.shown()}, nil }

func listUsers(x *exchange) (any, error) {
	var users []*user
	for _, u := range x.caller.account().users {
		if strings.HasPrefix(u.path, orSlash(x.params["PathPrefix"])) {
			users = append(users, u)
		}
	}
	slices.SortFunc(users, func(a, b *user) int { return strings.Compare(a.name, b.name) })
	users, p, err := paginate(x.params, users)
	if err != nil {
		return nil, err
	}
	var list members[userXML]
	for _, u := range users {
		list.Member = append(list.Member, u.shown())
	}
	return struct {
		Users members[userXML]
		page
	}{list, p}, nil
}

func onNewUser(x *exchange) target {
	resource := x.caller.account().arn("iam", "user"+orSlash(x.params["Path"])+x.params["UserName"])
	return target{resource: resource, words: resource}
}

func createUser(x *exchange) (any, error) {
	a, name := x.caller.account(), x.params["UserName"]
	if _, taken := a.users[strings.ToLower(name)]; taken {
		return nil, errf("EntityAlreadyExists", "User with name %s already exists.", name)
	}
	u := a.addUser(name, orSlash(x.params["Path"]))
	x.tells.response = map[string]any{"user": map[string]any{
		"path": u.path, "userName": u.name, "userId": u.id, "arn": u.arn(), "createDate": expirationText(u.created),
	}}
	return struct{ User userXML }{u.shown()}, nil
}

// keysPerUser is the quota of access keys (IAM User Guide, "IAM and AWS STS quotas").
const keysPerUser = 2

func createAccessKey(x *exchange, u *user) (any, error) {
	if len(u.keys) >= keysPerUser {
		return nil, errf("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: %d", keysPerUser)
	}
	c := x.server.newUserKey(u)
	u.keys = append(u.keys, c)
	x.tells.response = map[string]any{"accessKey": map[string]any{
		"userName": u.name, "accessKeyId": c.id, "status": "Active", "createDate": expirationText(c.created),
	}}
	type keyXML struct {
		UserName                            string
		AccessKeyID                         string `xml:"AccessKeyId"`
		Status, SecretAccessKey, CreateDate string
	}
	return struct{ AccessKey keyXML }{keyXML{u.name, c.id, "Active", c.secret, isoTime(c.created)}}, nil
}

func listAliases(x *exchange) (any, error) {
	aliases, p, err := paginate(x.params, x.caller.account().aliases)
	return struct {
		AccountAliases members[string]
		page
	}{members[string]{aliases}, p}, err
}
