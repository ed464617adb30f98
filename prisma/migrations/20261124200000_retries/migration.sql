-- Further attempts at runs: docs/decisions/0303-retries.md. What had ended before this migration is not tried again.
ALTER TABLE "run" ADD COLUMN "retry" TEXT COLLATE "C" DEFAULT 'None';
ALTER TABLE "run" ALTER COLUMN "retry" DROP DEFAULT;
ALTER TABLE "run" ADD COLUMN "last_outcome" TEXT COLLATE "C";
ALTER TABLE "run" ADD COLUMN "next_attempt_at" BIGINT;
-- The leader's work is by what ended and by what is due, never by all runs.
CREATE INDEX "run_retry_undecided_idx" ON "run" ("reported_at", "id")
  WHERE "retry" IS NULL AND "state" IN ('Failed', 'TimedOut', 'Lost');
CREATE INDEX "run_retry_waiting_idx" ON "run" ("next_attempt_at", "id") WHERE "retry" = 'Waiting';
