// Package report draws the files of a thread: the incident report as Markdown and as facts for
// programs, the complete list of sessions, and the picture. They are made from the log alone, so
// the same log gives the same files.
//
// A report is read outside Slack: text from outside goes through mdCode and mdProse, of
// markdown.go. Start with files.go, which says what goes with which event.
package report
