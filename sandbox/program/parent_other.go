//go:build !linux

package program

import "syscall"

// EndWithParent does nothing where the system has no such thing.
func EndWithParent() *syscall.SysProcAttr { return nil }
