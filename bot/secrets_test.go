package bot

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// drawn is base64 of as many characters as chance made them.
func drawn(t *testing.T, length int) string {
	t.Helper()
	b := make([]byte, length)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b)[:length]
}

func TestASecretAccessKeyASessionTokenAndAPrivateKeyAreDropped(t *testing.T) {
	t.Parallel()
	const key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	token := "IQoJb3JpZ2luX2VjE" + drawn(t, 700) + "=="
	lines := ""
	for rest := token; rest != ""; {
		n := min(76, len(rest))
		lines, rest = lines+rest[:n]+"\n", rest[n:]
	}
	pem := "-----BEGIN RSA PRIVATE KEY-----\n" + drawn(t, 64) + "\n" + drawn(t, 30) + "==\n-----END RSA PRIVATE KEY-----"
	for name, secret := range map[string]string{
		"a secret access key":                       key,
		"one of chance":                             drawn(t, 40),
		"one in a URL":                              url.QueryEscape(key),
		"one in a credentials file":                 "aws_secret_access_key = " + key,
		"one in an environment":                     "AWS_SECRET_ACCESS_KEY=" + key,
		"one in JSON":                               `{"SecretAccessKey":"` + key + `"}`,
		"one in a CSV file":                         "AKIAIOSFODNN7EXAMPLE," + key,
		"one in backticks":                          "`" + key + "`",
		"a session token":                           token,
		"a session token in a URL":                  url.QueryEscape(token),
		"a session token that is broken into lines": lines,
		"a private key":                             pem,
		"a private key in one line":                 strings.ReplaceAll(pem, "\n", " "),
		"a private key without an end":              pem[:70],
		"a private key of OpenSSH":                  strings.ReplaceAll(pem, "RSA", "OPENSSH"),
		"a private key of PKCS #8":                  strings.ReplaceAll(pem, "RSA ", ""),
		"two keys":                                  key + " " + drawn(t, 40),
	} {
		clean, dropped := withoutSecrets("prod/DeployRole leaked " + secret + "\nfound by alice")
		if !dropped || !strings.HasPrefix(clean, "prod/DeployRole leaked ") || !strings.Contains(clean, droppedSecret) {
			t.Errorf("%s: %q", name, clean)
		}
		for i := 0; i+12 <= len(secret); i++ {
			part := secret[i : i+12]
			if strings.Contains(clean, part) && !strings.Contains("aws_secret_access_key = AWS_SECRET_ACCESS_KEY="+
				`{"SecretAccessKey":"AKIAIOSFODNN7EXAMPLE,`, part) {
				t.Errorf("%s: %q is still there: %q", name, part, clean)
				break
			}
		}
	}
	clean, _ := withoutSecrets("AKIAIOSFODNN7EXAMPLE:" + key + " from the gist")
	if want := "AKIAIOSFODNN7EXAMPLE " + droppedSecret + " from the gist"; clean != want {
		t.Errorf("%q, want %q", clean, want)
	}
}

func TestOfAThousandSecretAccessKeysHardlyOneIsOverlooked(t *testing.T) {
	t.Parallel()
	missed := 0
	for range 10_000 {
		if _, dropped := withoutSecrets(drawn(t, 40)); !dropped {
			missed++
		}
	}
	if missed > 20 { // 3 are to be expected; more than 20 come once in 10^11 runs
		t.Errorf("%d of 10,000 were overlooked", missed)
	}
}

func TestCommitsNamesPathsAndKeyIDsAreNoSecrets(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"prod/DeployRole key pasted in a gist", "ASIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE, in a gist",
		"prod/DeployRole commit " + hex.EncodeToString(make([]byte, 20)),
		"prod/DeployRole commit 3f1c9A0e5B7d2486aCe01357bDf92468aCe01357",
		"prod/DeployRole sha256 " + strings.Repeat("3f1c9a0e5b7d2486", 4),
		"arn:aws:iam::111122223333:role/service-role/DeployApplicationBackendServiceRole",
		"arn:aws:sts::111122223333:assumed-role/ProductionDeploymentPipelineExecutionRole/alice",
		"prod/DeployApplicationBackendServiceRoleBlue because of it",
		"https://github.com/acme/shop/blob/main/deploy/production/eu/west/terraform/main",
		"restrict prod/DeployRole 203.0.113.0/24 2001:db8::/32", "undo prod/DeployRole revive old sessions",
		fmt.Sprintf("%s/%s", strings.Repeat("a", 20), strings.Repeat("b", 19)), strings.Repeat("DeployRole", 6), "",
		"-----BEGIN CERTIFICATE-----", "AROAEXAMPLEID:alice", "acme_production_database_migration_execution_role",
	} {
		if clean, dropped := withoutSecrets(text); dropped || clean != text {
			t.Errorf("%q became %q", text, clean)
		}
	}
}
