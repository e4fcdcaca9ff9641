package messages_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// A person who speaks to the page says what stands on the button (WCAG 2.1, "Label in Name").
func TestWhatAScreenReaderCallsAButtonContainsWhatStandsOnIt(t *testing.T) {
	buttons := 0
	var walk func(file string, of any)
	walk = func(file string, of any) {
		switch of := of.(type) {
		case []any:
			for _, e := range of {
				walk(file, e)
			}
		case map[string]any:
			label, has := of["accessibility_label"].(string)
			if text, ok := of["text"].(map[string]any); ok && has && of["type"] == "button" {
				shown, _ := text["text"].(string)
				if buttons++; !strings.Contains(strings.ToLower(label), strings.ToLower(shown)) {
					t.Errorf("%s: %q is called %q", file, shown, label)
				}
			}
			for _, e := range of {
				walk(file, e)
			}
		}
	}
	if err := fs.WalkDir(os.DirFS("testdata"), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".json") {
			return err
		}
		text, err := os.ReadFile("testdata/" + path)
		if err != nil {
			return err
		}
		var message any
		if err := json.Unmarshal(text, &message); err != nil {
			return err
		}
		walk(path, message)
		return nil
	}); err != nil || buttons == 0 {
		t.Fatalf("%d buttons, %v", buttons, err)
	}
}
