package role

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkMergeCutoff reads a policy with twenty statements of other people, decides the cutoff and writes it in.
func BenchmarkMergeCutoff(b *testing.B) {
	var statements []string
	for i := range 20 {
		statements = append(statements, fmt.Sprintf(`{"Sid":"Keep%d","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::bucket-%d/*"}`, i, i))
	}
	now := time.Date(2026, 11, 22, 3, 4, 5, 678, time.UTC)
	document := `{"Version":"2012-10-17","Statement":[` + strings.Join(append(statements, denyStatement(now.Add(-time.Hour))), ",") + `]}`
	want := cutoffAt(now, 30*time.Second, time.Time{}, time.Time{})
	b.ReportAllocs()
	for b.Loop() {
		p, ok := parsePolicy(document)
		if !ok {
			b.Fatal("it was not read")
		}
		if got := cutoffAt(now, 30*time.Second, p.cutoff(), time.Time{}); !got.Equal(want) {
			b.Fatal(got)
		}
		if !strings.Contains(p.withCutoff(want), "Keep19") {
			b.Fatal("a statement is gone")
		}
	}
}
