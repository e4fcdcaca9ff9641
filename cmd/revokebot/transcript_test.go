package main

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// transcript is what a process writes, for somebody who waits for a part of it.
type transcript struct {
	mu    sync.Mutex
	text  []byte
	grown chan struct{} // closed and replaced with every write
	over  bool
}

// newTranscript is one that nothing was written to.
func newTranscript() *transcript { return &transcript{grown: make(chan struct{})} }

// Write implements io.Writer.
func (r *transcript) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, p...)
	close(r.grown)
	r.grown = make(chan struct{})
	return len(p), nil
}

func (r *transcript) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	close(r.grown)
	r.grown = make(chan struct{})
}

func (r *transcript) look() (text string, over bool, grown <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.text), r.over, r.grown
}

// String returns what was written so far.
func (r *transcript) String() string {
	text, _, _ := r.look()
	return text
}

// WaitFor waits until found says that what was written so far is enough, and returns it.
func (r *transcript) WaitFor(t *testing.T, what string, found func(text string) bool) string {
	t.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	for {
		text, over, grown := r.look()
		if found(text) {
			return text
		}
		if over {
			t.Fatalf("the process ended without %s", what)
		}
		select {
		case <-grown:
		case <-timer.C:
			t.Fatalf("no %s within %v", what, soon)
		}
	}
}

// WaitForText waits until something was written.
func (r *transcript) WaitForText(t *testing.T, part string) string {
	t.Helper()
	return r.WaitFor(t, "word of "+part, func(text string) bool { return strings.Contains(text, part) })
}
