// Package hosts tells this machine from others by their names.
package hosts

import (
	"net"
	"net/url"
	"strings"
)

// Loopback reports whether a host, without a port, is this machine: localhost or a loopback
// address.
func Loopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Plain reports an address that is called without TLS on another machine.
func Plain(u *url.URL) bool {
	return u.Scheme != "https" && u.Scheme != "wss" && !Loopback(u.Hostname())
}
