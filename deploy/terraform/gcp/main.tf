# Cloud SQL for PostgreSQL and a bucket for TensorFleet beside a GKE cluster that is there already.
terraform {
  required_version = ">= 1.6"
  required_providers {
    google = { source = "hashicorp/google", version = "~> 6.0" }
    random = { source = "hashicorp/random", version = "~> 3.6" }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

resource "random_password" "database" {
  length  = 40
  special = false
}

resource "random_id" "suffix" {
  byte_length = 4
}

resource "google_compute_global_address" "database" {
  name          = "tensorfleet-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = var.network_id
}

resource "google_service_networking_connection" "database" {
  network                 = var.network_id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}

resource "google_sql_database_instance" "database" {
  name                = "tensorfleet-${random_id.suffix.hex}"
  database_version    = "POSTGRES_17"
  deletion_protection = true
  depends_on          = [google_service_networking_connection.database]

  settings {
    edition           = "ENTERPRISE"
    tier              = var.database_tier
    availability_type = "REGIONAL"
    disk_size         = 50
    disk_autoresize   = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network_id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
    }
  }
}

resource "google_sql_database" "database" {
  name     = "tensorfleet"
  instance = google_sql_database_instance.database.name
}

resource "google_sql_user" "database" {
  name     = "tensorfleet"
  instance = google_sql_database_instance.database.name
  password = random_password.database.result
}

resource "google_storage_bucket" "objects" {
  name                        = "tensorfleet-${random_id.suffix.hex}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
    }
    action {
      type = "Delete"
    }
  }
}

# The bucket is spoken to by the S3 protocol, whose keys belong to an account.
resource "google_service_account" "objects" {
  account_id   = "tensorfleet-objects"
  display_name = "TensorFleet's objects"
}

resource "google_storage_bucket_iam_member" "objects" {
  bucket = google_storage_bucket.objects.name
  role   = "roles/storage.objectAdmin"
  member = "serviceAccount:${google_service_account.objects.email}"
}

resource "google_storage_hmac_key" "objects" {
  service_account_email = google_service_account.objects.email
}
