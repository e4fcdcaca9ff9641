package aws

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
)

// everyAccounts are the regions that are enabled in every account of the commercial partition (AWS
// Account Management Reference Guide, "Enable or disable AWS Regions").
var everyAccounts = []string{
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
	"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2",
	"us-west-1", "us-west-2",
}

// EnableRegion enables a region that accounts have to opt in to.
func (a *Account) EnableRegion(region string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	if !slices.Contains(a.regions, region) {
		a.regions = append(a.regions, region)
	}
}

// uses reports whether a region is enabled. The caller holds the lock.
func (a *Account) uses(region string) bool {
	return a.partition != "aws" || slices.Contains(a.regions, region)
}

// regionPage is how many regions ListRegions gives at most in one answer (AWS Account Management
// API Reference, "ListRegions").
const regionPage = 50

// regionOperations are those that list an account's regions.
func regionOperations() map[string]*operation {
	return map[string]*operation{"ec2:DescribeRegions": describeRegions(), "account:ListRegions": {
		params: map[string]rule{
			"MaxResults": optional(number(1, regionPage)), "NextToken": optional(number(1, 1000)),
		},
		readOnly: true, target: onEverything,
		do: func(x *exchange) (any, error) {
			regions, from, most := x.caller.account().regions, 0, regionPage
			if p := x.params["NextToken"]; p != "" {
				from, _ = strconv.Atoi(p) // checked by its rule
			}
			if p := x.params["MaxResults"]; p != "" {
				most, _ = strconv.Atoi(p)
			}
			from = min(from, len(regions))
			until := min(from+most, len(regions))
			list := []map[string]string{{"RegionName": "me-south-1", "RegionOptStatus": "DISABLED"}}
			for _, r := range regions[from:until] {
				status := "ENABLED"
				if slices.Contains(everyAccounts, r) {
					status = "ENABLED_BY_DEFAULT"
				}
				list = append(list, map[string]string{"RegionName": r, "RegionOptStatus": status})
			}
			answer := map[string]any{"Regions": list}
			if until < len(regions) {
				answer["NextToken"] = strconv.Itoa(until)
			}
			return answer, nil
		},
	}}
}

// readAccount reads a call of AWS Account Management: JSON that is sent to a path.
func (x *exchange) readAccount() (*operation, error) {
	x.json = true
	if x.r.Method != http.MethodPost || x.r.URL.Path != "/listRegions" {
		return nil, nil
	}
	var in map[string]any
	if err := json.Unmarshal(x.body, &in); err != nil {
		return nil, errf("MalformedQueryString", "The request is not a JSON object: %v", err)
	}
	x.action, x.params = "ListRegions", params{}
	for name, v := range in {
		switch v := v.(type) {
		case string:
			x.params[name] = v
		case float64:
			x.params[name] = strconv.Itoa(int(v))
		}
	}
	return x.server.operations["account:ListRegions"], nil
}

// describeRegions is EC2's list, of the enabled ones alone.
func describeRegions() *operation {
	return &operation{params: map[string]rule{}, readOnly: true, target: onEverything, do: func(x *exchange) (any, error) {
		type item struct {
			Name string `xml:"regionName"`
		}
		var answer struct {
			XMLName xml.Name `xml:"DescribeRegionsResponse"`
			Regions []item   `xml:"regionInfo>item"`
		}
		for _, r := range x.caller.account().regions {
			answer.Regions = append(answer.Regions, item{r})
		}
		text, err := xml.Marshal(answer)
		return fixed(text), err
	}}
}
