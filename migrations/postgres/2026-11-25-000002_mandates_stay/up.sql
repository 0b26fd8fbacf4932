-- A row that takes the id of another one would pass by the rules of how a status changes. (It has no REPLACE.)
CREATE TRIGGER mandates_fixed BEFORE UPDATE OF id ON mandates FOR EACH ROW
    WHEN (old.id <> new.id)
    EXECUTE FUNCTION refuse('mandates_fixed');
