// Package settings reads what operators set: the environment (settings.go) and the configuration
// file (file.go, config.go). Start with Read and ReadConfig. Whatever is wrong is an Error that
// names the setting, and a secret is never repeated (redact.go). The program and doctor read the
// same way: the program stops at the first error, doctor lists them all.
package settings

import "io"

// Environment is what a command needs of the outside.
type Environment struct {
	Lookup         func(string) (string, bool) // a variable, as os.LookupEnv finds it
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Get returns a variable. An empty one and one that is not set are the same.
func (e Environment) Get(name string) string {
	value, _ := e.Lookup(name)
	return value
}
