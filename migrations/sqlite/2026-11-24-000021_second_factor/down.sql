DROP TABLE recovery_codes;
DROP TABLE second_factors;
ALTER TABLE roles DROP COLUMN requires_second_factor;
