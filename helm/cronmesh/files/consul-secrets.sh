#!/bin/sh
# Writes the agent's secrets, mounted as files, as a piece of its configuration: it takes neither from the environment.
#   secrets.sh FOLDER FILE    FOLDER may have gossip (a key) and agent-token
set -eu
umask 077
folder=$1
file=$2

# A key or token as it is in JSON: nothing in either needs escaping, and what would is refused, unshown.
value() {
  text=$(cat "$folder/$1")
  case $text in
    '' | *[!A-Za-z0-9+/=_-]*) echo "$1: must be letters, digits, and + / = _ - only" >&2; exit 2 ;;
  esac
  printf '"%s"' "$text"
}

{
  printf '{'
  separator=
  if [ -e "$folder/gossip" ]; then
    key=$(value gossip)
    printf '"encrypt":%s' "$key"
    separator=,
  fi
  if [ -e "$folder/agent-token" ]; then
    token=$(value agent-token)
    printf '%s"acl":{"tokens":{"agent":%s}}' "$separator" "$token"
  fi
  printf '}\n'
} >"$file.new"
mv "$file.new" "$file"
