#!/usr/bin/env bash
# What the official image does at its first start, as far as deploy/compose relies on it.
set -euo pipefail
export PGDATA=/var/lib/postgresql/data

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  initdb --encoding=UTF8 --locale=C.UTF-8 --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --silent --options="-c listen_addresses=''" start
  createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --wait --silent stop
fi
exec postgres -c 'listen_addresses=*'
