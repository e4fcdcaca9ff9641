package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/revokebot/revokebot/internal/finding"
)

// examineConfig reads the configuration file as far as it can be read, and tells every key with its effective value, its
// line, and all that is wrong with it. usable is false when the bot would not start with it.
func examineConfig(path string) (c config, usable bool, lines []line) {
	if path == "" {
		return config{}, false, nil // told of as a variable
	}
	data, err := os.ReadFile(path)
	if err != nil {
		_, readError := readConfig(path)
		saw, fix := finding.Split(readError.Error())
		return config{}, false, []line{{Finding: finding.Fail("configuration file", fix, "%s", saw)}}
	}
	c, usable, lines = tellConfig(path, data)
	return c, usable, lookAtAuditFile(c.auditFile, lines)
}

// lookAtAuditFile tells of an audit file that cannot be written, which would end the bot's start. It makes none: of one that
// is not there only the folder is looked for.
func lookAtAuditFile(file string, lines []line) []line {
	i := slices.IndexFunc(lines, func(l line) bool { return l.Check == "audit.file" && l.State == finding.OK })
	if i < 0 || file == "" || file == "-" {
		return lines
	}
	open, err := os.OpenFile(file, os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = open.Close()
		return lines
	case errors.Is(err, fs.ErrNotExist):
		if info, err := os.Stat(filepath.Dir(file)); err == nil && info.IsDir() {
			return lines
		}
	}
	lines[i].Finding = finding.Fail("audit.file", "Give the path of a file that the bot may write, or - for standard output.", "It is %s, which cannot be written here (%s).", shown(file), fileTrouble(err))
	return lines
}

// tellConfig is examineConfig with the file's text.
func tellConfig(path string, data []byte) (c config, usable bool, lines []line) {
	var f configFile
	var mistakes []mistake
	if err := decodeYAML(data, &f); err != nil {
		f, mistakes = decodeLoosely(data)
		if len(mistakes) == 0 { // such as a second document, or no YAML at all
			mistakes = []mistake{{line: lineOf(err), sentence: withoutLine(err)}}
		}
	}
	var p problems
	c, p = f.fill(path)
	t := told{path: path, at: keyLines(data), byKey: map[string]*finding.Finding{}}
	for _, m := range mistakes {
		t.mistake(m)
	}
	for _, text := range p.lines {
		if !t.about(text, mistakes) {
			t.say(text, finding.Failure)
		}
	}
	for _, text := range append(slices.Clone(c.warnings), accountWarnings(c.accounts)...) {
		if !t.about(text, mistakes) {
			t.say(text, finding.Warning)
		}
	}
	return c, len(mistakes) == 0 && len(p.lines) == 0, t.lines(f.effective(c))
}

// setting is a key with its effective value.
type setting struct {
	key, value string
	from       string // another key that it has its value from when it is left out; "" is the default
}

// effective lists every key there is, in the order of docs/configuration.md.
func (f configFile) effective(c config) []setting {
	list := func(ids []string, none string) string {
		if len(ids) == 0 {
			return none
		}
		return strings.Join(ids, ", ")
	}
	all := []setting{
		{"slack.channels", list(c.channels, "none"), ""},
		{"slack.requesters", list(c.requesters, "any full member"), ""},
		{"slack.connections", strconv.Itoa(c.connections), ""},
		{"slack.allow_shared_channels", strconv.FormatBool(c.allowShared), ""},
		{"approvals.approvers", list(f.Approvals.Approvers, "none"), ""},
		{"approvals.required", strconv.Itoa(int(orDefaultCount(f.Approvals.Required, defaultRequired))), ""},
		{"approvals.expire_after", short(c.expireAfter), ""},
		{"approvals.keep_for", short(c.keepFor), ""},
		{"approvals.require_reason", strconv.FormatBool(c.requireReason), ""},
	}
	for _, a := range c.accounts {
		key := func(name string) string { return "accounts." + a.Name + "." + name }
		external := "none"
		if a.ExternalID != "" {
			external = "set, not shown"
		}
		partition, assume := a.Partition, a.AssumeRole
		if partition == "" {
			partition = "aws"
		}
		if assume == "" {
			assume = "none: the ambient credentials"
		}
		all = append(
			all,
			setting{key("id"), a.ID, ""}, setting{key("partition"), partition, ""}, setting{key("assume_role"), assume, ""},
			setting{key("external_id"), external, ""}, setting{key("allow_unnamed_sessions"), strconv.FormatBool(a.AllowUnnamedSessions), ""},
			setting{key("regions"), list(a.Regions, "the partition's home region alone"), ""},
			setting{key("approvers"), list(c.policies[a.Name].Approvers, "none"), "approvals.approvers"},
			setting{key("required"), strconv.Itoa(c.policies[a.Name].Required), "approvals.required"},
		)
	}
	fallback := c.defaultAccount
	switch {
	case fallback == "" && len(c.accounts) == 1:
		fallback = c.accounts[0].Name
	case fallback == "":
		fallback = "none: people name the account"
	}
	return append(
		all,
		setting{"default_account", fallback, ""}, setting{"protected_roles", list(c.protectedRoles, "none"), ""},
		setting{"revocation.margin", short(c.margin), ""}, setting{"revocation.guard", shortAll(c.guard), ""},
		setting{"trail.lookback", short(c.lookback), ""}, setting{"trail.follow_ups", shortAll(c.followUps), ""},
		setting{"audit.file", auditPlace(c.auditFile), ""},
	)
}

