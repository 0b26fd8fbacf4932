DROP TABLE password_resets;
DROP TABLE api_keys;
DROP INDEX users_with_role_id;
DROP INDEX users_by_updated_at;
DROP INDEX users_by_created_at;
DROP INDEX users_by_last_login_at;
DROP INDEX users_by_name_key;
DROP INDEX teams_by_updated_at;
DROP INDEX teams_by_created_at;
DROP INDEX roles_by_updated_at;
DROP INDEX roles_by_created_at;
DROP INDEX roles_name;
ALTER TABLE users DROP COLUMN search_text;
ALTER TABLE users DROP COLUMN name_key;
ALTER TABLE teams DROP COLUMN search_text;

-- Two deleted roles may have had one name: a deleted one is told apart by its id.
UPDATE roles SET name_key = name_key || ' ' || id WHERE deleted_at IS NOT NULL;
ALTER TABLE roles DROP COLUMN deleted_at;
ALTER TABLE roles DROP COLUMN updated_by;
ALTER TABLE roles DROP COLUMN created_by;
ALTER TABLE roles DROP COLUMN team_id;
ALTER TABLE roles DROP COLUMN owner_id;
ALTER TABLE roles DROP COLUMN search_text;
ALTER TABLE roles ADD CONSTRAINT roles_name_key_key UNIQUE (name_key);
