-- What is to be told to a channel: docs/decisions/0308-notifications.md.
CREATE TABLE "notification" (
  "id" TEXT COLLATE "C" NOT NULL,
  "job_uid" TEXT COLLATE "C" NOT NULL,
  "namespace" TEXT COLLATE "C" NOT NULL,
  "name" TEXT COLLATE "C" NOT NULL,
  "channel" TEXT NOT NULL,
  "event" TEXT NOT NULL,
  "run" TEXT,
  "content" JSON NOT NULL,
  "state" TEXT NOT NULL,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "created_at" BIGINT NOT NULL,
  "at" BIGINT NOT NULL,
  "error" TEXT,
  "sequence" BIGSERIAL NOT NULL,
  CONSTRAINT "notification_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "notification_namespace_name_created_at_idx" ON "notification" ("namespace", "name", "created_at");
CREATE INDEX "notification_state_at_idx" ON "notification" ("state", "at");
-- Skips as they are recorded.
CREATE INDEX "skip_recorded_at_idx" ON "skip" ("recorded_at");
