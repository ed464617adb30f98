# The operator: publishes the jobs that it makes, and stands for election. It asks for no runs.
key_prefix "cron/jobs/" { policy = "write" }
key_prefix "cron/feed/" { policy = "write" }
key "cron/leader/operator" { policy = "write" }
key "cron/epoch" { policy = "read" }
# Its clock is compared with the workers' beats.
key_prefix "cron/lane/" { policy = "read" }
# A job that it deletes has its waiting runs looked at.
key_prefix "cron/trigger/" { policy = "read" }

service "cronmesh-worker" { policy = "read" }
session_prefix "" { policy = "write" }
node_prefix "" { policy = "read" }
