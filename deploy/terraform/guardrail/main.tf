# The guard rail: a service control policy that lets only revokebot write or remove inline policies
# of roles, and detach AWSDenyAll, which locks them. In the organisation's management account, or
# the one that its policies are delegated to. It is cloudformation/guardrail.yaml for Terraform,
# where the reason for each statement stands. It does not bind the management account, nor
# service-linked roles.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "guarded_roles" {
  description = "Patterns on the ARNs of the roles. All of them: arn:aws:iam::*:role/*"
  type        = list(string)
}

# An exception is a name, and as strong as the right to make that name: none begins with a wildcard,
# and the last statements keep all other callers from making, changing or passing what it matches.
variable "spoke_deployers" {
  description = "Pattern on the ARN of the role that deploys the spokes. Default: service-managed StackSets."
  type        = string
  default     = "arn:aws:iam::*:role/stacksets-exec-*"
  validation {
    condition = can(regex(
      "^arn:aws(-[a-z]+)*:iam::([0-9]{12}|[*]):(role|user)/[^*?,[:space:]][^,[:space:]]*$", var.spoke_deployers
    ))
    error_message = "spoke_deployers is a pattern that does not begin with a wildcard."
  }
}

variable "other_writers" {
  description = "Patterns on the ARNs of others who go on writing inline policies. Each is a hole."
  type        = list(string)
  default     = []
  validation {
    condition = alltrue([for w in var.other_writers : can(regex(
      "^arn:aws(-[a-z]+)*:iam::([0-9]{12}|[*]):(role|user)/[^*?,[:space:]][^,[:space:]]*$", w
    ))])
    error_message = "other_writers are patterns that do not begin with a wildcard."
  }
}

variable "guard_trust" {
  description = "Lets only revokebot, spoke_deployers and other_writers change trust policies of the guarded roles."
  type        = bool
  default     = false
}

variable "targets" {
  description = "Ids of accounts, organisational units or roots. Try it on one account first."
  type        = set(string)
}

data "aws_partition" "current" {}

locals {
  iam   = "arn:${data.aws_partition.current.partition}:iam::"
  spoke = "${local.iam}*:role/revokebot-spoke"
  trust = "${local.iam}*:role/revokebot-trust"
  become = [
    "iam:Acquire*", "iam:Attach*", "iam:Change*", "iam:Create*", "iam:Deactivate*", "iam:Delete*", "iam:Detach*",
    "iam:Enable*", "iam:PassRole", "iam:Put*", "iam:Reset*", "iam:Resync*", "iam:Tag*", "iam:Untag*", "iam:Update*",
    "iam:Upload*",
  ]
  statements = [
    {
      Sid      = "OnlyRevokebotChangesInlinePolicies", Effect = "Deny"
      Action   = ["iam:PutRolePolicy", "iam:DeleteRolePolicy"]
      Resource = var.guarded_roles
      Condition = {
        ArnNotLike = { "aws:PrincipalArn" = concat([local.spoke, var.spoke_deployers], var.other_writers) }
      }
    },
    {
      Sid      = "OnlyRevokebotUnlocks", Effect = "Deny"
      Action   = "iam:DetachRolePolicy"
      Resource = var.guarded_roles
      Condition = {
        ArnEquals  = { "iam:PolicyARN" = "${local.iam}aws:policy/AWSDenyAll" }
        ArnNotLike = { "aws:PrincipalArn" = local.spoke }
      }
    },
    {
      Sid      = "OnlyRevokebotChangesTrustPolicies", Effect = "Deny"
      Action   = "iam:UpdateAssumeRolePolicy"
      Resource = var.guard_trust ? var.guarded_roles : []
      Condition = {
        ArnNotLike = { "aws:PrincipalArn" = concat([local.trust, var.spoke_deployers], var.other_writers) }
      }
    },
    {
      Sid       = "OnlyItsDeployersChangeTheSpoke", Effect = "Deny"
      Action    = local.become
      Resource  = [local.spoke, local.trust, "${local.iam}*:role/revokebot-users", var.spoke_deployers]
      Condition = { ArnNotLike = { "aws:PrincipalArn" = var.spoke_deployers } }
    },
    {
      Sid      = "NobodyElseBecomesAnotherWriter", Effect = "Deny"
      Action   = local.become
      Resource = var.other_writers
      Condition = {
        ArnNotLike = { "aws:PrincipalArn" = concat([var.spoke_deployers], var.other_writers) }
      }
    },
  ]
}

resource "aws_organizations_policy" "guard_rail" {
  name        = "revokebot-guard-rail"
  description = "Only revokebot changes inline policies of these roles, or unlocks them"
  type        = "SERVICE_CONTROL_POLICY"
  content = jsonencode({
    Version = "2012-10-17"
    # A statement that names no resource is left out: IAM would refuse it.
    Statement = [for s in local.statements : s if length(s.Resource) > 0]
  })
}

resource "aws_organizations_policy_attachment" "guard_rail" {
  for_each  = var.targets
  policy_id = aws_organizations_policy.guard_rail.id
  target_id = each.value
}

output "policy_id" {
  description = "To detach it in a hurry, aws organizations detach-policy takes this."
  value       = aws_organizations_policy.guard_rail.id
}
