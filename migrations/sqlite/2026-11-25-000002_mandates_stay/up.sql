-- A row that takes the place of another one, by REPLACE or by its id, would pass by the rules of how a status changes.
CREATE TRIGGER mandates_replaced BEFORE INSERT ON mandates
WHEN EXISTS (SELECT 1 FROM mandates WHERE id = new.id) BEGIN
    SELECT RAISE(ABORT, 'mandates_replaced');
END;
CREATE TRIGGER mandates_fixed BEFORE UPDATE OF id ON mandates
WHEN old.id <> new.id BEGIN
    SELECT RAISE(ABORT, 'mandates_fixed');
END;
