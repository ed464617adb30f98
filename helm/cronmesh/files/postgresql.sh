#!/bin/sh
# A PostgreSQL for trying out, from any image that has one: initdb where there is no data, then postgres.
#   postgresql.sh run      made and served from $PGDATA; the user's password is the file $PASSWORD_FILE
#   postgresql.sh ready    whether it takes connections
set -eu
for folder in /usr/lib/postgresql/*/bin /usr/libexec/postgresql*; do
  if [ -d "$folder" ]; then PATH=$PATH:$folder; fi
done

case ${1:-} in
  ready) exec pg_isready -q -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" ;;
  run) ;;
  *) echo 'usage: postgresql.sh run | ready' >&2; exit 2 ;;
esac

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Made beside its place, so that a first start that was cut short begins again.
  rm -rf "$PGDATA.new"
  initdb -D "$PGDATA.new" -U "$POSTGRES_USER" --pwfile="$PASSWORD_FILE" --encoding=UTF8 --locale=C \
    --auth-local=scram-sha-256 --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
  printf 'CREATE DATABASE "%s";\n' "$POSTGRES_DB" | postgres --single -D "$PGDATA.new" postgres >/dev/null
  rm -rf "$PGDATA"
  mv "$PGDATA.new" "$PGDATA"
fi

# TERM would let it wait for its clients; INT ends them.
postgres -D "$PGDATA" -c config_file="$CONFIG_FILE" -c hba_file="$PGDATA/pg_hba.conf" &
server=$!
trap 'kill -INT "$server"' TERM INT
status=0
wait "$server" || status=$?
# A wait that a signal cut short says so by more than 128: the server's own end is what counts.
while kill -0 "$server" 2>/dev/null; do
  status=0
  wait "$server" || status=$?
done
exit "$status"