// auditPlace says where the audit log goes.
func auditPlace(file string) string {
	switch file {
	case "":
		return "none: on request only"
	case "-":
		return "standard output"
	default:
		return file
	}
}

func orDefaultCount(n *count, standard count) count {
	if n == nil {
		return standard
	}
	return *n
}

// short writes a duration as people do: 12h and not 12h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func shortAll(all []time.Duration) string {
	if len(all) == 0 {
		return "never"
	}
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = short(d)
	}
	return strings.Join(words, ", ")
}

// told puts what is wrong with the file to the keys that it is about.
type told struct {
	path  string
	at    map[string]int // line of each key
	order []string
	byKey map[string]*finding.Finding
}

// put adds to what is said of a key; of several states the worst counts.
func (t *told) put(key string, f finding.Finding) {
	before := t.byKey[key]
	if before == nil {
		f.Check = key
		t.byKey[key], t.order = &f, append(t.order, key)
		return
	}
	if before.State == finding.Failure && f.State != finding.Failure {
		*before, f = f, *before
	}
	before.Check, before.State = key, f.State
	before.Saw, before.Fix = before.Saw+" "+before.Fix+" "+f.Saw, f.Fix
}

func (t *told) mistake(m mistake) {
	key, sentence := m.key, m.sentence
	if key == "" {
		key = "configuration file"
	}
	saw, fix := finding.Split(sentence)
	if fix == "" {
		fix = "Compare it with docs/configuration.md."
	}
	if _, known := t.at[key]; !known && m.line > 0 {
		t.at[key] = m.line
	}
	t.put(key, finding.Finding{State: finding.Failure, Saw: saw, Fix: fix})
}

// say takes a sentence whose first word is the key that it is about.
func (t *told) say(text string, state finding.State) {
	first, rest, _ := strings.Cut(text, " ")
	key := strings.TrimSuffix(first, ":")
	if key != first {
		text = rest
	}
	saw, fix := finding.Split(text)
	if fix == "" {
		fix = "Correct it, or leave the key out for its default."
	}
	t.put(key, finding.Finding{State: state, Saw: aboutIt(key, saw), Fix: fix})
}

// about reports a sentence about a key that could not be read: it would speak of a value that is not there.
func (t *told) about(text string, mistakes []mistake) bool {
	return slices.ContainsFunc(mistakes, func(m mistake) bool {
		return m.key == "" || strings.HasPrefix(text, m.key+" ") || strings.HasPrefix(text, m.key+".") || strings.HasPrefix(text, m.key+":")
	})
}

// lines are one for each key, and one for each thing that is wrong and is about no key of its own.
func (t *told) lines(all []setting) []line {
	source := func(s setting) string {
		switch n := t.at[s.key]; {
		case n > 0:
			return fmt.Sprintf("%s, line %d", t.path, n)
		case s.from != "":
			return "as " + s.from
		default:
			return fromDefault
		}
	}
	var lines []line
	for _, s := range all {
		l := line{Finding: finding.Good(s.key, "%s", s.value), Source: source(s)}
		if f := t.byKey[s.key]; f != nil {
			l.Finding = *f
			t.order = slices.DeleteFunc(t.order, func(key string) bool { return key == s.key })
		}
		lines = append(lines, l)
	}
	for _, key := range t.order {
		lines = append(lines, line{Finding: *t.byKey[key], Source: source(setting{key: key, from: "the whole file"})})
	}
	for i := range lines {
		if lines[i].Source == "as the whole file" {
			lines[i].Source = t.path
		}
	}
	return lines
}
