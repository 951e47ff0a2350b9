#!/usr/bin/env bash
# Makes a folder of secrets, by default deploy/compose/secrets: random passwords for all services, and what roles join with.
# What is there already stays.
#   --outside   database and S3 are not ours: they stand in TENSORFLEET_DATABASE_URL and the AWS_* variables
set -euo pipefail
umask 022

outside=''
if [[ ${1-} == --outside ]]; then
  outside=yes
  shift
fi
folder="${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets}"

random() { head -c 48 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c 40; }

if [[ -e $folder ]]; then
  echo "$folder is there already; remove it if you want new secrets, and with it the volumes that know the old ones" >&2
  exit 0
fi
token="$(random)" metrics="$(random)" postgres="$(random)" redis="$(random)" key="key$(random)" secret="$(random)"
database="postgresql://tensorfleet:$postgres@postgres:5432/tensorfleet"
if [[ -n $outside ]]; then
  database="${TENSORFLEET_DATABASE_URL-}" key="${AWS_ACCESS_KEY_ID-}" secret="${AWS_SECRET_ACCESS_KEY-}"
  if [[ $database != postgresql://* ]]; then
    echo "set TENSORFLEET_DATABASE_URL to postgresql://user:password@host/name of the database that is outside" >&2
    exit 1
  fi
fi
case $database in *\?*) and='&' ;; *) and='?' ;; esac

part="$folder.part"
rm -rf "$part"
mkdir -m 0700 "$part" # the files in it are read by containers of other users; nobody else gets this far
printf '%s' "$token" >"$part/token"
printf '%s' "$metrics" >"$part/metrics-token"
printf '%s' "$postgres" >"$part/postgres-password"
random >"$part/grafana-password"
printf 'requirepass %s\nsave ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n' "$redis" >"$part/redis.conf"
cat >"$part/s3.json" <<EOF
{"identities": [{"name": "tensorfleet", "credentials": [{"accessKey": "$key", "secretKey": "$secret"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
EOF
{
  echo "TENSORFLEET_METRICS__TOKEN=$metrics"
  echo "TENSORFLEET_BOOTSTRAP__AGENT=$(random)"
} >"$part/agent.env"
{
  cat "$part/agent.env"
  echo "TENSORFLEET_TOKEN=$token"
  echo "TENSORFLEET_SECRETS_KEY=$(head -c 32 /dev/urandom | base64)"
  [[ -z $key ]] || printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$key" "$secret"
  echo "TENSORFLEET_BOOTSTRAP__GATEWAY=$(random)"
  echo "TENSORFLEET_BOOTSTRAP__TUNER=$(random)"
  echo "TENSORFLEET_DATABASE_URL=$database"
  echo "TENSORFLEET_MLFLOW_URL=$database"
  echo "TENSORFLEET_REDIS_URL=redis://:$redis@redis:6379/0"
  echo "MLFLOW_BACKEND_STORE_URI=postgresql+psycopg://${database#postgresql://}${and}options=-csearch_path%3Dmlflow"
} >"$part/platform.env"
echo "TENSORFLEET_AUTHORITY_SECRET=$(random)" >"$part/authority.env"
mv "$part" "$folder"
echo "made $folder"
