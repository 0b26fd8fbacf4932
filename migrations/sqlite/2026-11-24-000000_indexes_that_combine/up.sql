-- SQLite has no such indexes; both trees have the same versions.
SELECT 1;
