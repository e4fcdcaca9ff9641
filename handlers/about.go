package handlers

import (
	"encoding/json"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers/messages"
)

// About says which request an item is about, and which one it opens if it comes to that; both are
// empty where there is none. It looks nothing up: what it says of a click is what the click says,
// and proves nothing.
func About(item approvals.Item) (request, opens string) {
	switch item.Kind {
	case KindCommand:
		var c Command
		if json.Unmarshal(item.Body, &c) == nil {
			opens = c.RequestID
		}
	case KindClick:
		var c Click
		if json.Unmarshal(item.Body, &c) != nil {
			return "", ""
		}
		switch c.ActionID {
		case messages.ActionAsk:
			return "", c.RequestID
		case messages.ActionAgain, messages.ActionUndo, messages.ActionCleanUp, messages.ActionChain,
			messages.ActionFurther:
			opens = c.RequestID
		}
		request, _ = messages.PartsOf(c.Value)
	case KindSubmit:
		var s Submission
		if json.Unmarshal(item.Body, &s) != nil {
			return "", ""
		}
		if s.Form != messages.FormDeny {
			opens = s.RequestID
		}
		request = s.Origin.Request
	default:
		request = item.Request
	}
	return request, opens
}
