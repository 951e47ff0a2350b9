output "TENSORFLEET_DATABASE_URL" {
  value     = "postgresql://tensorfleet:${random_password.database.result}@${aws_db_instance.database.endpoint}/tensorfleet?sslmode=require"
  sensitive = true
}

output "TENSORFLEET_OBJECT_STORE_URL" {
  value = "s3://${aws_s3_bucket.objects.id}/tensorfleet?region=${var.region}"
}

output "AWS_ACCESS_KEY_ID" {
  value = aws_iam_access_key.objects.id
}

output "AWS_SECRET_ACCESS_KEY" {
  value     = aws_iam_access_key.objects.secret
  sensitive = true
}
