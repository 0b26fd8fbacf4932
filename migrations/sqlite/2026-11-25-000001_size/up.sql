-- Figures are counted from indexes alone: these have all columns that a figure looks at.
CREATE INDEX organisations_pipeline ON organisations (pipeline_stage, currency, potential_amount, signature_probability) WHERE deleted_at IS NULL;
CREATE INDEX mandates_standing ON mandates (status, ends_on) WHERE deleted_at IS NULL;

-- The indexes that are left out while an empty database is filled.
CREATE TABLE suspended_indexes (
    name TEXT NOT NULL PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT;
