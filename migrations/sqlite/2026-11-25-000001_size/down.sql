DROP TABLE suspended_indexes;
DROP INDEX mandates_standing;
DROP INDEX organisations_pipeline;
