package aws

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	userNamed  = matching(1, 128, namePattern) // of a user that exists; a new one has 64 at most
	accessKeys = matching(16, 128, regexp.MustCompile(`^\w+$`))
)

// userOperations are the calls about users and the account itself.
func userOperations() map[string]*operation {
	paged := func(more map[string]rule) map[string]rule {
		rules := map[string]rule{"Marker": optional(markerValue), "MaxItems": optional(pageSize)}
		maps.Copy(rules, more)
		return rules
	}
	one, own := map[string]rule{"UserName": required(userNamed)}, map[string]rule{"UserName": optional(userNamed)}
	read := func(params map[string]rule, do func(x *exchange, u *user) (any, error)) *operation {
		return &operation{params: params, readOnly: true, target: onUser, do: withUser(do)}
	}
	write := func(params map[string]rule, do func(x *exchange, u *user) (any, error)) *operation {
		return &operation{params: params, target: onUser, do: withUser(do)}
	}
	policy := map[string]rule{"UserName": required(userNamed), "PolicyName": required(policyName)}
	put := map[string]rule{"PolicyDocument": required(policyText)}
	maps.Copy(put, policy)
	keyOf := map[string]rule{"UserName": optional(userNamed), "AccessKeyId": required(accessKeys)}
	status := map[string]rule{"Status": required(keyStatus)}
	maps.Copy(status, keyOf)
	return map[string]*operation{
		"GetUser":          read(own, getUser),
		"GetLoginProfile":  read(own, getLoginProfile),
		"ListUserPolicies": read(paged(one), listUserPolicies),
		"GetUserPolicy":    read(policy, getUserPolicy),
		"ListAttachedUserPolicies": read(paged(map[string]rule{
			"UserName": required(checkName), "PathPrefix": optional(policyPrefix),
		}), func(x *exchange, u *user) (any, error) { return listAttached(x, u.attached) }),
		"ListGroupsForUser": read(paged(one), listGroups),
		"ListAccessKeys":    read(paged(own), listAccessKeys),
		"PutUserPolicy": write(put, func(x *exchange, u *user) (any, error) {
			return nil, u.putPolicy(x.params["PolicyName"], x.params["PolicyDocument"])
		}),
		"DeleteUserPolicy": write(policy, func(x *exchange, u *user) (any, error) {
			return nil, u.deletePolicy(x.params["PolicyName"])
		}),
		"CreateAccessKey": write(own, createAccessKey),
		"UpdateAccessKey": write(status, func(x *exchange, u *user) (any, error) {
			return nil, u.setStatus(x.params["AccessKeyId"], x.params["Status"])
		}),
		"DeleteAccessKey": write(keyOf, func(x *exchange, u *user) (any, error) {
			return nil, u.deleteKey(x.params["AccessKeyId"])
		}),
		"GetAccessKeyLastUsed": {
			params: map[string]rule{"AccessKeyId": required(accessKeys)}, readOnly: true, target: onKey, do: lastUsed,
		},
		"ListUsers": {
			params: paged(map[string]rule{"PathPrefix": optional(prefixValue)}), readOnly: true, target: onPrefix("user"),
			do: listUsers,
		},
		"CreateUser": {params: map[string]rule{
			"UserName": required(checkName), "Path": optional(pathValue),
			"PermissionsBoundary": {check: refused("PermissionsBoundary")},
		}, target: onNewUser, do: createUser},
		"ListAccountAliases": {params: paged(nil), readOnly: true, target: onEverything, do: listAliases},
	}
}

