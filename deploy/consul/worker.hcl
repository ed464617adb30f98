# A worker and its supervisor: what they read and write in Consul, and nothing else (docs/protocol.md says why).
# test/e2e/consul-acl.test.ts runs a cluster under it, and tries what it must refuse.

# Definitions, the leader's beat, brakes and schemas are others' to write.
key_prefix "cron/jobs/" { policy = "read" }
key_prefix "cron/feed/" { policy = "read" }
key "cron/epoch" { policy = "read" }
key "cron/freeze" { policy = "read" }
key_prefix "cron/cordon/" { policy = "read" }

# What a worker decides, claims and lets go of.
key_prefix "cron/cursor/" { policy = "write" }
key_prefix "cron/lock/" { policy = "write" }
key_prefix "cron/trigger/" { policy = "write" }
key_prefix "cron/killer/" { policy = "write" }
key_prefix "cron/whole/" { policy = "write" }
key_prefix "cron/callback/" { policy = "write" }
key_prefix "cron/lost/" { policy = "write" }
key_prefix "cron/modules/" { policy = "write" }
key "cron/doubt" { policy = "write" }
# Of a worker with a token of its own: cron/lane/<its name>-
key_prefix "cron/lane/" { policy = "write" }

service "cronmesh-worker" { policy = "write" }
service "cronmesh-master" { policy = "read" }
# Sessions are of the agent's node: with one node for each worker, `session "<node>"`.
session_prefix "" { policy = "write" }
node_prefix "" { policy = "read" }
