-- Named sets of times; jobs exclude or require them.
CREATE TABLE "calendar" (
    "namespace" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "labels" JSON NOT NULL,
    "annotations" JSON NOT NULL,
    "spec" JSON NOT NULL,
    "revision" INTEGER NOT NULL,
    "created_at" BIGINT NOT NULL,
    "updated_at" BIGINT NOT NULL,

    CONSTRAINT "calendar_pkey" PRIMARY KEY ("namespace", "name")
);

-- What the calendars that a job names hold: they travel with it, and with what its ticks were.
ALTER TABLE "job" ADD COLUMN "calendars" JSON;
ALTER TABLE "job_spell" ADD COLUMN "calendars" JSON;
