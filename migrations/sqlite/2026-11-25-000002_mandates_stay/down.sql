DROP TRIGGER mandates_fixed;
DROP TRIGGER mandates_replaced;
