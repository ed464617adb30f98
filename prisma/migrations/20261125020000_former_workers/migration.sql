-- Who had a run before the worker that has it: docs/decisions/1101-worker-identity.md.
ALTER TABLE "run" ADD COLUMN "former_workers" TEXT[] DEFAULT ARRAY[]::TEXT[];
