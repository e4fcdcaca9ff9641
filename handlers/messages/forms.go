package messages

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/revokebot/revokebot/approvals"
)

// The form that asks for the reason of a denial, and its one field.
const (
	FormDeny     = "revokebot_deny_form"
	FieldReason  = "reason"
	actionReason = "text"
)

// Forms are the callback ids of all forms.
func Forms() []string { return []string{FormDeny, FormUndo, FormAsk, FormAddresses} }

// FormOrigin says which card a form was opened from, or, of FormAsk, for whom and in which channel.
// Slack keeps it with the form; people cannot change it.
type FormOrigin struct {
	Request string `json:"request,omitempty"`
	Channel string `json:"channel"`
	Message string `json:"message,omitempty"`
	User    string `json:"user,omitempty"`    // of FormAsk
	Home    bool   `json:"home,omitempty"`    // it was opened from the App Home
	Command string `json:"command,omitempty"` // of FormAddresses: what stands before the addresses
}

// form is a form that ends with the field for a reason.
func form(
	id, title, submit string, origin FormOrigin, placeholder string, optional bool, blocks ...slack.Block,
) slack.ModalViewRequest {
	metadata, _ := json.Marshal(origin) // it cannot fail: texts and a flag
	reason := slack.NewPlainTextInputBlockElement(plainText(placeholder), actionReason)
	reason.Multiline, reason.MaxLength = true, MaxReason
	input := slack.NewInputBlock(FieldReason, plainText("Reason (everybody in the channel sees it)"), nil, reason)
	input.Optional = optional
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: id, PrivateMetadata: string(metadata),
		Title: plainText(title), Submit: plainText(submit), Close: plainText("Back"),
		Blocks: slack.Blocks{BlockSet: append(blocks, input)},
	}
}

// DenyForm asks an approver for the reason of a denial, which may stay empty.
func DenyForm(r approvals.Request, c Context, origin FormOrigin) slack.ModalViewRequest {
	return form(FormDeny, "Deny the request?", "Deny", origin, "Why not, or what to do instead", true,
		section(c.phrases(r).asked(r, c)+" After Deny nothing is done, and the request is closed for everybody."))
}

// The form that asks for the addresses of a restriction, and its field. The reason's is
// FieldReason.
const (
	FormAddresses   = "revokebot_addresses_form"
	FieldAddresses  = "addresses"           // typed
	FieldChosen     = "chosen"              // ticked
	ActionAddresses = "revokebot_addresses" // opens it
)

// limitTarget is more than a command up to the ARN of any role has, and fits into a form's
// metadata.
const limitTarget = 700

// Known are the addresses that the form offers: from where the role was used in the last hours.
type Known struct {
	Usual   []string // ticked
	Unusual []string // of sessions that are unusual: not ticked
}

// OfferMark parts a command in the value of ActionAddresses from the addresses that its form
// offers.
const OfferMark = "\n"

// maxBoxes is how many options a group of checkboxes may have (Slack documentation, "Checkbox
// element").
const maxBoxes = 10

// cut leaves the addresses that fit into the form: each kind at least half.
func (k Known) cut() Known {
	known := func(addresses []string) []string {
		return slices.DeleteFunc(slices.Clone(addresses), func(text string) bool {
			a, err := netip.ParseAddr(text)
			return err != nil || a.Zone() != ""
		})
	}
	k.Usual, k.Unusual = known(k.Usual), known(k.Unusual)
	n := max(maxBoxes/2, maxBoxes-len(k.Unusual))
	k.Usual = k.Usual[:min(len(k.Usual), n)]
	k.Unusual = k.Unusual[:min(len(k.Unusual), maxBoxes-len(k.Usual))]
	return k
}

// value is what a button keeps of it.
func (k Known) value() (text string) {
	k = k.cut()
	for _, address := range k.Usual {
		text += OfferMark + address
	}
	for _, address := range k.Unusual {
		text += OfferMark + "!" + address
	}
	return text
}

// KnownIn is the reverse, of the value of ActionAddresses.
func KnownIn(value string) (k Known) {
	lines := strings.Split(value, OfferMark)
	for _, line := range lines[1:] {
		if unusual, ok := strings.CutPrefix(line, "!"); ok {
			k.Unusual = append(k.Unusual, unusual)
		} else {
			k.Usual = append(k.Usual, line)
		}
	}
	return k
}

