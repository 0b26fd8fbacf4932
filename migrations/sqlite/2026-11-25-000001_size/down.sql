DROP INDEX mandates_standing;
DROP INDEX organisations_pipeline;
