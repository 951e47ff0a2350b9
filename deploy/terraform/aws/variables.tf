variable "region" {
  type        = string
  description = "Where everything is made."
}

variable "vpc_id" {
  type        = string
  description = "The VPC of the cluster."
}

variable "private_subnet_ids" {
  type        = list(string)
  description = "Subnets for the database, in two zones at least."
}

variable "node_security_group_id" {
  type        = string
  description = "The security group of the cluster's nodes."
}

variable "database_class" {
  type        = string
  description = "How large the database is."
  default     = "db.m7g.large"
}
