package trail

import "github.com/revokebot/revokebot/aws"

// Client asks CloudTrail in a Cloud's accounts. Make it with New. Its methods may be called at the
// same time.
type Client struct{ cloud *aws.Cloud }

// New returns a client.
func New(cloud *aws.Cloud) *Client { return &Client{cloud} }
