-- Users, teams and roles become resources with lists; keys and reset tokens get their tables.
-- The empty keys of the rows that are there are filled by the program, which alone knows how text is folded.

-- A deleted role gives its name free.
ALTER TABLE roles DROP CONSTRAINT roles_name_key_key;
ALTER TABLE roles ADD COLUMN search_text TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE roles ADD COLUMN owner_id UUID REFERENCES users (id);
ALTER TABLE roles ADD COLUMN team_id UUID REFERENCES teams (id);
ALTER TABLE roles ADD COLUMN created_by UUID REFERENCES users (id);
ALTER TABLE roles ADD COLUMN updated_by UUID REFERENCES users (id);
ALTER TABLE roles ADD COLUMN deleted_at TIMESTAMPTZ;

ALTER TABLE teams ADD COLUMN search_text TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN search_text TEXT COLLATE "C" NOT NULL DEFAULT '';

-- A user is their own owner, and a team belongs to itself: so that reach own and team mean something for them.
UPDATE users SET owner_id = id WHERE owner_id IS NULL;
UPDATE teams SET team_id = id;

CREATE TABLE api_keys (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    name TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL UNIQUE,
    rules JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ
);

CREATE TABLE password_resets (
    hash BYTEA NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

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
