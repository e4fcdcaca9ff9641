package blocks

import "strings"

// emoji are the short codes that operational messages use. An unknown code is shown as written.
var emoji = map[string]string{
	"+1": "👍", "-1": "👎", "alarm_clock": "⏰", "ballot_box_with_check": "☑️", "bell": "🔔", "black_circle": "⚫",
	"bookmark_tabs": "📑", "bulb": "💡", "bust_in_silhouette": "👤", "busts_in_silhouette": "👥", "calendar": "📅",
	"check": "✔️", "checkered_flag": "🏁", "clock1": "🕐", "closed_lock_with_key": "🔐", "eyes": "👀",
	"exclamation": "❗", "fire": "🔥", "gear": "⚙️", "globe_with_meridians": "🌐", "grey_question": "❔",
	"hourglass": "⌛", "hourglass_flowing_sand": "⏳", "information_source": "ℹ️", "key": "🔑", "large_blue_circle": "🔵",
	"large_green_circle": "🟢", "large_orange_circle": "🟠", "large_red_circle": "🔴", "large_yellow_circle": "🟡",
	"link": "🔗",
	"lock": "🔒", "mag": "🔍", "memo": "📝", "mute": "🔇", "no_entry": "⛔", "no_entry_sign": "🚫", "octagonal_sign": "🛑",
	"page_facing_up": "📄", "pencil2": "✏️", "point_right": "👉", "pushpin": "📌", "question": "❓", "raised_hand": "✋",
	"red_circle": "🔴", "repeat": "🔁", "robot_face": "🤖", "rotating_light": "🚨", "satellite": "📡", "shield": "🛡️",
	"stopwatch": "⏱️", "tada": "🎉", "ticket": "🎫", "timer_clock": "⏲️", "unlock": "🔓", "wave": "👋",
	"white_check_mark": "✅", "white_circle": "⚪", "x": "❌", "zap": "⚡", "warning": "⚠️",
}

// emojify replaces the short codes it knows.
func emojify(s string) string {
	if !strings.Contains(s, ":") {
		return s
	}
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(s, ":")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		code, after, closed := strings.Cut(rest, ":")
		if sign := emoji[code]; closed && sign != "" {
			out.WriteString(sign)
			s = after
			continue
		}
		out.WriteByte(':')
		s = rest
	}
}
