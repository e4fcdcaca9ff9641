package slack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Tabs of the App Home.
const (
	TabHome     = "home"
	TabMessages = "messages"
)

// OpenHome is a person opening a tab of the App Home. The app is told with the event
// app_home_opened if it subscribes to that (Config.Events), else the Delivery is empty. The event
// holds the home view if the app published one before.
func (s *Server) OpenHome(ctx context.Context, userID, tab string) (Delivery, error) {
	if tab != TabHome && tab != TabMessages {
		return Delivery{}, fmt.Errorf("open the home: no tab %q", tab)
	}
	s.mu.Lock()
	u, known := s.users.get(userID)
	s.mu.Unlock()
	switch {
	case !known:
		return Delivery{}, fmt.Errorf("open the home: no user %s", userID)
	case u.Deactivated:
		return Delivery{}, errors.New("open the home: a deactivated user opens nothing")
	case !slices.Contains(s.cfg.Events, "app_home_opened"):
		return Delivery{}, nil
	}
	return s.deliver(ctx, func(string) (*envelope, error) {
		ts, _ := s.nextTSLocked()
		event := map[string]any{
			"type": "app_home_opened", "user": userID, "channel": s.directLocked(userID).ID, "tab": tab, "event_ts": ts,
		}
		if home := s.homes[userID]; home != nil && tab == TabHome {
			event["view"] = home.json
		}
		return s.wrapEventLocked(u, event), nil
	})
}

// wrapEventLocked makes the envelope around an event ("The Events API", "Using Socket Mode").
// Nothing but its acknowledgement is expected. u is whose act it is.
func (s *Server) wrapEventLocked(u User, event map[string]any) *envelope {
	var enterprise, team any
	if s.cfg.EnterpriseID != "" {
		enterprise = s.cfg.EnterpriseID
	}
	if !s.cfg.OrgWide {
		team = s.cfg.TeamID
	}
	id := newID()
	return &envelope{id: id, raw: encode(map[string]any{
		"envelope_id": id, "type": "events_api", "accepts_response_payload": false, "retry_attempt": 0, "retry_reason": "",
		"payload": map[string]any{
			"token": verificationToken, "team_id": u.TeamID, "context_team_id": u.TeamID,
			"context_enterprise_id": enterprise,
			"api_app_id":            s.cfg.AppID, "type": "event_callback", "event_id": "Ev" + rand.Text()[:11],
			"event_time": time.Now().Unix(),
			"event":      event, "is_ext_shared_channel": false,
			"authorizations": []any{map[string]any{
				"enterprise_id": enterprise, "team_id": team, "user_id": s.cfg.BotUserID, "is_bot": true,
				"is_enterprise_install": s.cfg.OrgWide,
			}},
		},
	})}
}
