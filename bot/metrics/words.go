package metrics

import (
	"regexp"
	"sync"
)

// maxWords bounds the values of a label, whatever is written into the store.
const maxWords = 100

// otherWord stands for what is no word, and for all that come after maxWords.
const otherWord = "other"

var isWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,39}$`)

// words keeps the values of labels few.
type words struct {
	mu    sync.Mutex
	known map[string]map[string]bool // by label
}

// of returns a label's value for a text.
func (w *words) of(label, text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.known[label]
	switch {
	case known[text]:
		return text
	case len(known) >= maxWords, !isWord.MatchString(text):
		return otherWord
	case known == nil:
		if w.known == nil {
			w.known = make(map[string]map[string]bool)
		}
		known = make(map[string]bool)
		w.known[label] = known
	}
	known[text] = true
	return text
}
