package slack

import (
	"cmp"
	"slices"
	"strings"
)

// User is a person or a bot as users.info tells about them.
type User struct {
	ID, Name, RealName string
	// TZ is an IANA time zone name; empty: UTC.
	TZ string
	// TeamID is the workspace the person comes from; empty: the server's own.
	TeamID string
	// EnterpriseID is the organisation the person comes from; empty: the server's own, if any and if
	// TeamID is one of its workspaces.
	EnterpriseID string
	// Guest is is_restricted; SingleChannelGuest is is_restricted and is_ultra_restricted.
	Guest, SingleChannelGuest bool
	Bot, Deactivated          bool
	// Stranger is somebody of another organisation who shares no channel with the app.
	Stranger bool
	Title    string
}

// Channel is a conversation as conversations.info tells about it.
type Channel struct {
	ID, Name string
	Private  bool
	// DM is the direct message between the app and Members[0].
	DM       bool
	Archived bool
	// Shared is is_ext_shared: people of another organisation are in it.
	Shared bool
	// Invited is is_pending_ext_shared: another organisation was invited and has not accepted yet.
	Invited bool
	// OrgShared is is_org_shared: it is shared with other workspaces of the same organisation, which
	// is not Shared.
	OrgShared bool
	// Teams are the workspaces that it is in; nil: the server's own.
	Teams []string
	// ReadOnly is is_read_only: the bot may not post.
	ReadOnly bool
	// PostingOnly are those who alone may post, if there are any; the bot can be among them.
	PostingOnly []string
	// Members are user ids; the bot's own membership is BotMember.
	Members   []string
	BotMember bool
}

// Group is a user group.
type Group struct {
	ID, Handle, Name string
	// TeamID is the workspace that has it; empty: the server's own.
	TeamID   string
	Disabled bool
	Members  []string
}

// ordered keeps values by id in the order in which their ids came.
type ordered[T any] struct {
	byID map[string]T
	ids  []string
}

func (o *ordered[T]) put(id string, v T) {
	if o.byID == nil {
		o.byID = map[string]T{}
	}
	if _, ok := o.byID[id]; !ok {
		o.ids = append(o.ids, id)
	}
	o.byID[id] = v
}

func (o *ordered[T]) get(id string) (T, bool) {
	v, ok := o.byID[id]
	return v, ok
}

func (o *ordered[T]) all() []T {
	list := make([]T, 0, len(o.ids))
	for _, id := range o.ids {
		list = append(list, o.byID[id])
	}
	return list
}

// PutUser creates or replaces a person.
func (s *Server) PutUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u.TeamID = cmp.Or(u.TeamID, s.cfg.TeamID)
	if s.cfg.ours(u.TeamID) {
		u.EnterpriseID = cmp.Or(u.EnterpriseID, s.cfg.EnterpriseID)
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.TZ == "" {
		u.TZ = "UTC"
	}
	s.users.put(u.ID, u)
}

// PutChannel creates or replaces a conversation; its messages stay.
func (s *Server) PutChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Members, c.PostingOnly = slices.Clone(c.Members), slices.Clone(c.PostingOnly)
	if c.Teams = slices.Clone(c.Teams); c.Teams == nil {
		c.Teams = []string{s.cfg.TeamID}
	}
	s.channels.put(c.ID, c)
}

// PutGroup creates or replaces a user group.
func (s *Server) PutGroup(g Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.Members, g.TeamID = slices.Clone(g.Members), cmp.Or(g.TeamID, s.cfg.TeamID)
	s.groups.put(g.ID, g)
}

// Users returns everybody in the order they were put; the bot itself is not among them.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users.all()
}

// Channels returns the conversations in the order they were put, direct messages that the bot
// opened included.
func (s *Server) Channels() []Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.channels.all()
	for i := range list {
		list[i].Members = slices.Clone(list[i].Members)
	}
	return list
}

// Groups returns the user groups in the order they were put.
func (s *Server) Groups() []Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.groups.all()
	for i := range list {
		list[i].Members = slices.Clone(list[i].Members)
	}
	return list
}

// userLocked finds a person, or the bot's own user.
func (s *Server) userLocked(id string) (User, bool) {
	if id == s.cfg.BotUserID {
		return User{
			ID: id, Name: s.cfg.BotName, RealName: s.cfg.BotName, TZ: "UTC",
			TeamID: s.cfg.TeamID, EnterpriseID: s.cfg.EnterpriseID, Bot: true,
		}, true
	}
	return s.users.get(id)
}

// inChannel reports whether the person is a member, which in a direct message is its one person.
func inChannel(c Channel, userID string) bool { return slices.Contains(c.Members, userID) }

// directLocked returns the conversation between the bot and a person, opened if need be.
func (s *Server) directLocked(userID string) Channel {
	for _, c := range s.channels.all() {
		if c.DM && inChannel(c, userID) {
			return c
		}
	}
	c := Channel{
		ID: "D" + strings.TrimPrefix(userID, "U"), DM: true, Private: true, Members: []string{userID}, BotMember: true,
	}
	s.channels.put(c.ID, c)
	return c
}
