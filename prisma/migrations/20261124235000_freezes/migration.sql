-- Freezes of a namespace ('*': of everything), those that are over too.
CREATE TABLE "namespace_freeze" (
  "scope" TEXT NOT NULL,
  "since" BIGINT NOT NULL,
  "until" BIGINT,
  "by" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "ended_at" BIGINT,
  "published_at" BIGINT,
  CONSTRAINT "namespace_freeze_pkey" PRIMARY KEY ("scope", "since")
);
