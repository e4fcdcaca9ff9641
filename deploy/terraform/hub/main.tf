# The hub: the role that revokebot runs as. Once, in the account that the bot runs in. It is
# cloudformation/hub.yaml for Terraform, where the reason for each statement stands.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 6.2" }
  }
}

variable "platform" {
  description = "What the bot runs on: ecs, pod-identity, irsa or ec2."
  type        = string
  validation {
    condition     = contains(["ecs", "pod-identity", "irsa", "ec2"], var.platform)
    error_message = "platform is ecs, pod-identity, irsa or ec2."
  }
}

variable "oidc_provider" {
  description = "irsa only: the cluster's issuer without https://. IAM has to know it as an identity provider."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([a-z0-9.-]+[.][a-z]+/id/[A-Z0-9]+)?$", var.oidc_provider))
    error_message = "oidc_provider is the cluster's issuer without https://."
  }
}

variable "cluster_name" {
  description = "pod-identity only: the name of the EKS cluster, which needs the add-on eks-pod-identity-agent."
  type        = string
  default     = ""
}

variable "namespace" {
  description = "pod-identity and irsa: where the chart or kubernetes.yaml puts the bot."
  type        = string
  default     = "revokebot"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.namespace)) # no wildcard can slip in
    error_message = "namespace is the name of one namespace."
  }
}

variable "service_account" {
  description = "pod-identity and irsa: the service account of the chart or of kubernetes.yaml."
  type        = string
  default     = "revokebot"
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.service_account))
    error_message = "service_account is the name of one service account."
  }
}

variable "organization_id" {
  description = "The id of your organisation (o-…). The hub then opens no spoke of an account outside it."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(o-[a-z0-9]{10,32})?$", var.organization_id))
    error_message = "organization_id begins with o-."
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  # Who becomes the hub can revoke every role that a spoke may write to, so one platform is let in
  # and no other.
  trusts = {
    ecs = {
      Sid       = "TasksOfThisAccount", Effect = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }, Action = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
      }
    }
    pod-identity = {
      Sid       = "PodsWithTheAssociation", Effect = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }, Action = ["sts:AssumeRole", "sts:TagSession"]
    }
    irsa = {
      Sid       = "TheServiceAccount", Effect = "Allow"
      Principal = { Federated = "arn:${local.partition}:iam::${local.account}:oidc-provider/${var.oidc_provider}" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "${var.oidc_provider}:aud" = "sts.amazonaws.com"
        "${var.oidc_provider}:sub" = "system:serviceaccount:${var.namespace}:${var.service_account}"
      } }
    }
    ec2 = {
      Sid       = "InstancesWithTheProfile", Effect = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole"
    }
  }
  policy = jsondecode(replace(
    file("${path.module}/../../hub-policy.json"), "arn:aws:", "arn:${local.partition}:"
  ))
}

resource "aws_iam_role" "hub" {
  # A fixed name: the trust policies of the spokes name it, and their policies keep the bot from
  # revoking it.
  name               = "revokebot"
  description        = "revokebot runs as this role. It opens sessions of revokebot-spoke in the accounts."
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [local.trusts[var.platform]] })
  lifecycle {
    precondition {
      condition     = var.platform != "irsa" || var.oidc_provider != ""
      error_message = "irsa needs oidc_provider, the cluster's issuer without https://."
    }
    precondition {
      condition     = var.platform != "pod-identity" || var.cluster_name != ""
      error_message = "pod-identity needs cluster_name, the name of the EKS cluster."
    }
  }
}

resource "aws_iam_role_policy" "hub" {
  name = "open-spokes"
  role = aws_iam_role.hub.name
  policy = jsonencode(merge(local.policy, { Statement = [for s in local.policy.Statement : merge(
    s,
    s.Sid == "OpenSessionsInTheAccounts" && var.organization_id != "" ?
    { Condition = { StringEquals = { "aws:ResourceOrgID" = var.organization_id } } } : {}
  )] }))
}

resource "aws_eks_pod_identity_association" "hub" {
  count           = var.platform == "pod-identity" ? 1 : 0
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.hub.arn
  # No tags but the bot's three are let into the sessions of the spokes.
  disable_session_tags = true
}

resource "aws_iam_instance_profile" "hub" {
  count = var.platform == "ec2" ? 1 : 0
  name  = "revokebot"
  role  = aws_iam_role.hub.name
}

output "hub_role_arn" {
  description = "hub_role_arn of the other modules, the task role on ECS, the annotation for irsa."
  value       = aws_iam_role.hub.arn
}
