// Package measure measures the real program: `make bench` runs it, and what it prints is the table
// of docs/performance.md. All of it is a benchmark, so that no test waits for it; only its
// arithmetic is tested.
//
// Each section of the table has a world of its own (world_test.go): the stand-ins of sandbox/slack
// and sandbox/aws on TCP, a real redis-server that keeps an append-only file, and `revokebot run`
// as a process (process_test.go). Beside a figure stands its floor, measured in the same run:
// bareslack, which only acknowledges, and bareaws, which makes the remote calls of one revocation
// and nothing else.
//
// Everything runs on one machine, the stand-ins and Redis included, and so each figure holds their
// work too. What another program does meanwhile is in it as well: look at the floor before you look
// at the figure.
package measure
