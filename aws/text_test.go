package aws

import "testing"

func TestDocumentsAreDecodedWithPlusSignsKept(t *testing.T) {
	const want = `{"a":"b+c %"}`
	for _, in := range []string{"%7B%22a%22%3A%22b+c%20%25%22%7D", "%7B%22a%22%3A%22b%2Bc%20%25%22%7D", want} {
		if got := DecodeDocument(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if got := DecodeDocument("%zz"); got != "%zz" {
		t.Errorf("what is not encoded became %s", got)
	}
}
