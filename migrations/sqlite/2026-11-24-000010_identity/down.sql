DROP TABLE password_resets;
DROP TABLE api_keys;
DROP INDEX users_with_role_id;
DROP INDEX users_by_updated_at;
DROP INDEX users_by_created_at;
DROP INDEX users_by_last_login_at;
DROP INDEX users_by_name_key;
DROP INDEX teams_by_updated_at;
DROP INDEX teams_by_created_at;
ALTER TABLE users DROP COLUMN search_text;
ALTER TABLE users DROP COLUMN name_key;
ALTER TABLE teams DROP COLUMN search_text;

-- Two deleted roles may have had one name: a deleted one is told apart by its id.
PRAGMA defer_foreign_keys = ON;
CREATE TEMPORARY TABLE roles_before AS SELECT * FROM roles;
DROP TABLE roles;
CREATE TABLE roles (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    rules TEXT NOT NULL CHECK (json_valid(rules)),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO roles (id, name, name_key, rules, version, created_at, updated_at)
    SELECT id, name, CASE WHEN deleted_at IS NULL THEN name_key ELSE name_key || ' ' || lower(hex(id)) END, rules, version,
        created_at, updated_at FROM roles_before;
DROP TABLE roles_before;
