-- Users, teams and roles become resources with lists; keys and reset tokens get their tables.
-- The empty keys of the rows that are there are filled by the program, which alone knows how text is folded.

-- A deleted role gives its name free, which the unique column of before would not. Only a new table is without it.
PRAGMA defer_foreign_keys = ON;
CREATE TEMPORARY TABLE roles_before AS SELECT * FROM roles;
DROP TABLE roles;
CREATE TABLE roles (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    rules TEXT NOT NULL CHECK (json_valid(rules)),
    search_text TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id BLOB REFERENCES users (id) CHECK (length(owner_id) = 16),
    team_id BLOB REFERENCES teams (id) CHECK (length(team_id) = 16),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER
) STRICT;
INSERT INTO roles (id, name, name_key, rules, search_text, version, created_at, updated_at)
    SELECT id, name, name_key, rules, '', version, created_at, updated_at FROM roles_before;
DROP TABLE roles_before;

ALTER TABLE teams ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL DEFAULT '';

-- A user is their own owner, and a team belongs to itself: so that reach own and team mean something for them.
UPDATE users SET owner_id = id WHERE owner_id IS NULL;
UPDATE teams SET team_id = id;

CREATE TABLE api_keys (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL UNIQUE,
    rules TEXT NOT NULL CHECK (json_valid(rules)),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER,
    ended_at INTEGER
) STRICT;

CREATE TABLE password_resets (
    hash BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX roles_name ON roles (name_key) WHERE deleted_at IS NULL;
CREATE INDEX roles_by_created_at ON roles (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX roles_by_updated_at ON roles (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX teams_by_created_at ON teams (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX teams_by_updated_at ON teams (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_name_key ON users (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_last_login_at ON users (last_login_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_created_at ON users (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_by_updated_at ON users (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX users_with_role_id ON users (role_id) WHERE deleted_at IS NULL;
CREATE INDEX api_keys_user ON api_keys (user_id, id);
CREATE INDEX api_keys_expires_at ON api_keys (expires_at);
CREATE INDEX password_resets_user ON password_resets (user_id);
CREATE INDEX password_resets_expires_at ON password_resets (expires_at);
