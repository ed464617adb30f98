-- Why a job did not run at a time is asked by its name, and jobs of the name that are gone answer too.
CREATE INDEX "job_spell_namespace_name_idx" ON "job_spell" ("namespace", "name");
