# PostgreSQL and a bucket for TensorFleet beside an EKS cluster that is there already.
terraform {
  required_version = ">= 1.6"
  required_providers {
    aws    = { source = "hashicorp/aws", version = "~> 5.60" }
    random = { source = "hashicorp/random", version = "~> 3.6" }
  }
}

provider "aws" {
  region = var.region
}

resource "random_password" "database" {
  length  = 40
  special = false
}

resource "aws_security_group" "database" {
  name_prefix = "tensorfleet-database-"
  description = "PostgreSQL of TensorFleet, from the nodes of the cluster alone"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = var.node_security_group_id
  from_port                    = 5432
  to_port                      = 5432
  ip_protocol                  = "tcp"
}

resource "aws_db_subnet_group" "database" {
  name_prefix = "tensorfleet-"
  subnet_ids  = var.private_subnet_ids
}

resource "aws_db_instance" "database" {
  identifier_prefix         = "tensorfleet-"
  engine                    = "postgres"
  engine_version            = "17"
  instance_class            = var.database_class
  allocated_storage         = 50
  max_allocated_storage     = 500
  storage_type              = "gp3"
  storage_encrypted         = true
  multi_az                  = true
  db_name                   = "tensorfleet"
  username                  = "tensorfleet"
  password                  = random_password.database.result
  db_subnet_group_name      = aws_db_subnet_group.database.name
  vpc_security_group_ids    = [aws_security_group.database.id]
  backup_retention_period   = 14
  deletion_protection       = true
  final_snapshot_identifier = "tensorfleet-final"
}

resource "aws_s3_bucket" "objects" {
  bucket_prefix = "tensorfleet-"
}

resource "aws_s3_bucket_public_access_block" "objects" {
  bucket                  = aws_s3_bucket.objects.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "objects" {
  bucket = aws_s3_bucket.objects.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "objects" {
  bucket = aws_s3_bucket.objects.id
  rule {
    id     = "what-was-left-half-way"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

resource "aws_iam_user" "objects" {
  name = "tensorfleet-objects"
}

resource "aws_iam_access_key" "objects" {
  user = aws_iam_user.objects.name
}

resource "aws_iam_user_policy" "objects" {
  user = aws_iam_user.objects.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = aws_s3_bucket.objects.arn
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${aws_s3_bucket.objects.arn}/*"
      },
    ]
  })
}
