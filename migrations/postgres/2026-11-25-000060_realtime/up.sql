-- The relay is one instance at a time, and what it works out is kept: notifications in an order of their own, who has lost or
-- gained rights, tickets for sockets.

CREATE TABLE leases (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder UUID NOT NULL,
    held_until TIMESTAMPTZ NOT NULL
);

-- What is in the log already is nobody's news.
INSERT INTO relay (name, position) SELECT 'notified', position FROM relay WHERE name = 'changes';
INSERT INTO relay (name, position) VALUES ('notifications', 0), ('access', 0);

CREATE TABLE access_changes (
    position BIGINT NOT NULL PRIMARY KEY,
    user_id UUID REFERENCES users (id),
    role_id UUID REFERENCES roles (id),
    at TIMESTAMPTZ NOT NULL
);

CREATE TABLE notifications (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('task_assigned', 'task_due', 'task_overdue', 'task_completed', 'owner_changed', 'pipeline_signed', 'pipeline_lost', 'mandate_signed', 'mandate_expiring', 'import_finished', 'new_sign_in', 'role_changed')),
    priority TEXT COLLATE "C" NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
    title TEXT COLLATE "C" NOT NULL,
    message TEXT COLLATE "C" NOT NULL,
    link TEXT COLLATE "C",
    resource TEXT COLLATE "C",
    record_id UUID NOT NULL,
    occasion TIMESTAMPTZ NOT NULL,
    position BIGINT,
    ordinal BIGINT UNIQUE,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TIMESTAMPTZ NOT NULL,
    read_at TIMESTAMPTZ,
    archived_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT notifications_once UNIQUE (user_id, kind, record_id, occasion)
);

CREATE TABLE notification_preferences (
    user_id UUID NOT NULL REFERENCES users (id),
    kind TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, kind)
);

CREATE TABLE realtime_tickets (
    hash BYTEA NOT NULL PRIMARY KEY,
    session_id UUID REFERENCES sessions (id),
    api_key_id UUID REFERENCES api_keys (id),
    expires_at TIMESTAMPTZ NOT NULL
);

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
