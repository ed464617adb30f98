-- Output that is to be archived, or is: docs/decisions/1302-logs.md.
CREATE TABLE "run_archive" (
  "run" TEXT COLLATE "C" NOT NULL,
  "version" INTEGER NOT NULL,
  "archived" INTEGER NOT NULL DEFAULT 0,
  "first_at" BIGINT NOT NULL,
  "last_at" BIGINT NOT NULL,
  "archived_at" BIGINT,
  CONSTRAINT "run_archive_pkey" PRIMARY KEY ("run")
);
CREATE INDEX "run_archive_waiting" ON "run_archive" ("last_at", "run") WHERE "archived" < "version";
