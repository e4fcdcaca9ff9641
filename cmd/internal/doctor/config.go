package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/revokebot/revokebot/aws"
	"github.com/revokebot/revokebot/cmd/internal/settings"
	"github.com/revokebot/revokebot/internal/finding"
)

// configuration is the file with what is wrong with it, put to the keys that it is about.
type configuration struct {
	settings.File
	found []finding.Finding
}

// readConfiguration reads the file that REVOKEBOT_CONFIG names. A variable that is missing has a
// line of its own elsewhere.
func readConfiguration(path string) *configuration {
	if path == "" {
		return &configuration{}
	}
	c := newConfiguration(settings.ReadFile(path))
	c.lookAtAuditFile()
	return c
}

func newConfiguration(f settings.File) *configuration {
	c := &configuration{File: f}
	c.put(finding.Failure, f.Wrong)
	c.put(finding.Warning, f.Warnings)
	return c
}

// usable reports whether the bot would start with the file.
func (c *configuration) usable() bool { return c.Path != "" && len(c.Wrong) == 0 }

// refused adds what package aws finds wrong with the accounts.
func (c *configuration) refused(err error) {
	if all, ok := errors.AsType[aws.ConfigErrors](err); ok {
		c.put(finding.Failure, c.Refused(all))
	}
}

// put adds to what is said of keys. Of several states of a key, the worst counts.
func (c *configuration) put(state finding.State, all []*settings.Error) {
	for _, e := range all {
		key := e.Setting
		if key == "" {
			key = "configuration file"
		}
		f := finding.Finding{Check: key, State: state, Saw: e.Saw, Fix: e.Fix}.From(c.source(e.Line))
		i := c.about(key)
		if i < 0 {
			c.found = append(c.found, f)
			continue
		}
		before := &c.found[i]
		if before.State == finding.Failure && state != finding.Failure {
			*before, f = f, *before
		}
		before.State, before.Saw, before.Fix = f.State, before.Saw+" "+before.Fix+" "+f.Saw, f.Fix
	}
}

// about is the place of what was found about a key, -1 for nothing.
func (c *configuration) about(key string) int {
	return slices.IndexFunc(c.found, func(f finding.Finding) bool { return f.Check == key })
}

// source says where in the file something stands.
func (c *configuration) source(line int) string {
	if line == 0 {
		return c.Path
	}
	return fmt.Sprintf("%s, line %d", c.Path, line)
}

// lookAtAuditFile tells of an audit file that cannot be written, which would end the bot's start.
// It makes none: of one that is not there only the folder is looked for.
func (c *configuration) lookAtAuditFile() {
	const key = "audit.file"
	path := c.Config.AuditFile
	if path == "" || path == "-" || c.about(key) >= 0 {
		return
	}
	open, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = open.Close()
		return
	case errors.Is(err, fs.ErrNotExist):
		if info, err := os.Stat(filepath.Dir(path)); err == nil && info.IsDir() {
			return
		}
	}
	c.put(finding.Failure, []*settings.Error{{
		Setting: key, Line: c.Lines[key], Fix: "Give the path of a file that the bot may write, or - for standard output.",
		Saw: fmt.Sprintf("It is %s, which cannot be written here (%s).", settings.Redact(path), settings.FileTrouble(err)),
	}})
}

// lines are one for each key, and one for each thing that is wrong and is about no key of its own.
func (c *configuration) lines() []finding.Finding {
	var lines []finding.Finding
	var known []setting
	if c.Lines != nil {
		known = effective(c.Config)
	}
	for _, s := range known {
		l := finding.Good(s.key, "%s", s.value).From(fromDefault)
		switch {
		case c.Lines[s.key] > 0:
			l.Source = c.source(c.Lines[s.key])
		case s.from != "":
			l.Source = "as " + s.from
		}
		if i := c.about(s.key); i >= 0 {
			source := l.Source
			if l = c.found[i]; l.Source == c.Path {
				l.Source = source
			}
			c.found = slices.Delete(c.found, i, i+1)
		}
		lines = append(lines, l)
	}
	return append(lines, c.found...)
}
