package handlers_test

import (
	"encoding/json"
	"testing"

	"github.com/revokebot/revokebot/approvals"
	"github.com/revokebot/revokebot/handlers"
	"github.com/revokebot/revokebot/handlers/messages"
)

func TestAnItemSaysWhichRequestItIsAboutAndWhichOneItOpens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind           string
		body           any
		request, opens string
	}{
		"a command": {handlers.KindCommand, handlers.Command{RequestID: "NEW"}, "", "NEW"},
		"a click on a card": {
			handlers.KindClick, handlers.Click{ActionID: messages.ActionApprove, Value: "OLD", RequestID: "NEW"}, "OLD", "",
		},
		"a choice in a thread": {
			handlers.KindClick, handlers.Click{ActionID: messages.ActionSession, Value: "OLD/3", RequestID: "NEW"}, "OLD", "",
		},
		"a button that asks": {
			handlers.KindClick, handlers.Click{ActionID: messages.ActionAgain, Value: "OLD", RequestID: "NEW"}, "OLD", "NEW",
		},
		"a button at home": {
			handlers.KindClick, handlers.Click{ActionID: messages.ActionAsk, Value: "C1", RequestID: "NEW"}, "", "NEW",
		},
		"a denial": {
			handlers.KindSubmit, handlers.Submission{
				Form: messages.FormDeny, Origin: messages.FormOrigin{Request: "OLD"}, RequestID: "NEW",
			}, "OLD", "",
		},
		"a form that asks": {
			handlers.KindSubmit, handlers.Submission{Form: messages.FormAsk, RequestID: "NEW"}, "", "NEW",
		},
		"a form to undo": {
			handlers.KindSubmit, handlers.Submission{
				Form: messages.FormUndo, Origin: messages.FormOrigin{Request: "OLD"}, RequestID: "NEW",
			}, "OLD", "NEW",
		},
		"a timer":             {handlers.KindExecute, nil, "OLD", ""},
		"what cannot be read": {handlers.KindClick, "text", "", ""},
	} {
		body, err := json.Marshal(test.body)
		if err != nil {
			t.Fatal(err)
		}
		item := approvals.Item{Kind: test.kind, Body: body}
		if test.body == nil {
			item.Request, item.Body = "OLD", nil
		}
		if request, opens := handlers.About(item); request != test.request || opens != test.opens {
			t.Errorf("%s is about %q and opens %q, want %q and %q", name, request, opens, test.request, test.opens)
		}
	}
}
