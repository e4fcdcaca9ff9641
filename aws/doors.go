package aws

// opensDoor says in a few words why a call opens a door, "" for one that opens none. The service is that of the event
// source without its domain.
func opensDoor(service, name string) string { return "" }
