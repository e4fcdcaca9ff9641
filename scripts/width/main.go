// Command width looks for lines that are too long: code of more than 120 columns, comments and
// pages of documentation of more than 100. A rune is one column, and so is a tab. It reads the
// files that git knows or would add, prints each line that it finds, and exits with status 1 if
// there is one.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	found, err := search()
	if err != nil {
		fmt.Fprintln(os.Stderr, "width:", err)
		os.Exit(1)
	}
	for _, line := range found {
		fmt.Println(line)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}

// search looks through the repository of the working directory.
func search() ([]string, error) {
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var found []string
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if slices.Contains(strings.Split(name, "/"), "testdata") {
			continue
		}
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not yet from the index
		}
		if err != nil {
			return nil, err
		}
		found = append(found, tooLong(name, string(text))...)
	}
	return found, nil
}
