-- The relay is one instance at a time, and what it works out is kept: notifications in an order of their own, who has lost or
-- gained rights, tickets for sockets.

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL CHECK (length(holder) = 16),
    held_until INTEGER NOT NULL
) STRICT;

-- What is in the log already is nobody's news.
INSERT INTO relay (name, position) SELECT 'notified', position FROM relay WHERE name = 'changes';
INSERT INTO relay (name, position) VALUES ('notifications', 0), ('access', 0);

CREATE TABLE access_changes (
    position INTEGER NOT NULL PRIMARY KEY,
    user_id BLOB REFERENCES users (id) CHECK (length(user_id) = 16),
    role_id BLOB REFERENCES roles (id) CHECK (length(role_id) = 16),
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE notifications (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('task_assigned', 'task_due', 'task_overdue', 'task_completed', 'owner_changed', 'pipeline_signed', 'pipeline_lost', 'mandate_signed', 'mandate_expiring', 'import_finished', 'new_sign_in', 'role_changed')),
    priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    title TEXT NOT NULL,
    message TEXT NOT NULL,
    link TEXT,
    resource TEXT,
    record_id BLOB NOT NULL CHECK (length(record_id) = 16),
    occasion INTEGER NOT NULL,
    position INTEGER,
    ordinal INTEGER UNIQUE,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    read_at INTEGER,
    archived_at INTEGER,
    expires_at INTEGER NOT NULL,
    CONSTRAINT notifications_once UNIQUE (user_id, kind, record_id, occasion)
) STRICT;

CREATE TABLE notification_preferences (
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    kind TEXT NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT;

CREATE TABLE realtime_tickets (
    hash BLOB NOT NULL PRIMARY KEY,
    session_id BLOB REFERENCES sessions (id) CHECK (length(session_id) = 16),
    api_key_id BLOB REFERENCES api_keys (id) CHECK (length(api_key_id) = 16),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX access_changes_at ON access_changes (at);
CREATE INDEX notifications_of_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL AND archived_at IS NULL;
CREATE INDEX notifications_waiting ON notifications (id) WHERE ordinal IS NULL;
CREATE INDEX notifications_position ON notifications (user_id, position);
CREATE INDEX notifications_expires_at ON notifications (expires_at);
CREATE INDEX realtime_tickets_expires_at ON realtime_tickets (expires_at);
CREATE INDEX realtime_tickets_session ON realtime_tickets (session_id);
CREATE INDEX realtime_tickets_api_key ON realtime_tickets (api_key_id);
CREATE INDEX tasks_open_by_due_at ON tasks (due_at) WHERE deleted_at IS NULL AND assignee_id IS NOT NULL AND status IN ('todo', 'doing');
