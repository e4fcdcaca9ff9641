package bot

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/handlers/deliver"
)

// kinds maps Slack's error codes to what they mean here (Slack documentation, each method's
// "Errors"). That there was too much comes as an error of its own: limits.go.
var kinds = func() map[string]deliver.SlackErrorKind {
	all := map[string]deliver.SlackErrorKind{}
	for kind, codes := range map[deliver.SlackErrorKind]string{
		deliver.SlackPassing: `service_unavailable team_added_to_org request_timeout message_limit_exceeded
			external_channel_migrating`,
		deliver.SlackUnsure: `internal_error fatal_error file_update_failed`,
		deliver.SlackChannel: `channel_not_found not_in_channel is_archived restricted_action
			restricted_action_read_only_channel restricted_action_thread_only_channel
			restricted_action_non_threadable_channel restricted_action_thread_locked ekm_access_denied
			team_access_not_granted`,
		deliver.SlackContent: `invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long no_text
			too_many_attachments invalid_attachments only_one_table_allowed invalid_arguments
			metadata_too_large invalid_metadata_format block_mismatch`,
		deliver.SlackNoTarget: `message_not_found thread_not_found cant_update_message edit_window_closed is_inactive
			cannot_reply_to_message`,
		deliver.SlackNoPerson: `user_disabled user_not_found user_not_visible cannot_dm_bot messages_tab_disabled`,
		deliver.SlackToken: `invalid_auth not_authed account_inactive token_revoked token_expired missing_scope
			not_allowed_token_type no_permission org_login_required app_access_restricted access_denied
			two_factor_setup_required forbidden_team accesslimited enterprise_is_restricted
			user_removed_from_team team_disabled`,
		deliver.SlackNoFiles: `file_uploads_disabled file_uploads_except_images_disabled file_type_not_allowed
			file_upload_size_restricted storage_limit_reached alt_txt_too_large missing_argument
			posting_to_channel_denied`,
	} {
		for _, code := range strings.Fields(codes) {
			all[code] = kind
		}
	}
	return all
}()

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

// codeOf is the code of an error that slackError sorted.
func codeOf(err error) string {
	if e, ok := errors.AsType[*deliver.SlackError](err); ok {
		return e.Code
	}
	return ""
}

// emptyAnswer is for an answer that has nothing in it. slack-go takes one that names no error, such
// as {} from a proxy, for a success; whether anything happened is unknown.
func emptyAnswer(method string) error {
	return &deliver.SlackError{Kind: deliver.SlackUnsure, Method: method, Err: errors.New("the answer is empty")}
}
