variable "subscription_id" {
  type        = string
  description = "The subscription that pays."
}

variable "resource_group" {
  type        = string
  description = "The resource group in which everything is made."
}

variable "location" {
  type        = string
  description = "Where everything is made."
}

variable "virtual_network_id" {
  type        = string
  description = "The virtual network of the cluster."
}

variable "database_subnet_id" {
  type        = string
  description = "A subnet of that network that is delegated to Microsoft.DBforPostgreSQL/flexibleServers."
}

variable "database_sku" {
  type        = string
  description = "How large the database is."
  default     = "GP_Standard_D2ds_v5"
}
