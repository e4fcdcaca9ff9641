package role

import (
	"strings"
	"testing"

	"github.com/revokebot/revokebot/aws/contain"
)

// The quote of a document is cut.
func TestAForeignDocumentThatAllowsSomethingIsToldWhereverItSaysSo(t *testing.T) {
	const deny = `{"Effect":"Deny","Action":"iam:*","Resource":"*"}`
	long := `{"Version":"2012-10-17","Statement":[` + strings.Repeat(deny+",", 20)
	for text, allows := range map[string]bool{
		long + deny + `]}`: false,
		long + `{"Effect":"Allow","Action":"*","Resource":"*"}]}`:                 true,
		long + `{"effect":"Allow","notAction":"a:b","resource":"*"}]}`:            true,
		long + `{"Effect":"\u0041llow","Action":"*","Resource":"*"}]}`:            true,
		long + `{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}]}`: true,
		long + `{"Effect":["Allow"],"Action":"*","Resource":"*"}]}`:               true,
		`{"Statement":` + deny + strings.Repeat(" ", 300) + `}`:                   false,
	} {
		there := contain.Document{Slot: contain.Slot{Kind: contain.RoleInline, Name: contain.ConsolePolicy}, Text: text}
		sentence, _ := Foreign(contain.Revoke(), there)
		if got := strings.Contains(sentence, "It has a statement that allows something."); got != allows {
			t.Errorf("%s: %s", text[len(text)-60:], sentence)
		}
	}
}
