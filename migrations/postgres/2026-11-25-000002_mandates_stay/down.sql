DROP TRIGGER mandates_fixed ON mandates;
