package settings

import (
	"bytes"
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/revokebot/revokebot/aws"
)

// file is the YAML file. Keys that are not here are errors.
type file struct {
	Slack struct {
		Channels    []string `yaml:"channels"`
		Requesters  []string `yaml:"requesters"`
		Connections *count   `yaml:"connections"`

		AllowSharedChannels bool `yaml:"allow_shared_channels"`
	} `yaml:"slack"`
	Approvals struct {
		Approvers     []string  `yaml:"approvers"`
		Required      *count    `yaml:"required"`
		ExpireAfter   *duration `yaml:"expire_after"`
		KeepFor       *duration `yaml:"keep_for"`
		RequireReason bool      `yaml:"require_reason"`
	} `yaml:"approvals"`
	Accounts       map[string]account `yaml:"accounts"`
	DefaultAccount string             `yaml:"default_account"`
	ProtectedRoles []string           `yaml:"protected_roles"`
	Revocation     struct {
		Margin *duration   `yaml:"margin"`
		Guard  *[]duration `yaml:"guard"`
	} `yaml:"revocation"`
	Trail struct {
		Lookback  *duration   `yaml:"lookback"`
		FollowUps *[]duration `yaml:"follow_ups"`
	} `yaml:"trail"`
	Audit struct {
		File string `yaml:"file"`
	} `yaml:"audit"`
}

type account struct {
	ID         string    `yaml:"id"`
	Partition  string    `yaml:"partition"`
	AssumeRole string    `yaml:"assume_role"`
	ExternalID string    `yaml:"external_id"`
	Regions    []string  `yaml:"regions"`
	Approvers  []string  `yaml:"approvers"`
	Required   *count    `yaml:"required"`
	Measures   []measure `yaml:"measures"`

	AllowUnnamedSessions bool `yaml:"allow_unnamed_sessions"`
}

// File is a configuration file as far as it can be read.
type File struct {
	Path     string
	Config   Config
	Wrong    []*Error       // the program does not start with any of these
	Warnings []*Error       // it does with these
	Lines    map[string]int // of each key that is in the file

	unread []*Error // the part of Wrong that cannot be read
}

// ReadConfig reads the configuration file. Its error says what is wrong on one line.
func ReadConfig(path string) (Config, error) {
	f, err := ReadFile(path)
	if err == nil {
		err = f.err()
	}
	return f.Config, err
}

// ParseConfig is ReadConfig with the file's text.
func ParseConfig(path string, data []byte) (Config, error) {
	f := ParseFile(path, data)
	return f.Config, f.err()
}

// ReadFile reads the configuration file to its end, whatever is wrong with it. Its error is a file
// that cannot be opened.
func ReadFile(path string) (File, error) {
	data, err := readFile(path)
	if err != nil {
		return File{}, says("", "REVOKEBOT_CONFIG names a file that cannot be read ("+Redact(path)+", "+FileTrouble(err)+")",
			"give the path of the configuration file")
	}
	return ParseFile(path, data), nil
}

// readFile reads a file without the byte-order mark that some editors put in front.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	return bytes.TrimPrefix(data, []byte("\ufeff")), err
}

// ParseFile is ReadFile with the text of the file.
func ParseFile(path string, data []byte) File {
	content, unread := decode(data)
	f := File{Path: path, Wrong: unread, Lines: keyLines(data), unread: unread}
	var wrong []*Error
	f.Config, wrong = content.fill()
	f.Wrong = append(f.Wrong, f.located(wrong)...)
	f.Warnings = f.located(append(slices.Clone(f.Config.Warnings), AccountWarnings(f.Config.Accounts)...))
	return f
}

// located gives errors their lines. It leaves out those about a value that could not be read.
func (f File) located(all []*Error) []*Error {
	var kept []*Error
	for _, e := range all {
		if slices.ContainsFunc(f.unread, func(u *Error) bool {
			return u.Setting == "" || u.Setting == e.Setting || strings.HasPrefix(e.Setting, u.Setting+".")
		}) {
			continue
		}
		e.Line = f.Lines[e.Setting]
		kept = append(kept, e)
	}
	return kept
}

// err is what the program stops with: the first thing that cannot be read, or all values that are
// wrong.
func (f File) err() error {
	switch {
	case len(f.unread) > 0:
		return Errorf("%s: %v", f.Path, f.unread[0])
	case len(f.Wrong) > 0:
		texts := make([]string, len(f.Wrong))
		for i, e := range f.Wrong {
			texts[i] = e.Error()
		}
		return Errorf("%s: %s", f.Path, strings.Join(texts, " "))
	default:
		return nil
	}
}

// Refused turns what package aws finds wrong with the configuration into errors with their lines.
func (f File) Refused(all aws.ConfigErrors) []*Error {
	errs := make([]*Error, len(all))
	for i, e := range all {
		setting := cmp.Or(e.Field, "accounts")
		if e.Account != "" {
			setting = strings.TrimSuffix("accounts."+e.Account+"."+e.Field, ".name")
		}
		errs[i] = says(setting, e.Sentence, "correct it in the configuration file")
	}
	return f.located(errs)
}
