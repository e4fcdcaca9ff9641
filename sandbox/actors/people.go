package actors

import "github.com/revokebot/revokebot/sandbox/slack"

// The people and places of the workspace.
const (
	Rosa  = "U0ROSA"     // responder
	Bob   = "U0BOB"      // approver
	Ines  = "U0INES"     // approver, so that Bob can be a requester too
	Nils  = "U0NILS"     // a member who may not approve
	Gina  = "U0GINA"     // a guest
	Group = "S0SECURITY" // @security: Bob and Ines

	Incident = "C0INCIDENT" // #incident-4711, where the command works
	General  = "C0GENERAL"  // #general, where it does not
)

// SeedSlack fills a workspace with people, two channels and the user group of those who may
// approve. Nils posts what was found; without that, that something was.
func SeedSlack(server *slack.Server, found ...string) error {
	for _, u := range []slack.User{
		{ID: Rosa, Name: "rosa", RealName: "Rosa", TZ: "Europe/Berlin", Title: "On call this week"},
		{ID: Bob, Name: "bob", RealName: "Bob", TZ: "America/New_York", Title: "Security"},
		{ID: Ines, Name: "ines", RealName: "Ines", TZ: "Europe/Lisbon", Title: "Security"},
		{ID: Nils, Name: "nils", RealName: "Nils", TZ: "Europe/Stockholm", Title: "Shop team"},
		{ID: Gina, Name: "gina", RealName: "Gina", TZ: "America/Chicago", Title: "Contractor", Guest: true},
	} {
		server.PutUser(u)
	}
	all := []string{Rosa, Bob, Ines, Nils, Gina}
	server.PutChannel(slack.Channel{ID: Incident, Name: "incident-4711", Members: all, BotMember: true})
	server.PutChannel(slack.Channel{ID: General, Name: "general", Members: all[:4]})
	server.PutGroup(slack.Group{ID: Group, Handle: "security", Name: "Security", Members: []string{Bob, Ines}})
	if len(found) == 0 {
		found = []string{"A gist with AWS credentials of `prod/DeployRole` was public for about an hour. The gist is gone, " +
			"the session is not: it runs for hours yet."}
	}
	for _, text := range found {
		if _, err := server.Post(Nils, Incident, "", text); err != nil {
			return err
		}
	}
	return nil
}

// Found is what Nils found: a gist with the stolen session's key, and one with a user's.
func Found(w World, loot Loot) []string {
	return []string{
		"A gist with AWS credentials was public for about an hour: `" + loot.Stolen.AccessKeyID + "`, with its secret and " +
			"a session token. The gist is gone, the session is not: it runs for hours yet.",
		"A second gist of the same author has an access key without a session token: `" + w.Rival.AccessKeyID + "`. " +
			"It works until a person makes it inactive.",
	}
}
