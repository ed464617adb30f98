# The agents' own token (`acl.tokens.agent`): their node and its checks. For one node alone: `node "<its name>"`.
node_prefix "" { policy = "write" }
service_prefix "cronmesh-" { policy = "read" }
