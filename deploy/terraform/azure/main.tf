# Flexible Server for PostgreSQL and an account for backups beside an AKS cluster that is there already.
# Azure Blob does not speak S3: the objects of TensorFleet lie in the S3 store of deploy/k8s/stores, on Azure's disks.
terraform {
  required_version = ">= 1.6"
  required_providers {
    azurerm = { source = "hashicorp/azurerm", version = "~> 4.0" }
    random  = { source = "hashicorp/random", version = "~> 3.6" }
  }
}

provider "azurerm" {
  features {}
  subscription_id = var.subscription_id
}

resource "random_password" "database" {
  length  = 40
  special = false
}

resource "random_string" "suffix" {
  length  = 8
  upper   = false
  special = false
}

resource "azurerm_private_dns_zone" "database" {
  name                = "tensorfleet.private.postgres.database.azure.com"
  resource_group_name = var.resource_group
}

resource "azurerm_private_dns_zone_virtual_network_link" "database" {
  name                  = "tensorfleet"
  resource_group_name   = var.resource_group
  private_dns_zone_name = azurerm_private_dns_zone.database.name
  virtual_network_id    = var.virtual_network_id
}

resource "azurerm_postgresql_flexible_server" "database" {
  name                          = "tensorfleet-${random_string.suffix.result}"
  resource_group_name           = var.resource_group
  location                      = var.location
  version                       = "16"
  sku_name                      = var.database_sku
  storage_mb                    = 65536
  auto_grow_enabled             = true
  backup_retention_days         = 14
  administrator_login           = "tensorfleet"
  administrator_password        = random_password.database.result
  delegated_subnet_id           = var.database_subnet_id
  private_dns_zone_id           = azurerm_private_dns_zone.database.id
  public_network_access_enabled = false
  zone                          = "1"

  high_availability {
    mode                      = "ZoneRedundant"
    standby_availability_zone = "2"
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.database]

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_postgresql_flexible_server_database" "database" {
  name      = "tensorfleet"
  server_id = azurerm_postgresql_flexible_server.database.id
}

resource "azurerm_storage_account" "backups" {
  name                            = "tensorfleet${random_string.suffix.result}"
  resource_group_name             = var.resource_group
  location                        = var.location
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  min_tls_version                 = "TLS1_2"
  allow_nested_items_to_be_public = false

  blob_properties {
    versioning_enabled = true
    delete_retention_policy {
      days = 30
    }
  }
}

resource "azurerm_storage_container" "backups" {
  name               = "backups"
  storage_account_id = azurerm_storage_account.backups.id
}
