package deploy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	gotemplate "text/template"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// chart renders the Helm chart with values over its own and those of the example, as release
// revokebot in the namespace of that name, and reads the objects by kind. It has the functions that
// the chart uses, as Helm documents them ("Template Function List"); another one fails the test.
func chart(t *testing.T, over string) (map[string]any, error) {
	t.Helper()
	values := merge(t, read(t, "helm/revokebot/values.yaml"), read(t, "helm/revokebot/example.yaml"), over)
	functions := gotemplate.FuncMap{
		"toYaml": func(v any) (string, error) {
			b, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(b), "\n"), err
		},
		"nindent": func(n int, text string) string {
			pad := "\n" + strings.Repeat(" ", n)
			return pad + strings.ReplaceAll(text, "\n", pad)
		},
		"sha256sum": func(text string) string {
			sum := sha256.Sum256([]byte(text))
			return hex.EncodeToString(sum[:])
		},
		"required": func(say string, v any) (any, error) {
			if v == nil || v == "" {
				return nil, errors.New(say)
			}
			return v, nil
		},
	}
	objects := map[string]any{}
	files, err := filepath.Glob("helm/revokebot/templates/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %d templates", err, len(files))
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := gotemplate.New(path).Funcs(functions).Option("missingkey=error").Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := tmpl.Execute(&out, map[string]any{
			"Values": values, "Release": map[string]any{"Name": "revokebot", "Namespace": "revokebot"},
		}); err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(&out)
		for {
			var o map[string]any
			if err := d.Decode(&o); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if o == nil {
				continue
			}
			kind, _ := o["kind"].(string)
			if objects[kind] != nil {
				t.Fatalf("there are two of %s", kind)
			}
			objects[kind] = o
		}
	}
	return objects, nil
}

func merge(t *testing.T, texts ...string) map[string]any {
	t.Helper()
	var over func(a, b map[string]any) map[string]any
	over = func(a, b map[string]any) map[string]any {
		for k, v := range b {
			inner, ok := v.(map[string]any)
			if under, is := a[k].(map[string]any); ok && is {
				a[k] = over(under, inner)
			} else {
				a[k] = v
			}
		}
		return a
	}
	all := map[string]any{}
	for _, text := range texts {
		var v map[string]any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		all = over(all, v)
	}
	return all
}

const chartImage = "image: {repository: registry/revokebot, digest: 'sha256:0a'}\n"

func TestTheHelmChartMakesWhatTheManifestMakes(t *testing.T) {
	made, err := chart(t, chartImage)
	if err != nil {
		t.Fatal(err)
	}
	want := kubernetes(t)
	delete(want, "Namespace") // helm --create-namespace
	is(t, made["Deployment"], "registry/revokebot@sha256:0a", "spec", "template", "spec", "containers", 0, "image")
	is(t, want["Deployment"], "revokebot", "spec", "template", "spec", "containers", 0, "image")
	for _, objects := range []map[string]any{made, want} {
		for _, o := range objects {
			delete(at(t, o, "metadata").(map[string]any), "labels")
		}
		// The text of the configuration is compared by what it says.
		data := at(t, objects["ConfigMap"], "data").(map[string]any)
		data["revokebot.yaml"] = merge(t, data["revokebot.yaml"].(string))
		at(t, objects["Deployment"], "spec", "template", "spec", "containers", 0).(map[string]any)["image"] = ""
		delete(at(t, objects["Deployment"], "spec", "template", "metadata").(map[string]any), "annotations")
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("kubernetes.yaml (-), chart (+):\n%s", diff)
	}
}

func TestAChangeOfTheConfigurationRestartsTheReplicas(t *testing.T) {
	sums := map[any]bool{}
	for _, over := range []string{"", "config: {revocation: {margin: 20s}}", "replicas: 3"} {
		made, err := chart(t, chartImage+over)
		if err != nil {
			t.Fatal(err)
		}
		sums[at(t, made["Deployment"], "spec", "template", "metadata", "annotations", "checksum/config")] = true
	}
	if len(sums) != 2 {
		t.Errorf("two configurations have %d checksums: %v", len(sums), sums)
	}
}

func TestTheChartTakesNoImageWithoutADigest(t *testing.T) {
	for over, say := range map[string]string{
		"": "image.repository", chartImage + "config:": "config: the configuration file",
		"image: {repository: registry/revokebot}": "image.digest",
	} {
		if _, err := chart(t, over); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("with %q the chart says %v, want %s", over, err, say)
		}
	}
}

func TestTheServiceMonitorReadsTheMetricsOfEveryReplica(t *testing.T) {
	made, err := chart(t, chartImage)
	if err != nil || made["ServiceMonitor"] != nil || made["Service"] != nil {
		t.Errorf("without being asked for: %v, %v", err, made["ServiceMonitor"])
	}
	made, err = chart(t, chartImage+"serviceMonitor: {enabled: true, labels: {release: prometheus}}")
	if err != nil {
		t.Fatal(err)
	}
	is(t, made["ServiceMonitor"], "prometheus", "metadata", "labels", "release")
	is(t, made["ServiceMonitor"], "/metrics", "spec", "endpoints", 0, "path")
	is(t, made["ServiceMonitor"], at(t, made["Service"], "spec", "ports", 0, "name"), "spec", "endpoints", 0, "port")
	is(t, made["Service"], at(t, made["Deployment"], "spec", "template", "metadata", "labels"), "spec", "selector")
	is(t, made["Service"], at(t, made["Service"], "metadata", "labels"), "spec", "selector")
	is(t, made["ServiceMonitor"], at(t, made["Service"], "metadata", "labels"), "spec", "selector", "matchLabels")
	is(t, made["Service"], "health", "spec", "ports", 0, "targetPort")
	is(t, made["Service"], "None", "spec", "clusterIP")
}

func TestWhatTheChartLeavesOpenIsTaken(t *testing.T) {
	made, err := chart(t, chartImage+`
serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::999900001111:role/revokebot'}}
env: [{name: AWS_REGION, value: eu-west-1}]
podAnnotations: {team: security}
nodeSelector: {pool: tools}
tolerations: [{key: tools, operator: Exists}]
secretName: other
replicas: 3
`)
	if err != nil {
		t.Fatal(err)
	}
	is(t, made["ServiceAccount"], hubARN, "metadata", "annotations", "eks.amazonaws.com/role-arn")
	pod := at(t, made["Deployment"], "spec", "template", "spec")
	env := at(t, pod, "containers", 0, "env").([]any)
	is(t, env[len(env)-1], "AWS_REGION", "name")
	is(t, made["Deployment"], "security", "spec", "template", "metadata", "annotations", "team")
	is(t, pod, "tools", "nodeSelector", "pool")
	is(t, pod, "tools", "tolerations", 0, "key")
	is(t, pod, "other", "volumes", 1, "secret", "secretName")
	is(t, made["Deployment"], 3, "spec", "replicas")
}
