package aws

// Warning is something about a role that people should know before they approve.
type Warning struct {
	Code     string // one of the Warn… codes
	Sentence string // what it means and what to do, plain text; foreign text in it is quoted and escaped
}

// The Code of a Warning.
const (
	WarnSelfAssume    = "self_assume"     // sessions of the role can open new ones
	WarnEverybody     = "everybody"       // the trust policy names everybody
	WarnOtherAccounts = "other_accounts"  // the trust policy names other accounts
	WarnServiceEC2    = "service_ec2"     // what breaks on EC2, and what revives it; likewise the next ones
	WarnServiceLambda = "service_lambda"  //
	WarnServiceECS    = "service_ecs"     //
	WarnServiceEKS    = "service_eks"     //
	WarnServiceOther  = "service_other"   //
	WarnCanWriteIAM   = "can_write_iam"   // the role could take the deny away
	WarnManagedByCode = "managed_by_code" // Terraform, CDK or CloudFormation may take the deny away
	WarnExistingDeny  = "existing_deny"   // AWSRevokeOlderSessions is on the role already
	WarnNotCovered    = "not_covered"     // what no deny on a role touches
	WarnNotRead       = "not_read"        // something of the above could not be found out
)
