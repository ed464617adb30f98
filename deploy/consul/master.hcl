# A master: what it reads and writes in Consul, and nothing else (docs/protocol.md says why).
# test/e2e/consul-acl.test.ts runs a cluster under it, and tries what it must refuse.

# Definitions, their feed, and who leads.
key_prefix "cron/jobs/" { policy = "write" }
key_prefix "cron/feed/" { policy = "write" }
key_prefix "cron/leader/" { policy = "write" }
key "cron/epoch" { policy = "write" }

# What is asked for: runs, kills, brakes.
key_prefix "cron/trigger/" { policy = "write" }
key_prefix "cron/published/" { policy = "write" }
key_prefix "cron/killer/" { policy = "write" }
key_prefix "cron/callback/" { policy = "write" }
key_prefix "cron/cordon/" { policy = "write" }
key "cron/freeze" { policy = "write" }

# The leader's accounting: ticks that nobody decided, locks and lanes that the dead left behind.
key_prefix "cron/cursor/" { policy = "write" }
key_prefix "cron/lock/" { policy = "write" }
key_prefix "cron/lane/" { policy = "write" }
key_prefix "cron/lost/" { policy = "write" }
key_prefix "cron/whole/" { policy = "read" }
key "cron/doubt" { policy = "read" }
key_prefix "cron/modules/" { policy = "read" }

service "cronmesh-master" { policy = "write" }
service "cronmesh-worker" { policy = "read" }
session_prefix "" { policy = "write" }
node_prefix "" { policy = "read" }
