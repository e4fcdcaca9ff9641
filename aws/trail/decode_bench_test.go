package trail

import "testing"

// BenchmarkDecodeEvent reads an AssumeRole event of CloudTrail; a busy role has tens of thousands
// in its twelve hours.
func BenchmarkDecodeEvent(b *testing.B) {
	e := event(`{"eventName":"AssumeRole","eventSource":"sts.amazonaws.com","sourceIPAddress":"203.0.113.9",` +
		`"userAgent":"aws-cli/2.31","eventTime":"2026-11-20T09:05:00Z",` + byDeploy +
		`,"requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/New","roleSessionName":"build",` +
		`"durationSeconds":3600},"responseElements":{"credentials":{"accessKeyId":"ASIANEW",` +
		`"expiration":"Nov 20, 2026, 10:05:00 AM"},"assumedRoleUser":{"assumedRoleId":"AROANEW:build",` +
		`"arn":"arn:aws:sts::111122223333:assumed-role/New/build"}}}`)
	b.SetBytes(int64(len(*e.CloudTrailEvent)))
	b.ReportAllocs()
	for b.Loop() {
		if s, ok := decodeEvent(e, "us-east-1"); !ok || s.AccessKeyID != "ASIANEW" {
			b.Fatalf("%+v, %v", s, ok)
		}
	}
}
