//go:build !linux

package redisserver

import "syscall"

// endWithParent has no counterpart outside Linux.
func endWithParent() *syscall.SysProcAttr { return nil }
