variable "project" {
  type        = string
  description = "The project in which everything is made."
}

variable "region" {
  type        = string
  description = "Where everything is made."
}

variable "network_id" {
  type        = string
  description = "The VPC network of the cluster, by its id."
}

variable "database_tier" {
  type        = string
  description = "How large the database is."
  default     = "db-custom-2-8192"
}
