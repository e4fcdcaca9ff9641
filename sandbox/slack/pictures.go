package slack

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// checkFilesLocked refuses blocks that show a file which is not there, or which is no picture
// ("Image block": slack_file is a png, jpg, jpeg or gif). at is the place of the blocks, for the
// pointer.
func (s *Server) checkFilesLocked(at string, blocks json.RawMessage, code string) []Problem {
	var problems []Problem
	walkFiles(at, decode(blocks), func(at string, shown map[string]any) {
		id, _ := shown["id"].(string)
		f := s.files[id]
		switch {
		case id == "" || f == nil || !f.uploaded:
			problems = append(problems, Problem{code, at, "invalid slack file"})
		case !isPicture(f.content):
			problems = append(problems, Problem{code, at, "invalid slack file: not a png, jpg or gif"})
		}
	})
	return problems
}

// walkFiles calls f for every slack_file below v.
func walkFiles(at string, v any, f func(at string, file map[string]any)) {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			walkFiles(at+"/"+strconv.Itoa(i), e, f)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if file, ok := v[name].(map[string]any); ok && name == "slack_file" {
				f(at+"/slack_file", file)
				continue
			}
			walkFiles(at+"/"+name, v[name], f)
		}
	}
}

// isPicture tells what an image block can show.
func isPicture(content []byte) bool {
	switch http.DetectContentType(content) {
	case "image/png", "image/jpeg", "image/gif":
		return true
	}
	return false
}
