package bot

// Scope is a scope of the bot token, as deploy/slack-manifest.yaml asks for it.
type Scope struct {
	Name    string
	Method  string // that needs it
	Without string // what does not work without it
	Needed  bool   // without it no request can be made, approved or told
}

// Scopes are those that the bot uses (Slack documentation, the page of each method).
func Scopes() []Scope {
	return []Scope{
		{"commands", "the slash command", "no request can be made", true},
		{"chat:write", "chat.postMessage", "there is no card and no thread", true},
		{"users:read", "users.info", "people cannot be looked up, so none may ask or approve", true},
		{
			"usergroups:read", "usergroups.users.list", "members of user groups cannot be looked up, so they may not approve",
			true,
		},
		{"channels:read", "conversations.info", "requests from public channels are refused", true},
		{"groups:read", "conversations.info", "requests from private channels are refused", true},
		{"im:write", "conversations.open", "approvers who are not in the channel get no message", false},
		{"files:write", "files.getUploadURLExternal", "the picture, the lists and the report do not reach the thread", false},
		{"channels:history", "conversations.history", "after a crash a message can come twice in public channels", false},
		{"groups:history", "conversations.history", "after a crash a message can come twice in private channels", false},
	}
}
