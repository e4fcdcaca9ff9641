package finding

import "testing"

func TestTheZeroStateIsNotOK(t *testing.T) {
	if (Finding{}).State == OK {
		t.Error("nobody looked, and it is ok")
	}
}

func TestATextIsPartedIntoWhatIsTheCaseAndWhatToDo(t *testing.T) {
	for _, test := range []struct{ text, saw, fix string }{
		{"A is missing. It matters. Put it there.", "A is missing. It matters.", "Put it there."},
		{"SLACK_BOT_TOKEN is missing: put the token there.", "SLACK_BOT_TOKEN is missing.", "Put the token there."},
		{"X is \"1.5\": give a whole number.", "X is \"1.5\".", "Give a whole number."},
		{"nothing is said", "nothing is said", ""},
		{"x: öffne es.", "x.", "Öffne es."},
		{"", "", ""},
	} {
		if saw, fix := Split(test.text); saw != test.saw || fix != test.fix {
			t.Errorf("%q: %q and %q", test.text, saw, fix)
		}
	}
}
