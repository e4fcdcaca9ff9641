package repotest

import (
	"regexp"
	"testing"
)

func TestTheTableOfRedisKeysIsThatOfTheStore(t *testing.T) {
	tables := map[string]map[string]bool{}
	for page, row := range map[string]string{
		"approvals/redisstore/doc.go": `(?m)^//\t([a-z]\S*)  `,
		"docs/redis.md":               "(?m)^\\| `([a-z]+(?::<[a-z]+>)?)` \\| (?:stream|string|hash|set|sorted set)",
	} {
		keys := map[string]bool{}
		for _, m := range regexp.MustCompile(row).FindAllStringSubmatch(text(t, page), -1) {
			keys[m[1]] = true
		}
		if len(keys) < 5 {
			t.Fatalf("%s: the table of keys could not be read", page)
		}
		tables[page] = keys
	}
	for page, keys := range tables {
		for other, others := range tables {
			for key := range keys {
				if !others[key] {
					t.Errorf("%s is in %s and not in %s", key, page, other)
				}
			}
		}
	}
}
