package aws

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"
)

func TestWhatTheSDKSaysIsALineOfTheLog(t *testing.T) {
	var out bytes.Buffer
	c, err := New(Config{
		Accounts: []Account{{Name: "prod", ID: "111122223333"}},
		SDK:      awssdk.Config{Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "")},
		Logger:   slog.New(slog.NewJSONHandler(&out, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.cfg.SDK.Logger.Logf(logging.Warn, "failed to %s", "discard")
	if line := out.String(); !strings.Contains(line, `"level":"WARN","msg":"the AWS SDK","says":"failed to discard"`) {
		t.Errorf("the line is %q", line)
	}
}
