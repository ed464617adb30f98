-- What is particular to one run beyond its job, and the chain that it belongs to.
ALTER TABLE "run" ADD COLUMN "particulars" JSON, ADD COLUMN "chain" TEXT, ADD COLUMN "upstream" JSON;
CREATE INDEX "run_chain_idx" ON "run"("chain");

-- Where a walk of the leader over changed runs stands.
CREATE TABLE "walk" ("name" TEXT NOT NULL, "changed_at" BIGINT NOT NULL, "run" TEXT NOT NULL, CONSTRAINT "walk_pkey" PRIMARY KEY ("name"));