// keyStatus: a caller cannot set Expired.
func keyStatus(field, value string) error {
	switch value {
	case "Active", "Inactive":
		return nil
	case "Expired":
		return errOf("InvalidInput", "The status of an access key cannot be set to Expired.")
	default:
		return invalidValue(field, value, "Member must satisfy enum value set: [Active, Inactive, Expired]")
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

func withUser(do func(x *exchange, u *user) (any, error)) func(x *exchange) (any, error) {
	return func(x *exchange) (any, error) {
		name := x.userName()
		if name == "" {
			return nil, errOf("ValidationError", "Must specify userName when calling with non-User credentials")
		}
		u := x.caller.account().user(name)
		if u == nil {
			return nil, noSuchUser(name)
		}
		return do(x, u)
	}
}

func getUser(_ *exchange, u *user) (any, error) { return struct{ User userXML }{u.shown()}, nil }

func getLoginProfile(_ *exchange, u *user) (any, error) {
	if u.password.IsZero() {
		return nil, errf("NoSuchEntity", "Login Profile for User %s cannot be found.", u.name)
	}
	type profile struct {
		UserName, CreateDate  string
		PasswordResetRequired bool
	}
	return struct{ LoginProfile profile }{profile{u.name, isoTime(u.password), false}}, nil
}

func listUserPolicies(x *exchange, u *user) (any, error) { return x.policyNames(u.inline) }

func getUserPolicy(x *exchange, u *user) (any, error) {
	name := x.params["PolicyName"]
	d, ok := u.inline[name]
	if !ok {
		return nil, noSuchUserPolicy(name)
	}
	return struct{ UserName, PolicyName, PolicyDocument string }{u.name, name, encodeDocument(d.text)}, nil
}

func listGroups(x *exchange, u *user) (any, error) {
	type groupXML struct {
		Path, GroupName string
		GroupID         string `xml:"GroupId"`
		Arn, CreateDate string
	}
	var list []groupXML
	for _, g := range u.groups {
		list = append(list, groupXML{g.path, g.name, g.id, g.arn(), isoTime(g.created)})
	}
	list, p, err := paginate(x.params, list)
	return struct {
		Groups members[groupXML]
		page
	}{members[groupXML]{list}, p}, err
}

func listAccessKeys(x *exchange, u *user) (any, error) {
	type keyXML struct {
		UserName           string
		AccessKeyID        string `xml:"AccessKeyId"`
		Status, CreateDate string
	}
	var list []keyXML
	for _, c := range u.keys {
		list = append(list, keyXML{u.name, c.id, c.status(), isoTime(c.created)})
	}
	list, p, err := paginate(x.params, list)
	return struct {
		AccessKeyMetadata members[keyXML]
		page
	}{members[keyXML]{list}, p}, err
}

// keyOwner is the user of the caller's account that has a key, nil if there is none.
func (x *exchange) keyOwner() *user {
	for _, u := range x.caller.account().users {
		if _, err := u.key(x.params["AccessKeyId"]); err == nil {
			return u
		}
	}
	return nil
}

// onKey is the target of GetAccessKeyLastUsed: the user that has the key.
func onKey(x *exchange) target {
	t := target{resource: "*", words: "access key " + x.params["AccessKeyId"]}
	if u := x.keyOwner(); u != nil {
		t.resource = u.arn()
	}
	return t
}

// lastUsed refuses a key that no user of the account has, whatever the caller may: it is denied as
// one of another account. That is inferred; IAM documents no error for it.
func lastUsed(x *exchange) (any, error) {
	u := x.keyOwner()
	if u == nil {
		return nil, denied(x.caller, "iam:GetAccessKeyLastUsed", "access key "+x.params["AccessKeyId"], "")
	}
	type usedXML struct {
		LastUsedDate        string `xml:",omitempty"`
		ServiceName, Region string
	}
	used := usedXML{"", "N/A", "N/A"}
	if c, err := u.key(x.params["AccessKeyId"]); err == nil && !c.lastUsed.IsZero() {
		used = usedXML{isoTime(c.lastUsed), c.lastService, c.lastRegion}
	}
	return struct {
		UserName          string
		AccessKeyLastUsed usedXML
	}{u.name, used}, nil
}

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

func createAccessKey(x *exchange, u *user) (any, error) {
	c, err := u.newKey()
	if err != nil {
		return nil, err
	}
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
