package slack

import (
	"encoding/json"
	"strconv"
)

// kind is the type of an argument.
type kind string

const (
	kindText    kind = "a string"
	kindBool    kind = "a boolean"
	kindNumber  kind = "a number"
	kindArray   kind = "a JSON array"
	kindObject  kind = "a JSON object"
	kindParse   kind = "full or none"
	kindTS      kind = "a ts"
	kindTSRange kind = "a ts or a number of seconds"
)

// accepts reports whether a value is of the kind.
func (k kind) accepts(value string) bool {
	switch k {
	case kindText:
		return true
	case kindBool:
		return value == "true" || value == "false" || value == "1" || value == "0"
	case kindNumber:
		_, err := strconv.ParseUint(value, 10, 31)
		return err == nil
	case kindArray:
		var v []json.RawMessage
		return json.Unmarshal([]byte(value), &v) == nil && v != nil
	case kindObject:
		var v map[string]json.RawMessage
		return json.Unmarshal([]byte(value), &v) == nil && v != nil
	case kindParse:
		return value == "full" || value == "none"
	case kindTS:
		_, ok := parseTS(value)
		return ok
	case kindTSRange:
		_, err := strconv.ParseFloat(value, 64)
		return err == nil
	}
	return false
}

// method is one method of the Web API.
type method struct {
	app      bool     // takes the app token, not the bot token
	team     bool     // a token of an organisation has to name a workspace
	scopes   []string // one of them is needed
	args     map[string]kind
	required []string
	do       func(*Server, *call) answer
}

// contentArgs are what a message is made of, with more arguments added.
func contentArgs(more map[string]kind) map[string]kind {
	args := map[string]kind{
		"channel": kindText, "text": kindText, "blocks": kindArray, "parse": kindParse, "link_names": kindBool,
	}
	for name, k := range more {
		args[name] = k
	}
	return args
}

// allMethods are all that the stand-in knows, each with all the arguments that it takes besides
// team_id, which all take. Arguments of Slack's that are missing here (attachments, markdown_text,
// as_user, …) are not supported, and say so when they are used.
func allMethods() map[string]method {
	infoScopes := []string{"channels:read", "groups:read", "im:read"}
	historyScopes := []string{"channels:history", "groups:history", "im:history"}
	return map[string]method{
		"auth.test": {do: (*Server).authTest},
		"auth.teams.list": {
			do: (*Server).teamList, args: map[string]kind{"limit": kindNumber, "cursor": kindText, "include_icon": kindBool},
		},
		"apps.connections.open": {
			app: true, do: (*Server).openConnection,
		},

		"chat.postMessage": {
			scopes: []string{"chat:write"}, required: []string{"channel"}, do: (*Server).postMessage,
			args: contentArgs(map[string]kind{
				"metadata": kindObject, "thread_ts": kindText, "reply_broadcast": kindBool,
				"unfurl_links": kindBool, "unfurl_media": kindBool, "mrkdwn": kindBool,
			}),
		},
		"chat.update": {
			scopes: []string{"chat:write"}, required: []string{"channel", "ts"}, do: (*Server).updateMessage,
			args: contentArgs(map[string]kind{
				"ts": kindTS, "metadata": kindObject, "unfurl_links": kindBool, "unfurl_media": kindBool,
			}),
		},
		"chat.postEphemeral": {
			scopes: []string{"chat:write"}, required: []string{"channel", "user"}, do: (*Server).postEphemeral,
			args: contentArgs(map[string]kind{
				"user": kindText, "thread_ts": kindText,
				"unfurl_links": kindBool, "unfurl_media": kindBool, "mrkdwn": kindBool,
			}),
		},
		"chat.delete": {
			scopes: []string{"chat:write"}, required: []string{"channel", "ts"}, do: (*Server).removeMessage,
			args: map[string]kind{"channel": kindText, "ts": kindTS},
		},
		"chat.getPermalink": {
			required: []string{"channel", "message_ts"}, do: (*Server).permalink,
			args: map[string]kind{"channel": kindText, "message_ts": kindTS},
		},

		"conversations.info": {
			scopes: infoScopes, required: []string{"channel"}, do: (*Server).channelInfo,
			args: map[string]kind{"channel": kindText, "include_locale": kindBool, "include_num_members": kindBool},
		},
		"conversations.members": {
			scopes: infoScopes, required: []string{"channel"}, do: (*Server).channelMembers,
			args: map[string]kind{"channel": kindText, "limit": kindNumber, "cursor": kindText},
		},
		"conversations.history": {
			scopes: historyScopes, required: []string{"channel"}, do: (*Server).channelHistory,
			args: map[string]kind{
				"channel": kindText, "limit": kindNumber, "cursor": kindText, "inclusive": kindBool,
				"oldest": kindTSRange, "latest": kindTSRange, "include_all_metadata": kindBool,
			},
		},
		"conversations.replies": {
			scopes: historyScopes, required: []string{"channel", "ts"}, do: (*Server).channelReplies,
			args: map[string]kind{
				"channel": kindText, "ts": kindTS, "limit": kindNumber, "cursor": kindText, "inclusive": kindBool,
				"oldest": kindTSRange, "latest": kindTSRange, "include_all_metadata": kindBool,
			},
		},
		"conversations.open": {
			scopes: []string{"im:write"}, do: (*Server).openChannel,
			args: map[string]kind{"channel": kindText, "users": kindText, "return_im": kindBool},
		},

		"users.info": {
			scopes: []string{"users:read"}, required: []string{"user"}, do: (*Server).userInfo,
			args: map[string]kind{"user": kindText, "include_locale": kindBool},
		},
		"bots.info": {
			team: true, scopes: []string{"users:read"}, required: []string{"bot"}, do: (*Server).botInfo,
			args: map[string]kind{"bot": kindText},
		},
		"usergroups.list": {
			team: true, scopes: []string{"usergroups:read"}, do: (*Server).groupList,
			args: map[string]kind{
				"include_count": kindBool, "include_disabled": kindBool, "include_users": kindBool,
			},
		},
		"usergroups.users.list": {
			team: true, scopes: []string{"usergroups:read"}, required: []string{"usergroup"}, do: (*Server).groupUsers,
			args: map[string]kind{"usergroup": kindText, "include_disabled": kindBool},
		},

		"views.open": {
			required: []string{"trigger_id", "view"}, do: (*Server).stackView,
			args: map[string]kind{"trigger_id": kindText, "view": kindObject},
		},
		"views.push": {
			required: []string{"trigger_id", "view"}, do: (*Server).stackView,
			args: map[string]kind{"trigger_id": kindText, "view": kindObject},
		},
		"views.update": {
			required: []string{"view"}, do: (*Server).updateView,
			args: map[string]kind{"view": kindObject, "view_id": kindText, "external_id": kindText, "hash": kindText},
		},
		"views.publish": {
			required: []string{"user_id", "view"}, do: (*Server).publishView,
			args: map[string]kind{"view": kindObject, "user_id": kindText, "hash": kindText},
		},

		"files.getUploadURLExternal": {
			scopes: []string{"files:write"}, required: []string{"filename", "length"}, do: (*Server).uploadURL,
			args: map[string]kind{"filename": kindText, "length": kindNumber, "alt_txt": kindText, "snippet_type": kindText},
		},
		"files.completeUploadExternal": {
			scopes: []string{"files:write"}, required: []string{"files"}, do: (*Server).completeUpload,
			args: map[string]kind{
				"files": kindArray, "channel_id": kindText, "initial_comment": kindText, "thread_ts": kindText,
			},
		},
	}
}
