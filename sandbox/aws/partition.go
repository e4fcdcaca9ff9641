package aws

import (
	"cmp"
	"regexp"
	"strings"
)

// partitions lists the partitions of the SDKs' endpoint tables with the region that IAM lives in,
// and how the names of their regions begin.
func partitions() []partition {
	return []partition{
		{"aws-cn", "cn-north-1", "cn-"},
		{"aws-us-gov", "us-gov-west-1", "us-gov-"},
		{"aws-iso", "us-iso-east-1", "us-iso-"},
		{"aws-iso-b", "us-isob-east-1", "us-isob-"},
		{"aws-iso-e", "eu-isoe-west-1", "eu-isoe-"},
		{"aws-iso-f", "us-isof-south-1", "us-isof-"},
		{"aws-eusc", "eusc-de-east-1", "eusc-"},
	}
}

type partition struct{ name, home, prefix string }

var regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// homeRegion is where a partition's IAM is signed for and where its events are kept.
func homeRegion(name string) string {
	for _, p := range partitions() {
		if p.name == name {
			return p.home
		}
	}
	return "us-east-1"
}

// partitionOf tells the partition a region belongs to, "" for what is not a region's name.
func partitionOf(region string) string {
	if !regionName.MatchString(region) {
		return ""
	}
	for _, p := range partitions() {
		if strings.HasPrefix(region, p.prefix) {
			return p.name
		}
	}
	return "aws"
}

// arn is a parsed Amazon Resource Name.
type arn struct{ partition, service, region, account, resource string }

func parseARN(s string) (arn, bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

// lastSegment is the name in a resource such as "role/path/Name".
func (a arn) lastSegment() string { return a.resource[strings.LastIndexByte(a.resource, '/')+1:] }

func (a *Account) arn(service, resource string) string {
	return "arn:" + a.partition + ":" + service + "::" + a.id + ":" + resource
}

func orSlash(path string) string { return cmp.Or(path, "/") }
