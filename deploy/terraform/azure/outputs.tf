output "TENSORFLEET_DATABASE_URL" {
  value     = "postgresql://tensorfleet:${random_password.database.result}@${azurerm_postgresql_flexible_server.database.fqdn}/tensorfleet?sslmode=require"
  sensitive = true
}

output "backups" {
  value = "${azurerm_storage_account.backups.primary_blob_endpoint}${azurerm_storage_container.backups.name}"
}
