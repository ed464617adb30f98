-- The operator follows what changed: the status of its resources tells of runs.
CREATE INDEX "run_reported_at_id_idx" ON "run" ("reported_at", "id");
