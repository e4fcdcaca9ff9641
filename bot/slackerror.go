package bot

import (
	"errors"
	"net"
	"net/http"
	"strconv"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/deliver"
)

// kinds maps Slack's error codes to what they mean here (Slack documentation, each method's
// "Errors"). That there was too much comes as an error of its own: limits.go.
var kinds = map[string]deliver.SlackErrorKind{
	"service_unavailable": deliver.SlackPassing,
	"team_added_to_org":   deliver.SlackPassing, "request_timeout": deliver.SlackPassing,
	"message_limit_exceeded": deliver.SlackPassing,
	"internal_error":         deliver.SlackUnsure, "fatal_error": deliver.SlackUnsure,

	"channel_not_found": deliver.SlackChannel, "not_in_channel": deliver.SlackChannel,
	"is_archived":       deliver.SlackChannel,
	"restricted_action": deliver.SlackChannel, "restricted_action_read_only_channel": deliver.SlackChannel,
	"restricted_action_thread_only_channel":    deliver.SlackChannel,
	"restricted_action_non_threadable_channel": deliver.SlackChannel,
	"restricted_action_thread_locked":          deliver.SlackChannel, "ekm_access_denied": deliver.SlackChannel,
	"team_access_not_granted": deliver.SlackChannel, "external_channel_migrating": deliver.SlackPassing,

	"invalid_blocks": deliver.SlackContent, "invalid_blocks_format": deliver.SlackContent,
	"msg_blocks_too_long": deliver.SlackContent,
	"msg_too_long":        deliver.SlackContent, "no_text": deliver.SlackContent,
	"too_many_attachments": deliver.SlackContent,
	"invalid_attachments":  deliver.SlackContent, "only_one_table_allowed": deliver.SlackContent,
	"invalid_arguments":  deliver.SlackContent,
	"metadata_too_large": deliver.SlackContent, "invalid_metadata_format": deliver.SlackContent,
	"block_mismatch": deliver.SlackContent,

	"message_not_found": deliver.SlackNoTarget, "thread_not_found": deliver.SlackNoTarget,
	"cant_update_message": deliver.SlackNoTarget,
	"edit_window_closed":  deliver.SlackNoTarget, "is_inactive": deliver.SlackNoTarget,
	"cannot_reply_to_message": deliver.SlackNoTarget,

	"user_disabled": deliver.SlackNoPerson, "user_not_found": deliver.SlackNoPerson,
	"user_not_visible": deliver.SlackNoPerson,
	"cannot_dm_bot":    deliver.SlackNoPerson, "messages_tab_disabled": deliver.SlackNoPerson,

	"invalid_auth": deliver.SlackToken, "not_authed": deliver.SlackToken, "account_inactive": deliver.SlackToken,
	"token_revoked": deliver.SlackToken, "token_expired": deliver.SlackToken, "missing_scope": deliver.SlackToken,
	"not_allowed_token_type": deliver.SlackToken, "no_permission": deliver.SlackToken,
	"org_login_required":    deliver.SlackToken,
	"app_access_restricted": deliver.SlackToken, "access_denied": deliver.SlackToken,
	"two_factor_setup_required": deliver.SlackToken,
	"forbidden_team":            deliver.SlackToken, "accesslimited": deliver.SlackToken,
	"enterprise_is_restricted": deliver.SlackToken,
	"user_removed_from_team":   deliver.SlackToken, "team_disabled": deliver.SlackToken,

	"file_uploads_disabled": deliver.SlackNoFiles, "file_uploads_except_images_disabled": deliver.SlackNoFiles,
	"file_type_not_allowed": deliver.SlackNoFiles, "file_upload_size_restricted": deliver.SlackNoFiles,
	"storage_limit_reached": deliver.SlackNoFiles, "alt_txt_too_large": deliver.SlackNoFiles,
	"missing_argument": deliver.SlackNoFiles, "posting_to_channel_denied": deliver.SlackNoFiles,
	"file_update_failed": deliver.SlackUnsure,
}

// slackError sorts an error of slack-go. It returns nil for nil.
func slackError(method string, err error) error {
	if err == nil {
		return nil
	}
	out := &deliver.SlackError{Method: method, Err: err}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		out.Kind, out.Code, out.RetryAfter = deliver.SlackPassing, "ratelimited", limited.RetryAfter
		return out
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		out.Code = answer.Err
		out.Kind = kinds[answer.Err]
		return out
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		out.Code = strconv.Itoa(status.Code)
		out.Kind = deliver.SlackUnsure
		if status.Code == http.StatusTooManyRequests {
			out.Kind = deliver.SlackPassing
		}
		return out
	}
	out.Kind = deliver.SlackUnsure
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		out.Kind = deliver.SlackPassing // nothing was sent
	}
	return out
}

// emptyAnswer is for an answer that has nothing in it. slack-go takes one that names no error, such
// as {} from a proxy, for a success; whether anything happened is unknown.
func emptyAnswer(method string) error {
	return &deliver.SlackError{Kind: deliver.SlackUnsure, Method: method, Err: errors.New("the answer is empty")}
}
