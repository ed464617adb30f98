-- Runs of a job for the ticks of a past range, a few at a time.
CREATE TABLE "backfill" (
  "id" TEXT NOT NULL,
  "job_uid" TEXT NOT NULL,
  "namespace" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "first" BIGINT NOT NULL,
  "until" BIGINT NOT NULL,
  "parallelism" INTEGER NOT NULL,
  "order" TEXT NOT NULL,
  "only_missing" BOOLEAN NOT NULL,
  "requested_by" TEXT NOT NULL,
  "requested_at" BIGINT NOT NULL,
  "state" TEXT NOT NULL,
  "message" TEXT,
  "schedule" JSON NOT NULL,
  "total" INTEGER NOT NULL,
  "position" BIGINT,
  "succeeded" INTEGER NOT NULL DEFAULT 0,
  "failed" INTEGER NOT NULL DEFAULT 0,
  "skipped" INTEGER NOT NULL DEFAULT 0,
  "left_out" INTEGER NOT NULL DEFAULT 0,
  "open_ticks" JSON NOT NULL,
  "ended_at" BIGINT,
  CONSTRAINT "backfill_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "backfill_requested_at_id_idx" ON "backfill" ("requested_at", "id");
CREATE INDEX "backfill_namespace_name_requested_at_id_idx" ON "backfill" ("namespace", "name", "requested_at", "id");
CREATE INDEX "backfill_open_idx" ON "backfill" ("requested_at", "id") WHERE "ended_at" IS NULL;
