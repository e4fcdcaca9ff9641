package wire

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is what the Go toolchain stamped into the binary.
func Version() string {
	version, commit := builtFrom(debug.ReadBuildInfo())
	return fmt.Sprintf("revokebot %s commit %s %s", version, commit, runtime.Version())
}

// builtFrom says which version and commit the toolchain built.
func builtFrom(info *debug.BuildInfo, known bool) (version, commit string) {
	version, commit = "(devel)", "unknown"
	modified := ""
	if known {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.modified":
				if s.Value == "true" {
					modified = " (modified)"
				}
			}
		}
	}
	return version, commit + modified
}
