package role

import "github.com/revokebot/revokebot/aws"

// Client reads and changes the roles of a Cloud's accounts. Make it with New. Its methods may be
// called at the same time; it has no goroutine of its own and needs no closing.
type Client struct {
	cloud *aws.Cloud
	lists map[string]*roleList // by account name
}

// Cloud is where the accounts are.
func (c *Client) Cloud() *aws.Cloud { return c.cloud }

// New returns a client. The lists of roles are kept in it, so that a process needs one only.
func New(cloud *aws.Cloud) *Client {
	c := &Client{cloud: cloud, lists: map[string]*roleList{}}
	for _, a := range cloud.Accounts() {
		c.lists[a.Name] = &roleList{}
	}
	return c
}
