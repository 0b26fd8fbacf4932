-- Webhooks: where changes are sent to, and each delivery with what came of it. A change is delivered once to an endpoint, by a
-- unique key; who serves an endpoint now holds its row, so that no two instances send the same at the same time.

CREATE TABLE webhooks (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL CHECK (json_valid(events)),
    owner_id BLOB NOT NULL REFERENCES users (id) CHECK (length(owner_id) = 16),
    is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
    disabled_reason TEXT CHECK (disabled_reason IN ('asked', 'gone', 'failing')),
    disabled_at INTEGER,
    secret BLOB NOT NULL,
    previous_secret BLOB,
    previous_until INTEGER,
    starts_after INTEGER NOT NULL,
    failing_since INTEGER,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    paused_until INTEGER,
    held_by BLOB CHECK (length(held_by) = 16),
    held_until INTEGER,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT webhooks_disabled CHECK (is_enabled = (disabled_reason IS NULL))
) STRICT;

CREATE TABLE webhook_deliveries (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    webhook_id BLOB NOT NULL REFERENCES webhooks (id) CHECK (length(webhook_id) = 16),
    position INTEGER,
    event TEXT NOT NULL,
    resource TEXT,
    record_id BLOB CHECK (length(record_id) = 16),
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'withheld')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    next_attempt_at INTEGER,
    last_attempt_at INTEGER,
    status INTEGER,
    error TEXT,
    duration_milliseconds INTEGER,
    answer TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    CONSTRAINT webhook_deliveries_once UNIQUE (webhook_id, position),
    CONSTRAINT webhook_deliveries_waiting CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL))
) STRICT;

CREATE INDEX webhooks_owner ON webhooks (owner_id);
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);

-- What is in the log already is nobody's news.
INSERT INTO relay (name, position) SELECT 'webhooks', position FROM relay WHERE name = 'changes';

-- Whoever owns a webhook is told when it is switched off.
CREATE TABLE notifications_anew (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    kind TEXT NOT NULL CHECK (kind IN ('task_assigned', 'task_due', 'task_overdue', 'task_completed', 'owner_changed', 'pipeline_signed', 'pipeline_lost', 'mandate_signed', 'mandate_expiring', 'import_finished', 'new_sign_in', 'role_changed', 'webhook_disabled')),
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
INSERT INTO notifications_anew (id, user_id, kind, priority, title, message, link, resource, record_id, occasion, position, ordinal, version, created_at, read_at, archived_at, expires_at) SELECT id, user_id, kind, priority, title, message, link, resource, record_id, occasion, position, ordinal, version, created_at, read_at, archived_at, expires_at FROM notifications;
DROP TABLE notifications;
ALTER TABLE notifications_anew RENAME TO notifications;
CREATE INDEX notifications_of_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL AND archived_at IS NULL;
CREATE INDEX notifications_waiting ON notifications (id) WHERE ordinal IS NULL;
CREATE INDEX notifications_position ON notifications (user_id, position);
CREATE INDEX notifications_expires_at ON notifications (expires_at);
