package hosts_test

import (
	"testing"

	"github.com/revokebot/revokebot/internal/hosts"
)

func TestOnlyThisMachineIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "page.localhost": false, "127.0.0.1": true, "127.9.8.7": true, "::1": true,
		"::ffff:127.0.0.1": true, "": false, "localhost.evil.example": false, "127.0.0.1.nip.io": false, "0.0.0.0": false,
		"evil-localhost": false, "10.0.0.1": false, "::": false,
	} {
		if got := hosts.Loopback(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}
