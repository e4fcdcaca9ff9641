package settings_test

import (
	"bytes"
	"os"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/goccy/go-yaml"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/cmd/internal/settings"
)

// The tests of package deploy hold the texts in the other files to mean the same as revokebot.yaml.
func TestTheConfigurationFilesInDeployAreAcceptedWithoutAWarning(t *testing.T) {
	example, err := os.ReadFile("../../../deploy/revokebot.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile("../../../deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]byte{"revokebot.yaml": example}
	for d := yaml.NewDecoder(bytes.NewReader(manifest)); ; {
		var object struct {
			Kind string            `yaml:"kind"`
			Data map[string]string `yaml:"data"`
		}
		if d.Decode(&object) != nil {
			break
		}
		for name, text := range object.Data {
			texts["kubernetes.yaml, "+object.Kind+" "+name] = []byte(text)
		}
	}
	if len(texts) != 2 {
		t.Fatalf("%d texts were found", len(texts))
	}
	for name, text := range texts {
		c, err := settings.ParseConfig(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, warning := range append(c.Warnings, settings.AccountWarnings(c.Accounts)...) {
			t.Errorf("%s: %v", name, warning)
		}
		_, err = aws.New(c.AWS(awssdk.Config{Credentials: awssdk.AnonymousCredentials{}}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
