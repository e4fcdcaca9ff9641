// Package browser plays the sandbox in a real browser. It holds tests and no code.
//
// Each test starts the program itself, `revokebot-sandbox` on a free port, and opens its page in a
// Chromium without a window. From then on it does what a person does, and nothing else: it moves
// the mouse to what can be seen and presses it, it types, and it reads what stands on the page. A
// thing that something else covers cannot be pressed. Nothing is called behind the page's back, and
// nothing is waited for longer than a person would wait.
//
// The files:
//
//	story_test.go     the story, from the command to the session that stays denied; a denial with a reason
//	keyboard_test.go  the same with the keyboard alone
//	layout_test.go    small windows, and colours that can be read
//	look_test.go      what is hard to look at: pale text, and what is cut off
//	page_test.go      what a person can do and see
//	sandbox_test.go   the program
//	chromium_test.go  the browser, and what fails a test by itself
//
// Whatever the page's console reports as an error fails the test, a breach of the content security
// policy included; so does an ERROR in the program's log, and a program that does not end when it
// is asked to. With `go test -artifacts` a picture of each step is kept.
package browser
