package aws

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

// BenchmarkDecodeEvent reads an AssumeRole event of CloudTrail; a busy role has tens of thousands in its twelve hours.
func BenchmarkDecodeEvent(b *testing.B) {
	e := event(`{"eventName":"AssumeRole","eventSource":"sts.amazonaws.com","sourceIPAddress":"203.0.113.9","userAgent":"aws-cli/2.31","eventTime":"2026-11-20T09:05:00Z",` + byDeploy +
		`,"requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/New","roleSessionName":"build","durationSeconds":3600},"responseElements":{"credentials":{"accessKeyId":"ASIANEW",` +
		`"expiration":"Nov 20, 2026, 10:05:00 AM"},"assumedRoleUser":{"assumedRoleId":"AROANEW:build","arn":"arn:aws:sts::111122223333:assumed-role/New/build"}}}`)
	b.SetBytes(int64(len(*e.CloudTrailEvent)))
	b.ReportAllocs()
	for b.Loop() {
		if s, ok := decodeEvent(e, "us-east-1"); !ok || s.AccessKeyID != "ASIANEW" {
			b.Fatalf("%+v, %v", s, ok)
		}
	}
}
