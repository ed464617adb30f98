-- How far the newest attempt of a run is, as it said itself.
ALTER TABLE "run" ADD COLUMN "progress" DOUBLE PRECISION, ADD COLUMN "progress_message" TEXT, ADD COLUMN "progress_at" BIGINT;
