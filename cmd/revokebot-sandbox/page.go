package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/aws/role"
	"github.com/revokebot/revokebot/sandbox/actors"
	"github.com/revokebot/revokebot/sandbox/web"
)

// guardRail is what the bot advises for the account of the story.
func guardRail(world actors.World, cloud *aws.Cloud) string {
	return role.GuardRailSCP(world.Role, cloud.OwnRoles("prod", "role"))
}

// beside is a page with the metrics beside it.
func beside(page, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("GET /metrics", metrics)
	return mux
}

func (s command) page(st *stage, cloud *aws.Cloud, ahead chan<- time.Duration, log *slog.Logger) web.Config {
	return web.Config{
		Slack: st.slack, AWS: st.aws, Actors: st.cast, Account: st.world.Prod, RoleName: actors.DeployRole,
		User: actors.RivalUser, Key: st.world.Rival.AccessKeyID,
		Channel: actors.Incident, Propagation: s.Propagation, TrailDelay: s.TrailDelay, Logger: log,
		GuardRail: guardRail(st.world, cloud),
		Skip:      func(d time.Duration) { ahead <- d },
		LeaveOut:  func(m actors.Missing) error { return st.world.LeaveOut(st.slack, m) },
		People: []web.Person{
			{UserID: actors.Rosa, Role: web.Responder, Blurb: "on call, asks for the revocation"},
			{UserID: actors.Bob, Role: web.Approver, Blurb: "security, may approve"},
			{UserID: actors.Ines, Role: web.Approver, Blurb: "security, may approve"},
			{UserID: actors.Nils, Role: web.OtherApprover, Blurb: "shop team, may approve for staging only"},
			{UserID: actors.Gina, Role: web.Guest, Blurb: "guest, may neither ask nor approve"},
		},
		Suggest: []string{
			"/revoke-sessions " + st.loot.Stolen.AccessKeyID + " key pasted in a gist",
			"/revoke-sessions " + st.world.Rival.AccessKeyID + " key pasted in a second gist",
			"/revoke-sessions help",
			"/revoke-sessions",
			"/revoke-sessions status",
			"/revoke-sessions prod/" + actors.ServiceRole + " its metadata service was read from outside",
			"/revoke-sessions prod/" + actors.ReportRole + " the key of its job was stolen",
			"/revoke-sessions prod/" + actors.VendorRole + " the partner's external id leaked",
			"/revoke-sessions drill prod/DeployRole before it is needed",
			"/revoke-sessions staging/DeployRole a test build logged its session",
			"/revoke-sessions prod/AWSServiceRoleForElasticLoadBalancing",
		},
		Facts: map[string]string{
			"Slack stand-in": st.slackURL + "/api/", "AWS stand-in": st.awsURL,
			"Metrics of the bot":   "/metrics, here",
			"Margin of the cutoff": s.Margin.String() + " (30s in production)",
			"Redis":                "in memory, gone when the sandbox stops",
		},
	}
}
