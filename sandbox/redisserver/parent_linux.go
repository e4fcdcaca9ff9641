package redisserver

import "syscall"

// endWithParent makes the system end the server when the test process dies without running its
// cleanups, such as after its time limit.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
