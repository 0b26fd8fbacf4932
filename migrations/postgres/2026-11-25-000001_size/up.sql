-- Figures are counted from indexes alone: these have all columns that a figure looks at.
CREATE INDEX organisations_pipeline ON organisations (pipeline_stage, currency, potential_amount, signature_probability) WHERE deleted_at IS NULL;
CREATE INDEX mandates_standing ON mandates (status, ends_on) WHERE deleted_at IS NULL;

-- No search asks for the words of a name alone any more.
DROP INDEX organisations_name_words;
DROP INDEX people_name_words;

-- How many rows have a word is guessed from samples of the text: with a hundred of them, a word that one row in a hundred
-- has is as good as unknown.
ALTER TABLE organisations ALTER COLUMN search_text SET STATISTICS 1000;
ALTER TABLE people ALTER COLUMN search_text SET STATISTICS 1000;
ALTER TABLE products ALTER COLUMN search_text SET STATISTICS 1000;
ALTER TABLE mandates ALTER COLUMN search_text SET STATISTICS 1000;
ALTER TABLE interactions ALTER COLUMN search_text SET STATISTICS 1000;
ALTER TABLE tasks ALTER COLUMN search_text SET STATISTICS 1000;

-- The indexes that are left out while an empty database is filled.
CREATE TABLE suspended_indexes (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    definition TEXT COLLATE "C" NOT NULL
);
