package crash

import (
	"bufio"
	"slices"
	"strings"
	"testing"
)

func TestOneValueOfRESPIsReadToItsEndAndNoFurther(t *testing.T) {
	for _, value := range []string{
		"+OK\r\n", "-ERR no\r\n", ":42\r\n", "_\r\n", "#t\r\n", ",3.14\r\n", "(12345678901234567890\r\n",
		"$5\r\nhello\r\n", "$0\r\n\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "$4\r\na\r\nb\r\n", "!5\r\nERR x\r\n",
		"=7\r\ntxt:abc\r\n",
		"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "%1\r\n+key\r\n*1\r\n$1\r\nv\r\n", "~1\r\n:1\r\n", ">2\r\n+push\r\n:1\r\n",
		"|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
	} {
		r := bufio.NewReader(strings.NewReader(value + "+next\r\n"))
		got, err := readValue(r)
		if err != nil || string(got) != value {
			t.Errorf("%q: read %q, %v", value, got, err)
		}
		if rest, err := readValue(r); err != nil || string(rest) != "+next\r\n" {
			t.Errorf("after %q: %q, %v", value, rest, err)
		}
	}
}

func TestWhatIsNotRESPIsAnError(t *testing.T) {
	for _, text := range []string{"GET x\r\n", "$x\r\n", "$5\n", "*2\r\n+a\r\n", "$5\r\nhel"} {
		if got, err := readValue(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%q: read %q", text, got)
		}
	}
}

func TestTheWordsOfACommandAreItsBulkStrings(t *testing.T) {
	raw := "*3\r\n$7\r\nEVALSHA\r\n$4\r\na\r\nb\r\n$1\r\n0\r\n"
	if got, want := words([]byte(raw)), []string{"EVALSHA", "a\r\nb", "0"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestEveryScriptOfTheStoreHasAPoint(t *testing.T) {
	names, err := scriptNames()
	if err != nil {
		t.Fatal(err)
	}
	known := steps()["redis"]
	for _, name := range names {
		if !slices.Contains(known, name) && !slices.Contains(seldom(), name) {
			t.Errorf("the script %s is not among the points", name)
		}
	}
}
