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
	ProtectedUsers []string           `yaml:"protected_users"`
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
	UsersRole  string    `yaml:"users_role"`
	TrustRole  string    `yaml:"trust_role"`
	ExternalID string    `yaml:"external_id"`
	Regions    []string  `yaml:"regions"`
	Approvers  []string  `yaml:"approvers"`
	Required   *count    `yaml:"required"`
	Measures   []measure `yaml:"measures"`
	Known      []string  `yaml:"known_addresses"`

	TrailLogGroup        string `yaml:"trail_log_group"`
	AllowUnnamedSessions bool   `yaml:"allow_unnamed_sessions"`
}

// File is a configuration file, read to its end, or up to the first mistake in its form.
type File struct {
	Path     string // "" if it cannot be opened
	Config   Config
	Wrong    []*Error       // the program does not start with any of these
	Warnings []*Error       // it does with these
	Lines    map[string]int // of each key that is in the file; nil if it cannot be read
}

// ReadConfig reads the configuration file. Its error says what is wrong on one line.
func ReadConfig(path string) (Config, error) { return ReadFile(path).usable() }

// ParseConfig is ReadConfig with the file's text.
func ParseConfig(path string, data []byte) (Config, error) { return ParseFile(path, data).usable() }

func (f File) usable() (Config, error) {
	if len(f.Wrong) == 0 {
		return f.Config, nil
	}
	texts := make([]string, len(f.Wrong))
	for i, e := range f.Wrong {
		texts[i] = e.Error()
	}
	text := strings.Join(texts, " ")
	if f.Path != "" {
		text = f.Path + ": " + text
	}
	return f.Config, Errorf("%s", text)
}

// ReadFile reads the configuration file, whatever is wrong with it.
func ReadFile(path string) File {
	data, err := readFile(path)
	if err != nil {
		return File{Wrong: []*Error{says("", "REVOKEBOT_CONFIG names a file that cannot be read ("+Redact(path)+", "+
			FileTrouble(err)+")", "give the path of the configuration file")}}
	}
	return ParseFile(path, data)
}

// readFile reads a file without the byte-order mark that some editors put in front.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	return bytes.TrimPrefix(data, []byte("\ufeff")), err
}

// ParseFile is ReadFile with the text of the file.
func ParseFile(path string, data []byte) File {
	content, lines, mistake := decode(data)
	f := File{Path: path, Lines: lines}
	if mistake != nil {
		f.Wrong = []*Error{mistake}
		return f
	}
	f.Config, f.Wrong = content.fill()
	f.Warnings = append(slices.Clone(f.Config.Warnings), AccountWarnings(f.Config.Accounts)...)
	f.locate(f.Wrong)
	f.locate(f.Warnings)
	return f
}

// locate gives errors their lines.
func (f File) locate(all []*Error) {
	for _, e := range all {
		e.Line = f.Lines[e.Setting]
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
	f.locate(errs)
	return errs
}
