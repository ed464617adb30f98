-- Text is compared byte by byte ("C"): keyset pages come in the same order on every server, and compare fast.
-- Instants are milliseconds since 1970 in UTC.

CREATE TABLE "job" (
  "uid" TEXT COLLATE "C" NOT NULL,
  "namespace" TEXT COLLATE "C" NOT NULL,
  "name" TEXT COLLATE "C" NOT NULL,
  "labels" JSONB NOT NULL,
  "annotations" JSON NOT NULL,
  "spec" JSON NOT NULL,
  "revision" INTEGER NOT NULL,
  "floor" BIGINT NOT NULL,
  "anchor" BIGINT NOT NULL,
  "source" TEXT NOT NULL,
  "created_at" BIGINT NOT NULL,
  "updated_at" BIGINT NOT NULL,
  CONSTRAINT "job_pkey" PRIMARY KEY ("uid")
);
CREATE UNIQUE INDEX "job_namespace_name_key" ON "job" ("namespace", "name");
CREATE INDEX "job_labels_idx" ON "job" USING GIN ("labels" jsonb_path_ops);

CREATE TABLE "job_spell" (
  "uid" TEXT COLLATE "C" NOT NULL,
  "first_revision" INTEGER NOT NULL,
  "revision" INTEGER NOT NULL,
  "namespace" TEXT COLLATE "C" NOT NULL,
  "name" TEXT COLLATE "C" NOT NULL,
  "spec" JSON NOT NULL,
  "floor" BIGINT NOT NULL,
  "anchor" BIGINT NOT NULL,
  "until" BIGINT,
  "accounted_until" BIGINT NOT NULL,
  CONSTRAINT "job_spell_pkey" PRIMARY KEY ("uid", "first_revision")
);
-- The leader's start: spells that may hold unaccounted ticks.
CREATE INDEX "job_spell_open_idx" ON "job_spell" ("uid") WHERE "until" IS NULL OR "accounted_until" < "until";

CREATE TABLE "outbox" (
  "id" BIGSERIAL NOT NULL,
  "namespace" TEXT COLLATE "C" NOT NULL,
  "name" TEXT COLLATE "C" NOT NULL,
  CONSTRAINT "outbox_pkey" PRIMARY KEY ("namespace", "name")
);
CREATE UNIQUE INDEX "outbox_id_key" ON "outbox" ("id");

CREATE TABLE "run" (
  "id" TEXT COLLATE "C" NOT NULL,
  "job_uid" TEXT COLLATE "C" NOT NULL,
  "namespace" TEXT COLLATE "C" NOT NULL,
  "name" TEXT COLLATE "C" NOT NULL,
  "trigger" TEXT NOT NULL,
  "tick" BIGINT,
  "due_at" BIGINT NOT NULL,
  "state" TEXT COLLATE "C" NOT NULL,
  "attempt" INTEGER NOT NULL,
  "revision" INTEGER,
  "worker" TEXT COLLATE "C",
  "fencing_token" BIGINT,
  "requested_at" BIGINT NOT NULL,
  "requested_by" TEXT,
  "deadline" BIGINT,
  "published" BOOLEAN NOT NULL DEFAULT false,
  "claimed_at" BIGINT,
  "started_at" BIGINT,
  "finished_at" BIGINT,
  "reported_at" BIGINT NOT NULL,
  "exit_code" INTEGER,
  "signal" TEXT,
  "http_status" INTEGER,
  "reason" TEXT,
  "message" TEXT,
  CONSTRAINT "run_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "run_due_at_id_idx" ON "run" ("due_at", "id");
CREATE INDEX "run_namespace_due_at_id_idx" ON "run" ("namespace", "due_at", "id");
CREATE INDEX "run_namespace_name_due_at_id_idx" ON "run" ("namespace", "name", "due_at", "id");
CREATE INDEX "run_worker_due_at_id_idx" ON "run" ("worker", "due_at", "id");
-- What is going on, and what went wrong, are few among many: lists by such a state read these alone.
CREATE INDEX "run_active_idx" ON "run" ("state", "due_at", "id") WHERE "state" IN ('Pending', 'Claimed', 'Running');
CREATE INDEX "run_trouble_idx" ON "run" ("state", "due_at", "id")
  WHERE "state" IN ('Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped');
CREATE INDEX "run_job_trouble_idx" ON "run" ("namespace", "name", "state", "due_at", "id")
  WHERE "state" IN ('Failed', 'TimedOut', 'Killed', 'Lost', 'Skipped');

CREATE TABLE "run_log" (
  "run" TEXT COLLATE "C" NOT NULL,
  "attempt" INTEGER NOT NULL,
  "sequence" INTEGER NOT NULL,
  "stream" TEXT NOT NULL,
  "at" BIGINT NOT NULL,
  "text" TEXT NOT NULL,
  CONSTRAINT "run_log_pkey" PRIMARY KEY ("run", "attempt", "sequence")
);

CREATE TABLE "skip" (
  "job_uid" TEXT COLLATE "C" NOT NULL,
  "namespace" TEXT COLLATE "C" NOT NULL,
  "name" TEXT COLLATE "C" NOT NULL,
  "first_tick" BIGINT NOT NULL,
  "last_tick" BIGINT NOT NULL,
  "count" INTEGER NOT NULL,
  "reason" TEXT COLLATE "C" NOT NULL,
  "detail" TEXT NOT NULL,
  "recorded_at" BIGINT NOT NULL,
  CONSTRAINT "skip_pkey" PRIMARY KEY ("job_uid", "last_tick", "first_tick", "reason")
);
CREATE INDEX "skip_last_tick_job_uid_idx" ON "skip" ("last_tick", "job_uid");
CREATE INDEX "skip_namespace_name_last_tick_idx" ON "skip" ("namespace", "name", "last_tick");

CREATE TABLE "leader_term" (
  "role" TEXT COLLATE "C" NOT NULL,
  "term" INTEGER NOT NULL,
  "master" TEXT NOT NULL,
  CONSTRAINT "leader_term_pkey" PRIMARY KEY ("role")
);

CREATE TABLE "epoch" (
  "id" INTEGER NOT NULL DEFAULT 1 CHECK ("id" = 1),
  "number" INTEGER NOT NULL,
  "floor" BIGINT NOT NULL,
  "beat" BIGINT NOT NULL,
  "at" BIGINT NOT NULL,
  CONSTRAINT "epoch_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "coordination_key" (
  "key" TEXT COLLATE "C" NOT NULL,
  "value" TEXT NOT NULL,
  "index" BIGINT NOT NULL,
  CONSTRAINT "coordination_key_pkey" PRIMARY KEY ("key")
);
