package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// source gives the text of the program's own files that match.
func source(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", pattern, err)
	}
	var all strings.Builder
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// variables are those that the program reads of its own; those that may name a file end in _FILE as
// well.
func variables(t *testing.T) []string {
	t.Helper()
	code := source(t, "cmd/internal/settings/*.go")
	var names []string
	for _, m := range regexp.MustCompile(`"((?:SLACK|REDIS|REVOKEBOT)_[A-Z_]*[A-Z])"`).FindAllStringSubmatch(code, -1) {
		names = append(names, m[1])
	}
	for _, m := range regexp.MustCompile(`(?:secret|slackToken)\("([A-Z_]+)"`).FindAllStringSubmatch(code, -1) {
		names = append(names, m[1]+"_FILE")
	}
	if !slices.Contains(names, "REDIS_URL_FILE") || !slices.Contains(names, "REVOKEBOT_CONFIG") {
		t.Fatalf("the program's variables could not be found: %v", names)
	}
	return names
}

func TestEveryContainerGivesTheBotWhatItReadsAndNothingElse(t *testing.T) {
	known := variables(t)
	for file, c := range containers(t) {
		for name, value := range c.environment {
			if !slices.Contains(known, name) {
				t.Errorf("%s: nothing reads %s", file, name)
			}
			if strings.HasSuffix(name, "_FILE") || name == "REVOKEBOT_CONFIG" {
				if !c.files[value] {
					t.Errorf("%s: %s is %s, and there is no such file: %v", file, name, value, c.files)
				}
			}
			if strings.Contains(name, "TOKEN") || strings.Contains(name, "KEY") {
				if !strings.HasSuffix(name, "_FILE") && value != "secret" {
					t.Errorf("%s: %s stands in the file", file, name)
				}
			}
		}
		for _, name := range []string{
			"SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "REDIS_URL", "REVOKEBOT_SIGNING_KEY", "REVOKEBOT_CONFIG",
		} {
			if c.environment[name] == "" && c.environment[name+"_FILE"] == "" {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
	}
}

func TestEveryContainerIsTheUserOfTheImageWithoutRights(t *testing.T) {
	user := regexp.MustCompile(`(?m)^USER (\d+:\d+)$`).FindStringSubmatch(read(t, "../Dockerfile"))
	if user == nil || strings.HasPrefix(user[1], "0:") {
		t.Fatal("the image has no numeric user, and runAsNonRoot cannot tell whether a name is root")
	}
	for file, c := range containers(t) {
		if c.user != user[1] {
			t.Errorf("%s: the user is %s, and the image's %s", file, c.user, user[1])
		}
		if !c.readOnly || !slices.Equal(c.dropped, []string{"ALL"}) {
			t.Errorf("%s: read-only is %t, and dropped is %v", file, c.readOnly, c.dropped)
		}
	}
	pod := at(t, kubernetes(t)["Deployment"], "spec", "template", "spec")
	is(t, pod, true, "securityContext", "runAsNonRoot")
	is(t, pod, "RuntimeDefault", "securityContext", "seccompProfile", "type")
	is(t, pod, false, "containers", 0, "securityContext", "allowPrivilegeEscalation")
	is(t, pod, false, "automountServiceAccountToken")
	is(t, compose(t), "[no-new-privileges:true]", "services", "revokebot", "security_opt")
	for _, d := range at(t, ecs(t).made("Task"), "ContainerDefinitions").([]any) {
		is(t, d, true, "ReadonlyRootFilesystem")
	}
}

var byDigest = regexp.MustCompile(`^[a-z0-9./:-]+:[0-9][a-z0-9.-]*@sha256:[0-9a-f]{64}$`)

func TestTheImageHoldsTheProgramAndTheCertificatesAndNothingElse(t *testing.T) {
	stages := strings.Split(read(t, "../Dockerfile"), "\nFROM ")
	last := stages[len(stages)-1]
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(read(t, "../Dockerfile"), -1) {
		if from[1] != "scratch" && !byDigest.MatchString(from[1]) {
			t.Errorf("the image is built from %s, which can be another one tomorrow", from[1])
		}
	}
	for name, service := range compose(t)["services"].(map[string]any) {
		s := service.(map[string]any)
		if image, _ := s["image"].(string); s["build"] == nil && !byDigest.MatchString(image) {
			t.Errorf("%s runs %s, which can be another one tomorrow", name, image)
		}
	}
	if !strings.HasPrefix(last, "scratch\n") {
		t.Errorf("the image is made of %s", last)
	}
	copies := regexp.MustCompile(`(?m)^COPY .* (\S+)$`).FindAllStringSubmatch(last, -1)
	var there []string
	for _, m := range copies {
		there = append(there, m[1])
	}
	if !slices.Equal(there, []string{"/etc/ssl/certs/ca-certificates.crt", "/revokebot"}) ||
		!strings.Contains(last, `ENTRYPOINT ["/revokebot"]`) {
		t.Errorf("the image holds %v:\n%s", there, last)
	}
	// Tokens that somebody keeps beside the Compose file are in no layer, and in no commit.
	for _, file := range []string{"../.gitignore", "../.dockerignore"} {
		for _, kept := range []string{"/deploy/secrets", "/deploy/aws.env"} {
			if !regexp.MustCompile(`(?m)^` + kept + `/?$`).MatchString(read(t, file)) {
				t.Errorf("%s does not leave out %s", file, kept)
			}
		}
	}
}

func TestEveryContainerHasTimeToFinishWhatIsInHand(t *testing.T) {
	m := regexp.MustCompile(`cfg\.StopTimeout = (\d+) \* time\.Second`).FindStringSubmatch(source(t, "bot/bot.go"))
	if m == nil {
		t.Fatal("how long the bot takes to stop could not be found")
	}
	stop, _ := strconv.Atoi(m[1])
	for file, c := range containers(t) {
		if least := time.Duration(stop)*time.Second + 5*time.Second; c.stopsWithin < least {
			t.Errorf("%s: killed after %v, and the bot may take %v and has connections to close", file, c.stopsWithin,
				time.Duration(stop)*time.Second)
		}
	}
}

func TestHealthCanBeReachedWhereItIsAskedFor(t *testing.T) {
	exposed := regexp.MustCompile(`(?m)^EXPOSE (\d+)$`).FindStringSubmatch(read(t, "../Dockerfile"))
	listen := regexp.MustCompile(`(?m)^ENV REVOKEBOT_LISTEN=(\S+)$`).FindStringSubmatch(read(t, "../Dockerfile"))
	if exposed == nil || listen == nil || listen[1] != ":"+exposed[1] {
		t.Fatalf("the image exposes %v and listens on %v", exposed, listen)
	}
	served := source(t, "cmd/revokebot/health.go")
	for file, c := range containers(t) {
		if c.environment["REVOKEBOT_LISTEN"] != ":"+c.port || c.port != exposed[1] {
			t.Errorf("%s: listens on %s, and port %s is asked; the image has %s", file, c.environment["REVOKEBOT_LISTEN"],
				c.port, exposed[1])
		}
		for _, check := range c.healthChecks {
			path := regexp.MustCompile(`/[a-z]+z$`).FindString(check)
			if path == "" || !strings.Contains(served, `"GET `+path+`"`) {
				t.Errorf("%s: nothing serves %s", file, check)
			}
			if strings.Contains(check, "http://") && !strings.Contains(check, "http://127.0.0.1:"+c.port+path) {
				t.Errorf("%s: %s asks another port", file, check)
			}
		}
	}
	k := kubernetes(t)
	pod := at(t, k["Deployment"], "spec", "template", "spec", "containers", 0)
	is(t, pod, "/healthz", "livenessProbe", "httpGet", "path")
	is(t, pod, "/readyz", "readinessProbe", "httpGet", "path")
	is(t, k["NetworkPolicy"], exposed[1], "spec", "ingress", 0, "ports", 0, "port")
}

func TestOnKubernetesAndECSTheBotRunsTwice(t *testing.T) {
	all := containers(t)
	for _, file := range []string{"kubernetes.yaml", "ecs.yaml"} {
		if all[file].replicas != "2" {
			t.Errorf("%s: %s replicas", file, all[file].replicas)
		}
	}
	k := kubernetes(t)
	labels := at(t, k["Deployment"], "spec", "template", "metadata", "labels")
	for what, v := range map[string]any{
		"the deployment":     at(t, k["Deployment"], "spec", "selector", "matchLabels"),
		"the budget":         at(t, k["PodDisruptionBudget"], "spec", "selector", "matchLabels"),
		"the network policy": at(t, k["NetworkPolicy"], "spec", "podSelector", "matchLabels"),
		"the anti-affinity": at(t, k["Deployment"], "spec", "template", "spec", "affinity", "podAntiAffinity",
			"preferredDuringSchedulingIgnoredDuringExecution", 0, "podAffinityTerm", "labelSelector", "matchLabels"),
		"the spread": at(t, k["Deployment"], "spec", "template", "spec", "topologySpreadConstraints", 0, "labelSelector",
			"matchLabels"),
	} {
		if diff := cmp.Diff(labels, v); diff != "" {
			t.Errorf("%s is about other pods:\n%s", what, diff)
		}
	}
	is(t, k["PodDisruptionBudget"], 1, "spec", "minAvailable")
	is(t, k["Deployment"], 0, "spec", "strategy", "rollingUpdate", "maxUnavailable")
	for kind, o := range k {
		where := []any{"metadata", "namespace"}
		if kind == "Namespace" {
			where = []any{"metadata", "name"}
		}
		is(t, o, "revokebot", where...)
	}
	is(t, k["Deployment"], at(t, k["ServiceAccount"], "metadata", "name"), "spec", "template", "spec",
		"serviceAccountName")
	// The hub's role is for this service account, unless somebody says otherwise.
	h := hub(t, "irsa")
	is(t, h.parameters, at(t, k["ServiceAccount"], "metadata", "namespace"), "Namespace")
	is(t, h.parameters, at(t, k["ServiceAccount"], "metadata", "name"), "ServiceAccount")
	// Slack allows ten connections of an app; a rollout has both generations (README.md,
	// slack.connections).
	is(t, ecs(t).made("Service"), 200, "DeploymentConfiguration", "MaximumPercent")
	is(t, ecs(t).made("Service"), 100, "DeploymentConfiguration", "MinimumHealthyPercent")
}

func TestTheRedisOfTheComposeFileForgetsNothingAndIsReachedByTheBotAlone(t *testing.T) {
	file := compose(t)
	redis := at(t, file, "services", "redis")
	command := at(t, redis, "command").([]any)
	for option, value := range map[string]string{
		"--appendonly": "yes", "--appendfsync": "always", "--maxmemory-policy": "noeviction",
	} {
		if i := slices.Index(command, any(option)); i < 0 || i+1 >= len(command) || command[i+1] != value {
			t.Errorf("%s is not %s: %v", option, value, command)
		}
	}
	if at(t, redis, "ports") != nil {
		t.Error("Redis is published")
	}
	is(t, redis, "[state]", "networks")
	is(t, file, true, "networks", "state", "internal")
	for name, service := range at(t, file, "services").(map[string]any) {
		if networks := at(t, service, "networks").([]any); slices.Contains(networks, any("state")) && name != "redis" &&
			name != "revokebot" {
			t.Errorf("%s reaches Redis", name)
		}
	}
	if at(t, redis, "healthcheck", "test") == nil || at(t, file, "services", "revokebot", "depends_on", "redis",
		"condition") != "service_healthy" {
		t.Error("the bot does not wait for Redis")
	}
	is(t, redis, "[redis:/data]", "volumes")
	version := regexp.MustCompile(`^redis:(\d+)\.`).FindStringSubmatch(at(t, redis, "image").(string))
	if version == nil || version[1] < "7" {
		t.Errorf("the image is %v", at(t, redis, "image"))
	}
}

func TestAllWhoMayChangeTheConfigurationAreNamedAsDecidingWhoApproves(t *testing.T) {
	parameter := ecs(t).made("Config")["Name"].(string)
	for file, words := range map[string][]string{
		"../SECURITY.md":          {"ssm:PutParameter", parameter, "ConfigMap", "decide who approves"},
		"README.md":               {"ssm:PutParameter", parameter, "ConfigMap", "decides who approves"},
		"cloudformation/ecs.yaml": {"ssm:PutParameter", "decides who approves"},
	} {
		for _, word := range words {
			if !strings.Contains(read(t, file), word) {
				t.Errorf("%s does not say %q", file, word)
			}
		}
	}
}

func TestTheConfigurationIsTheSameOnEveryPlatform(t *testing.T) {
	meaning := func(text string) (v any) {
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := meaning(read(t, "revokebot.yaml"))
	for file, c := range containers(t) {
		if diff := cmp.Diff(want, meaning(c.configText)); diff != "" {
			t.Errorf("%s: revokebot.yaml (-) and the text in it (+):\n%s", file, diff)
		}
		// The standard tier of the Parameter Store takes 4 kB (AWS Systems Manager User Guide, "Parameter
		// tiers").
		if len(c.configText) > 4096 {
			t.Errorf("%s: the text has %d bytes", file, len(c.configText))
		}
	}
	is(t, want, spokeARN, "accounts", "prod", "assume_role")
	is(t, want, externalID, "accounts", "prod", "external_id")
}

func TestWhatECSNeedsToStartATaskIsNotWhatTheBotMayDo(t *testing.T) {
	s := ecs(t)
	task, start := s.made("Task"), s.made("ExecutionRole")
	if task["TaskRoleArn"] != hubARN || task["ExecutionRoleArn"] == hubARN {
		t.Errorf("the task's role is %v and the one that starts it %v", task["TaskRoleArn"], task["ExecutionRoleArn"])
	}
	policies := s.inline("ExecutionRole")
	if got := allowed(t, policies); !slices.Equal(got, []string{"secretsmanager:GetSecretValue", "ssm:GetParameters"}) {
		t.Errorf("it allows %v", got)
	}
	for _, text := range policies {
		if strings.Contains(text, `"Resource":"*"`) {
			t.Errorf("it reads every secret: %s", text)
		}
	}
	// Its name is one that the bot may not write to.
	if got := evaluate(t, named("iam:PutRolePolicy", "arn:aws:iam::"+hubAccount+":role/"+start["RoleName"].(string)),
		spoke(t, "true").inline("Spoke")); got.String() != "explicitDeny" {
		t.Errorf("the bot's PutRolePolicy on it: %v", got)
	}
}