// boxes are the addresses to tick; nil if there are none.
func (k Known) boxes() slack.Block {
	k = k.cut()
	group := slack.NewCheckboxGroupsBlockElement(FieldChosen)
	for _, address := range k.Usual {
		group.Options = append(group.Options, slack.NewOptionBlockObject(address, plainText(Raw(address, limitOption)), nil))
	}
	group.InitialOptions = group.Options
	for _, address := range k.Unusual {
		group.Options = append(group.Options, slack.NewOptionBlockObject(address, plainText(Raw(address, limitOption)),
			plainText("Unusual: it may be the attacker's.")))
	}
	if len(group.Options) == 0 {
		return nil
	}
	input := slack.NewInputBlock(FieldChosen, plainText("Used in the last twelve hours"), nil, group)
	input.Optional = true
	return input
}

// AddressesForm asks from where a role may be used. reason is what was typed already.
func AddressesForm(origin FormOrigin, reason string, reasonRequired bool, offer Known) slack.ModalViewRequest {
	if len(origin.Command) > limitTarget { // no role has such a name: what is left of it finds none
		origin.Command = Clean(origin.Command, limitTarget)
	}
	field := slack.NewPlainTextInputBlockElement(plainText("203.0.113.0/24 2001:db8::/32 vpc-0a1b2c3d"), FieldAddresses)
	field.Multiline, field.MaxLength = true, 3000
	typed := slack.NewInputBlock(FieldAddresses, plainText("Known addresses, networks and VPCs"), plainText("Public "+
		"addresses: AWS does not see private ones. Without a VPC, every call through a VPC endpoint is denied."), field)
	blocks := []slack.Block{
		section("This asks to deny the sessions of a role, old and new, everything from other addresses: " +
			Code(origin.Command, 300) + ". An approver other than you has to approve it on the card in " +
			Channel(origin.Channel) + ". Nothing happens before that."),
	}
	if boxes := offer.boxes(); boxes != nil {
		typed.Optional, blocks = true, append(blocks, boxes)
	}
	view := form(FormAddresses, "Restrict a role", "Ask for approval", origin, "What happened, in a few words",
		!reasonRequired, append(blocks, typed)...)
	if input, ok := view.Blocks.BlockSet[len(view.Blocks.BlockSet)-1].(*slack.InputBlock); ok {
		if typed, ok := input.Element.(*slack.PlainTextInputBlockElement); ok {
			typed.InitialValue = cut(reason, MaxReason)
		}
	}
	return view
}

// The form that asks for a revocation. The reason's field is FieldReason.
const (
	FormAsk       = "revokebot_ask_form"
	FieldAccount  = "account"
	FieldRole     = "role"
	ActionRole    = "revokebot_role" // of the menu that is filled while the requester types
	actionAccount = "account"
	actionTyped   = "text"
)

const (
	// maxOptions, limitOption and limitValue are those of a menu (Slack documentation, "Option
	// object", "Select menu element").
	maxOptions  = 100
	limitOption = 75
	limitValue  = 150
	// limitFieldError is this project's own: Slack names none.
	limitFieldError = 300
)

// Asking is what the form for a revocation shows.
type Asking struct {
	Accounts       []AccountChoice // from which one is chosen, if there are several
	Chosen         string          // the account that is meant unless another one is chosen; "" none
	Typed          bool            // the role is typed: no list of roles can be had
	ReasonRequired bool
	Margin         time.Duration
}

// AccountChoice is an account to choose.
type AccountChoice struct{ Name, ID string }

// choosable reports whether the accounts are offered as a menu. More than fit into one are typed
// with the role.
func (a Asking) choosable() bool { return len(a.Accounts) > 1 && len(a.Accounts) <= maxOptions }

// AskForm asks for the account, the role and the reason of a revocation, and says what would
// happen.
func AskForm(a Asking, origin FormOrigin) slack.ModalViewRequest {
	blocks := []slack.Block{
		section("This asks to revoke *every active session* of one AWS role. " +
			"An approver other than you has to approve it on the card in " + Channel(origin.Channel) +
			". Nothing happens before that.\nIf they approve: all sessions of the role issued before the approval plus " +
			Span(a.Margin) + " lose access within seconds. Anyone allowed to assume the role can get a new session after " +
			"that. Programs that cache credentials *fail until they refresh*."),
	}
	if a.choosable() {
		blocks = append(blocks, accountField(a))
	}
	return form(FormAsk, "Revoke sessions", "Ask for approval", origin, "What happened, in a few words", !a.ReasonRequired,
		append(blocks, roleField(a))...)
}

