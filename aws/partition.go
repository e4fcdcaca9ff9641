package aws

import (
	"regexp"
	"strings"
)

// partitionPattern is what a partition may look like in an ARN.
var partitionPattern = regexp.MustCompile(`^aws(-[a-z]+)*$`)

// home says where a partition keeps IAM: the region that IAM requests are signed for, in which
// LookupEvents shows the events of IAM, and how the partition's other regions are named.
type home struct {
	partition string
	region    string
	prefixes  []string // of region names; none for the commercial partition, which has all the others
}

// homes are the partitions the AWS SDK for Go resolves IAM endpoints for.
var homes = []home{
	{"aws", "us-east-1", nil},
	{"aws-cn", "cn-north-1", []string{"cn-"}},
	{"aws-us-gov", "us-gov-west-1", []string{"us-gov-"}},
	{"aws-iso", "us-iso-east-1", []string{"us-iso-"}},
	{"aws-iso-b", "us-isob-east-1", []string{"us-isob-"}},
	{"aws-iso-e", "eu-isoe-west-1", []string{"eu-isoe-"}},
	{"aws-iso-f", "us-isof-south-1", []string{"us-isof-"}},
	{"aws-eusc", "eusc-de-east-1", []string{"eusc-"}},
}

// homeRegion returns the region in which the partition keeps IAM, or "" for a partition that is not
// known.
func homeRegion(partition string) string {
	for _, h := range homes {
		if h.partition == partition {
			return h.region
		}
	}
	return ""
}

// partitionOf returns the partition a region belongs to.
func partitionOf(region string) string {
	for _, h := range homes {
		for _, p := range h.prefixes {
			if strings.HasPrefix(region, p) {
				return h.partition
			}
		}
	}
	return "aws"
}

// stsRegion returns the region whose STS endpoint serves the partition: the configured one if it
// belongs there, otherwise the partition's home region, because credentials never cross partitions.
func stsRegion(configured, partition string) string {
	if configured != "" && configured != "aws-global" && partitionOf(configured) == partition {
		return configured
	}
	return homeRegion(partition)
}
