package program

import "syscall"

// EndWithParent makes the system end a process when the one that started it dies without its
// cleanups.
func EndWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
