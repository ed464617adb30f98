-- A job that has paused itself, and from when on its runs count for maxRuns (without it, from its anchor).
ALTER TABLE "job" ADD COLUMN "paused" JSON, ADD COLUMN "counts_from" BIGINT;
ALTER TABLE "job_spell" ADD COLUMN "paused" JSON, ADD COLUMN "counts_from" BIGINT;

-- Which jobs come after which: the `after` of each job.
CREATE TABLE "job_after" ("job_uid" TEXT NOT NULL, "upstream" TEXT NOT NULL, "namespace" TEXT NOT NULL, "name" TEXT NOT NULL, "since" BIGINT NOT NULL, CONSTRAINT "job_after_pkey" PRIMARY KEY ("job_uid", "upstream"));
CREATE INDEX "job_after_namespace_upstream_idx" ON "job_after"("namespace", "upstream");
CREATE INDEX "job_after_namespace_name_idx" ON "job_after"("namespace", "name");

-- Ended runs that have reached a job that comes after theirs.
CREATE TABLE "arrival" ("job_uid" TEXT NOT NULL, "run" TEXT NOT NULL, "upstream" TEXT NOT NULL, "runs" JSON NOT NULL, "state" TEXT NOT NULL, "ended_at" BIGINT NOT NULL, "chained" TEXT, CONSTRAINT "arrival_pkey" PRIMARY KEY ("job_uid", "run"));
CREATE INDEX "arrival_ended_at_idx" ON "arrival"("ended_at");
CREATE INDEX "arrival_waiting" ON "arrival"("job_uid") WHERE "chained" IS NULL;

-- Failures in a row of jobs with pauseAfterFailures.
CREATE TABLE "streak" ("job_uid" TEXT NOT NULL, "since" BIGINT NOT NULL, "failures" JSON NOT NULL, CONSTRAINT "streak_pkey" PRIMARY KEY ("job_uid"));
