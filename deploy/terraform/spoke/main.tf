# A spoke: the role that revokebot assumes in an account to end sessions of its roles. One in each
# account whose roles are revoked, that of the hub too. It is cloudformation/spoke.yaml for
# Terraform: the policies are the same files, and the reason for each statement stands there.
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
  description = "A random value, such as openssl rand -hex 16 prints; external_id in the configuration file."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@:/-]{16,}$", var.external_id))
    error_message = "external_id has at least 16 characters, no wildcard and no blank."
  }
}

variable "undo" {
  description = "Lets the bot remove a revocation policy, which brings stolen sessions back to life while they last."
  type        = bool
  default     = false
}

variable "allow_lock" {
  description = "Lets the bot attach AWSDenyAll to roles, and no other policy. To unlock, undo has to be true as well."
  type        = bool
  default     = false
}

variable "trail_log_group" {
  description = "The ARN of CloudTrail's log group in this account, without :* at its end. Empty: none."
  type        = string
  default     = ""
  validation {
    condition = can(regex(
      "^(arn:aws(-[a-z]+)*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9._/#-]+)?$", var.trail_log_group
    ))
    error_message = "trail_log_group is the ARN of one log group, or empty."
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
  policies = merge(
    { revoke-sessions = "iam-policy.json", named-sessions = "named-policy.json" },
    var.undo ? { undo = "undo-policy.json" } : {},
    var.allow_lock ? { lock = "lock-policy.json" } : {},
    var.allow_lock && var.undo ? { unlock = "unlock-policy.json" } : {},
    var.trail_log_group != "" ? { trail-log-group = "log-group-policy.json" } : {},
  )
}

resource "aws_iam_role" "spoke" {
  name                 = "revokebot-spoke" # a fixed name: the hub may assume no other
  description          = "Lets revokebot end sessions of this account's roles"
  max_session_duration = 3600 # the least there is; the bot asks for 15 minutes
  assume_role_policy   = local.trust
}

resource "aws_iam_role_policy" "spoke" {
  for_each = local.policies
  name     = each.key
  role     = aws_iam_role.spoke.name
  # The log group first: its ARN in the file is a whole one.
  policy = replace(
    replace(
      file("${local.files}/${each.value}"),
      "arn:aws:logs:us-east-1:111122223333:log-group:aws-cloudtrail-logs", var.trail_log_group
    ),
    "arn:aws:iam:", "arn:${data.aws_partition.current.partition}:iam:"
  )
}

output "spoke_role_arn" {
  description = "assume_role of this account in the configuration file."
  value       = aws_iam_role.spoke.arn
}