func accountField(a Asking) slack.Block {
	placeholder := "Any account"
	if a.Typed { // the role as it is typed need not say of which account it is
		placeholder = "Which account"
	}
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeStatic, plainText(placeholder), actionAccount)
	for _, account := range a.Accounts {
		option := slack.NewOptionBlockObject(account.Name, plainText(Raw(account.Name, limitOption)),
			plainText("account "+Raw(account.ID, 12)))
		menu.Options = append(menu.Options, option)
		if account.Name == a.Chosen {
			menu.InitialOption = option
		}
	}
	if a.Typed {
		return slack.NewInputBlock(FieldAccount, plainText("Account"), nil, menu)
	}
	input := slack.NewInputBlock(FieldAccount, plainText("Account"),
		plainText("This shortens the list of roles. A role from the list sets its account."), menu)
	input.Optional = true
	return input
}

func roleField(a Asking) slack.Block {
	shapes := "A name, the ARN of a role, session or user, or an access key id (ASIA… or AKIA…)."
	if len(a.Accounts) > 1 && !a.choosable() {
		shapes = "account/name, the ARN of a role, session or user, or an access key id (ASIA… or AKIA…)."
	}
	if a.Typed {
		field := slack.NewPlainTextInputBlockElement(plainText("DeployRole"), actionTyped)
		field.MaxLength = 700
		return slack.NewInputBlock(FieldRole, plainText("Role"), plainText(shapes+
			" There is no list to choose from, because AWS does not let revokebot list the roles (iam:ListRoles). "+
			"The role is looked up when you send this."), field)
	}
	shortest := 1
	menu := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plainText("Type a part of the name"), ActionRole)
	menu.MinQueryLength = &shortest
	return slack.NewInputBlock(FieldRole, plainText("Role"), plainText(shapes+
		" Type, then choose from the list. Roles that revokebot does not touch are not on it: protected and service-linked "+
		"ones, those of Identity Center, its own."), menu)
}

func plainText(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// RoleChoice is a role that is offered while the requester types.
type RoleChoice struct {
	Account, Name string
	Path          string // with both slashes
	Typed         bool   // not on the list: the name as it was typed
	Unlisted      bool   // and there is no list of that account (yet)
	Key           bool   // the id of an access key; then Account may be empty
	User          bool   // Name is the ARN of a user, without an account
}

// RoleOptions answers what is to be shown in the menu of roles. Each value is account/name. So is
// what is shown where there are several accounts, unless it is too long: of what was chosen,
// Slack's field shows the text without the description.
func RoleOptions(choices []RoleChoice, withAccount bool) any {
	options := []*slack.OptionBlockObject{}
	for _, c := range choices {
		value := strings.TrimPrefix(c.Account+"/"+c.Name, "/")
		if len(options) == maxOptions || len(value) > limitValue {
			continue
		}
		shown := c.Name
		var words []string
		switch {
		case withAccount && len(value) <= limitOption:
			shown = value
		case withAccount:
			words = append(words, "account "+c.Account)
		}
		switch {
		case c.Key:
			words = append(words, "the role or user that this access key stands for")
		case c.User:
			words = append(words, "a user: its access keys are listed")
		case c.Unlisted:
			words = append(words, "as typed; the list cannot be read now")
		case c.Typed:
			words = append(words, "as typed; not on the list")
		case len(c.Path) > 1:
			words = append(words, c.Path)
		}
		var description *slack.TextBlockObject
		if len(words) > 0 {
			description = plainText(Raw(strings.Join(words, ", "), limitOption))
		}
		options = append(options, slack.NewOptionBlockObject(value, plainText(Raw(shown, limitOption)), description))
	}
	return struct {
		Options []*slack.OptionBlockObject `json:"options"`
	}{options}
}

// FieldErrors is the answer to a form that is wrong as it is, by field: Slack shows each text at
// its field.
func FieldErrors(fields map[string]string) any {
	shown := make(map[string]string, len(fields))
	for field, text := range fields {
		shown[field] = Raw(text, limitFieldError)
	}
	return struct {
		ResponseAction string            `json:"response_action"`
		Errors         map[string]string `json:"errors"`
	}{"errors", shown}
}

// What stands at a field of the form for a revocation.
const (
	FieldRoleMissing = "Choose a role, or type its name and choose it as typed. Nothing was requested."
	FieldWordsWrong  = "These are not the words. Nothing was requested. Type: " + ReviveWords
	FieldAccountGone = "This account is not configured any more. Nothing was requested; choose another one."
)

// FieldOtherAccount stands at a role that is not of the chosen account.
func FieldOtherAccount(is, chosen string) string {
	return "This role is of account " + Clean(is, 64) + ", and " + Clean(chosen, 64) + " is chosen above. " +
		"Nothing was requested; change one of the two."
}

// FieldAddressesWrong stands at addresses that a restriction cannot have.
func FieldAddressesWrong(err error) string {
	if err == nil {
		return "Name at least one address, network or VPC. Nothing was requested."
	}
	return Clean(err.Error(), 250) + ". Nothing was requested."
}
