package crash

import "syscall"

// endWithParent makes the system end the bot when the test process dies without its cleanups.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
