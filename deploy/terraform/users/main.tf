# The role that revokebot assumes in an account to contain leaked access keys of its users. It is
# cloudformation/users.yaml for Terraform: the policies are the same files, and the reason for each
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

variable "undo" {
  description = "Lets the bot remove the policy that denies a user's old sessions. An inactive key stays inactive."
  type        = bool
  default     = false
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
  policies = merge(
    { contain-keys = "users-policy.json" },
    var.undo ? { undo = "users-undo-policy.json" } : {},
  )
}

resource "aws_iam_role" "users" {
  name                 = "revokebot-users" # a fixed name: the hub may assume no other
  description          = "Lets revokebot contain leaked access keys of this account's users"
  max_session_duration = 3600 # the least there is; the bot asks for 15 minutes
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "users" {
  for_each = local.policies
  name     = each.key
  role     = aws_iam_role.users.name
  policy = replace(
    file("${local.files}/${each.value}"), "arn:aws:iam:", "arn:${data.aws_partition.current.partition}:iam:"
  )
}

output "users_role_arn" {
  description = "users_role of this account in the configuration file."
  value       = aws_iam_role.users.arn
}
