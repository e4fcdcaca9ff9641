// Package record holds what a request's log says: the payload of each type of event, and the state
// that the events fold to. It is pure: no network, no clock, no words for people.
//
// Start with details.go, the payloads of a revocation from the write to the outcome. The other
// details_*.go hold those of the guard, the proof, the investigation, an undo, a drill, and the
// messages to people. Sessions and calls in them are the values of package trail, with what only
// the log knows beside. The folds are:
//
//   - Gather: what CloudTrail has told so far (incident.go).
//   - Proven: what is known of the revocation policy on the role (proof.go).
//   - WrittenBy: what one request has put on a principal, and InForce: what all requests of a
//     principal come to, and what superseded what (inforce.go).
//
// Package messages draws what people see from them; handlers decides by them.
package record
