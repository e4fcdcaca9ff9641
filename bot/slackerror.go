package bot

import (
	"errors"
	"net"
	"net/http"
	"strconv"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers"
)

// kinds maps Slack's error codes to what they mean here (Slack documentation, each method's
// "Errors"). That there was too much comes as an error of its own: limits.go.
var kinds = map[string]handlers.SlackErrorKind{
	"service_unavailable": handlers.SlackPassing,
	"team_added_to_org":   handlers.SlackPassing, "request_timeout": handlers.SlackPassing,
	"message_limit_exceeded": handlers.SlackPassing,
	"internal_error":         handlers.SlackUnsure, "fatal_error": handlers.SlackUnsure,

	"channel_not_found": handlers.SlackChannel, "not_in_channel": handlers.SlackChannel,
	"is_archived":       handlers.SlackChannel,
	"restricted_action": handlers.SlackChannel, "restricted_action_read_only_channel": handlers.SlackChannel,
	"restricted_action_thread_only_channel":    handlers.SlackChannel,
	"restricted_action_non_threadable_channel": handlers.SlackChannel,
	"restricted_action_thread_locked":          handlers.SlackChannel, "ekm_access_denied": handlers.SlackChannel,
	"team_access_not_granted": handlers.SlackChannel, "external_channel_migrating": handlers.SlackPassing,

	"invalid_blocks": handlers.SlackContent, "invalid_blocks_format": handlers.SlackContent,
	"msg_blocks_too_long": handlers.SlackContent,
	"msg_too_long":        handlers.SlackContent, "no_text": handlers.SlackContent,
	"too_many_attachments": handlers.SlackContent,
	"invalid_attachments":  handlers.SlackContent, "only_one_table_allowed": handlers.SlackContent,
	"invalid_arguments":  handlers.SlackContent,
	"metadata_too_large": handlers.SlackContent, "invalid_metadata_format": handlers.SlackContent,
	"block_mismatch": handlers.SlackContent,

	"message_not_found": handlers.SlackNoTarget, "thread_not_found": handlers.SlackNoTarget,
	"cant_update_message": handlers.SlackNoTarget,
	"edit_window_closed":  handlers.SlackNoTarget, "is_inactive": handlers.SlackNoTarget,
	"cannot_reply_to_message": handlers.SlackNoTarget,

	"user_disabled": handlers.SlackNoPerson, "user_not_found": handlers.SlackNoPerson,
	"user_not_visible": handlers.SlackNoPerson,
	"cannot_dm_bot":    handlers.SlackNoPerson, "messages_tab_disabled": handlers.SlackNoPerson,

	"invalid_auth": handlers.SlackToken, "not_authed": handlers.SlackToken, "account_inactive": handlers.SlackToken,
	"token_revoked": handlers.SlackToken, "token_expired": handlers.SlackToken, "missing_scope": handlers.SlackToken,
	"not_allowed_token_type": handlers.SlackToken, "no_permission": handlers.SlackToken,
	"org_login_required":    handlers.SlackToken,
	"app_access_restricted": handlers.SlackToken, "access_denied": handlers.SlackToken,
	"two_factor_setup_required": handlers.SlackToken,
	"forbidden_team":            handlers.SlackToken, "accesslimited": handlers.SlackToken,
	"enterprise_is_restricted": handlers.SlackToken,
	"user_removed_from_team":   handlers.SlackToken, "team_disabled": handlers.SlackToken,

	"file_uploads_disabled": handlers.SlackNoFiles, "file_uploads_except_images_disabled": handlers.SlackNoFiles,
	"file_type_not_allowed": handlers.SlackNoFiles, "file_upload_size_restricted": handlers.SlackNoFiles,
	"storage_limit_reached": handlers.SlackNoFiles, "alt_txt_too_large": handlers.SlackNoFiles,
	"missing_argument": handlers.SlackNoFiles, "posting_to_channel_denied": handlers.SlackNoFiles,
	"file_update_failed": handlers.SlackUnsure,
}

// slackError sorts an error of slack-go. It returns nil for nil.
func slackError(method string, err error) error {
	if err == nil {
		return nil
	}
	out := &handlers.SlackError{Method: method, Err: err}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		out.Kind, out.Code, out.RetryAfter = handlers.SlackPassing, "ratelimited", limited.RetryAfter
		return out
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		out.Code = answer.Err
		out.Kind = kinds[answer.Err]
		return out
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		out.Code = strconv.Itoa(status.Code)
		out.Kind = handlers.SlackUnsure
		if status.Code == http.StatusTooManyRequests {
			out.Kind = handlers.SlackPassing
		}
		return out
	}
	out.Kind = handlers.SlackUnsure
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		out.Kind = handlers.SlackPassing // nothing was sent
	}
	return out
}

// emptyAnswer is for an answer that has nothing in it. slack-go takes one that names no error, such
// as {} from a proxy, for a success; whether anything happened is unknown.
func emptyAnswer(method string) error {
	return &handlers.SlackError{Kind: handlers.SlackUnsure, Method: method, Err: errors.New("the answer is empty")}
}
