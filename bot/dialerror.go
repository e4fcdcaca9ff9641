package bot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// dialError says why a WebSocket could not be opened. The cause itself quotes the address, whose
// ticket is a credential, so only what is known to be harmless is taken from it.
func dialError(resp *http.Response, err error) error {
	const what = "the WebSocket could not be opened: "
	if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf(what+"HTTP status %d", resp.StatusCode)
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		if name.IsNotFound {
			return errors.New(what + "its host is not in the DNS")
		}
		return errors.New(what + "the DNS does not answer")
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return errors.New(what + number.Error()) // such as "connection refused"
	}
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, badRecord := errors.AsType[tls.RecordHeaderError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case badCertificate, unknownAuthority:
		return errors.New(what + "its certificate is not trusted")
	case badRecord:
		return errors.New(what + "it does not speak TLS")
	case errors.Is(err, context.DeadlineExceeded), isNet && timeout.Timeout():
		return errors.New(what + "it took too long")
	case errors.Is(err, context.Canceled):
		return errors.New(what + "the bot is stopping")
	}
	return errors.New(what + "the network or the answer failed")
}
