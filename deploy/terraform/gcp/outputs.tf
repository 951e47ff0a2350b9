output "TENSORFLEET_DATABASE_URL" {
  value     = "postgresql://tensorfleet:${random_password.database.result}@${google_sql_database_instance.database.private_ip_address}/tensorfleet?sslmode=require"
  sensitive = true
}

output "TENSORFLEET_OBJECT_STORE_URL" {
  value = "s3://${google_storage_bucket.objects.name}/tensorfleet?endpoint=https://storage.googleapis.com&region=auto"
}

output "AWS_ACCESS_KEY_ID" {
  value = google_storage_hmac_key.objects.access_id
}

output "AWS_SECRET_ACCESS_KEY" {
  value     = google_storage_hmac_key.objects.secret
  sensitive = true
}
