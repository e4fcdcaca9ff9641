package deploy_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// at walks into what YAML or a template gave: names of keys, and indices.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: no mapping at %v", path, path[:i])
			}
			v = m[step]
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("%v: no list that long at %v", path, path[:i])
			}
			v = list[step]
		}
	}
	return v
}

// is compares by what is printed: numbers come in several types.
func is(t *testing.T, v, want any, path ...any) {
	t.Helper()
	if got := at(t, v, path...); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v is %v, want %v", path, got, want)
	}
}

// kubernetes reads the manifest's objects by their kind.
func kubernetes(t *testing.T) map[string]any {
	t.Helper()
	objects := map[string]any{}
	d := yaml.NewDecoder(bytes.NewReader([]byte(read(t, "kubernetes.yaml"))))
	for {
		var o map[string]any
		if err := d.Decode(&o); err != nil {
			break
		}
		kind := o["kind"].(string)
		if _, twice := objects[kind]; twice {
			t.Fatalf("there are two of %s", kind)
		}
		objects[kind] = o
	}
	if len(objects) != strings.Count(read(t, "kubernetes.yaml"), "\n---\n")+1 {
		t.Fatalf("kubernetes.yaml was not read to its end: %d objects", len(objects))
	}
	return objects
}

func compose(t *testing.T) map[string]any {
	t.Helper()
	var c map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func ecs(t *testing.T) *template {
	t.Helper()
	secret := func(name string) string {
		return "arn:aws:secretsmanager:us-east-1:" + hubAccount + ":secret:revokebot/" + name
	}
	return mustStack(t, "ecs.yaml", hubAccount, map[string]string{
		"Image": "revokebot", "VpcId": "vpc-0a1b", "Subnets": "subnet-0a,subnet-0b", "TaskRoleArn": hubARN,
		"SlackAppToken": secret("app"), "SlackBotToken": secret("bot"), "RedisUrl": secret("redis"),
		"SigningKey": secret("key"),
	})
}

// container is what the three platforms say of the bot's container, in the same words.
type container struct {
	environment  map[string]string // values; "secret" for what comes from elsewhere
	files        map[string]bool   // paths that are mounted or of a mounted folder
	user         string
	readOnly     bool
	dropped      []string
	stopsWithin  time.Duration
	port         string
	replicas     string
	configText   string
	healthChecks []string // addresses or paths that are asked
}

func containers(t *testing.T) map[string]container {
	t.Helper()
	return map[string]container{"kubernetes.yaml": onKubernetes(t), "compose.yaml": onCompose(t), "ecs.yaml": onECS(t)}
}

func onKubernetes(t *testing.T) container {
	t.Helper()
	k := kubernetes(t)
	pod := at(t, k["Deployment"], "spec", "template", "spec")
	bot := at(t, pod, "containers", 0)
	c := container{environment: map[string]string{}, files: map[string]bool{}}
	for _, e := range at(t, bot, "env").([]any) {
		c.environment[at(t, e, "name").(string)] = at(t, e, "value").(string)
	}
	folders := map[string]string{}
	for _, m := range at(t, bot, "volumeMounts").([]any) {
		is(t, m, true, "readOnly")
		folders[at(t, m, "name").(string)] = at(t, m, "mountPath").(string)
	}
	for name := range at(t, k["ConfigMap"], "data").(map[string]any) {
		c.files[folders["config"]+"/"+name] = true
	}
	// The guide says which keys the secret gets.
	for _, m := range regexp.MustCompile(`--from-file=([a-z-]+)=`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		c.files[folders["secrets"]+"/"+m[1]] = true
	}
	c.user = fmt.Sprint(at(t, pod, "securityContext", "runAsUser")) + ":" +
		fmt.Sprint(at(t, pod, "securityContext", "runAsGroup"))
	c.readOnly = at(t, bot, "securityContext", "readOnlyRootFilesystem") == true
	for _, d := range at(t, bot, "securityContext", "capabilities", "drop").([]any) {
		c.dropped = append(c.dropped, d.(string))
	}
	c.stopsWithin = seconds(t, at(t, pod, "terminationGracePeriodSeconds"))
	c.port = fmt.Sprint(at(t, bot, "ports", 0, "containerPort"))
	c.replicas = fmt.Sprint(at(t, k["Deployment"], "spec", "replicas"))
	c.configText = at(t, k["ConfigMap"], "data", "revokebot.yaml").(string)
	for _, probe := range []string{"livenessProbe", "readinessProbe"} {
		is(t, bot, at(t, bot, "ports", 0, "name"), probe, "httpGet", "port")
		c.healthChecks = append(c.healthChecks, at(t, bot, probe, "httpGet", "path").(string))
	}
	return c
}

func onCompose(t *testing.T) container {
	t.Helper()
	file := compose(t)
	bot := at(t, file, "services", "revokebot")
	c := container{environment: map[string]string{}, files: map[string]bool{}, replicas: "1"}
	for name, value := range at(t, bot, "environment").(map[string]any) {
		c.environment[name] = value.(string)
	}
	for _, s := range at(t, bot, "secrets").([]any) {
		if at(t, file, "secrets", s, "file") == nil {
			t.Errorf("the secret %v is not declared", s)
		}
		c.files["/run/secrets/"+s.(string)] = true
	}
	for _, f := range at(t, bot, "configs").([]any) {
		c.files[at(t, f, "target").(string)] = true
		source := at(t, file, "configs", at(t, f, "source"), "file").(string)
		c.configText = read(t, source)
	}
	c.user = at(t, bot, "user").(string)
	c.readOnly = at(t, bot, "read_only") == true
	for _, d := range at(t, bot, "cap_drop").([]any) {
		c.dropped = append(c.dropped, d.(string))
	}
	stop, err := time.ParseDuration(at(t, bot, "stop_grace_period").(string))
	if err != nil {
		t.Error(err)
	}
	c.stopsWithin = stop
	published := at(t, bot, "ports", 0).(string)
	if !strings.HasPrefix(published, "127.0.0.1:") {
		t.Errorf("health is published for everybody: %s", published)
	}
	c.port = published[strings.LastIndex(published, ":")+1:]
	return c
}

func onECS(t *testing.T) container {
	t.Helper()
	s := ecs(t)
	task := s.made("Task")
	byName := map[string]any{}
	for _, d := range at(t, task, "ContainerDefinitions").([]any) {
		byName[at(t, d, "Name").(string)] = d
	}
	bot := byName["revokebot"]
	c := container{environment: map[string]string{}, files: map[string]bool{}, user: at(t, bot, "User").(string)}
	for _, e := range at(t, bot, "Environment").([]any) {
		c.environment[at(t, e, "Name").(string)] = at(t, e, "Value").(string)
	}
	for _, e := range at(t, bot, "Secrets").([]any) {
		c.environment[at(t, e, "Name").(string)] = "secret"
	}
	// The file is written by the container before it, into a volume that both have at the same place.
	folder := at(t, bot, "MountPoints", 0, "ContainerPath").(string)
	is(t, byName["config"], folder, "MountPoints", 0, "ContainerPath")
	is(t, bot, at(t, byName["config"], "MountPoints", 0, "SourceVolume"), "MountPoints", 0, "SourceVolume")
	is(t, bot, at(t, task, "Volumes", 0, "Name"), "MountPoints", 0, "SourceVolume")
	is(t, bot, true, "MountPoints", 0, "ReadOnly")
	is(t, bot, "config", "DependsOn", 0, "ContainerName")
	is(t, bot, "SUCCESS", "DependsOn", 0, "Condition")
	command := at(t, byName["config"], "Command", 2).(string)
	_, target, _ := strings.Cut(command, ">")
	c.files[target] = true
	if !strings.Contains(command, `"$CONFIG"`) {
		t.Errorf("what is written is %s", command)
	}
	is(t, byName["config"], "CONFIG", "Secrets", 0, "Name")
	c.readOnly = at(t, bot, "ReadonlyRootFilesystem") == true
	for _, d := range at(t, bot, "LinuxParameters", "Capabilities", "Drop").([]any) {
		c.dropped = append(c.dropped, d.(string))
	}
	c.stopsWithin = seconds(t, at(t, bot, "StopTimeout"))
	c.port = fmt.Sprint(at(t, bot, "PortMappings", 0, "ContainerPort"))
	c.replicas = fmt.Sprint(s.made("Service")["DesiredCount"])
	c.configText = s.made("Config")["Value"].(string)
	c.healthChecks = []string{at(t, byName["probe"], "HealthCheck", "Command", 1).(string)}
	return c
}

func seconds(t *testing.T, v any) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Second
}
