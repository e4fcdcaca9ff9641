# The role that revokebot assumes in an account to change trust policies of its roles. It is
# cloudformation/trust.yaml for Terraform: the policy is the same file, and the reason for each
# statement stands there.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.0" }
  }
}

variable "hub_role_arn" {
  description = "Output hub_role_arn of the module hub."
  type        = string
  validation {
    condition     = can(regex("^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", var.hub_role_arn))
    error_message = "hub_role_arn is the ARN of one role."
  }
}

variable "external_id" {
  description = "external_id of the account in the configuration file, as for the module spoke."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]{16,}$", var.external_id))
    error_message = "external_id has at least 16 characters, no wildcard and no blank."
  }
}

data "aws_partition" "current" {}

locals {
  files = "${path.module}/../.."
  trust = replace(
    replace(
      file("${local.files}/spoke-trust-policy.json"), "arn:aws:iam::999900001111:role/revokebot", var.hub_role_arn
    ),
    "replace-with-a-random-value", var.external_id
  )
}

resource "aws_iam_role" "trust" {
  name                 = "revokebot-trust" # a fixed name: the hub may assume no other
  description          = "Lets revokebot stop new sessions of this account's roles"
  max_session_duration = 3600 # the least there is; the bot asks for 15 minutes
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "trust" {
  name = "change-trust"
  role = aws_iam_role.trust.name
  policy = replace(
    file("${local.files}/trust-policy.json"), "arn:aws:iam:", "arn:${data.aws_partition.current.partition}:iam:"
  )
}

output "trust_role_arn" {
  description = "trust_role of this account in the configuration file."
  value       = aws_iam_role.trust.arn
}
