DELETE FROM relay WHERE name = 'webhooks';
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DELETE FROM notifications WHERE kind = 'webhook_disabled';
CREATE TABLE notifications_anew (
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
INSERT INTO notifications_anew (id, user_id, kind, priority, title, message, link, resource, record_id, occasion, position, ordinal, version, created_at, read_at, archived_at, expires_at) SELECT id, user_id, kind, priority, title, message, link, resource, record_id, occasion, position, ordinal, version, created_at, read_at, archived_at, expires_at FROM notifications;
DROP TABLE notifications;
ALTER TABLE notifications_anew RENAME TO notifications;
CREATE INDEX notifications_of_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL AND archived_at IS NULL;
CREATE INDEX notifications_waiting ON notifications (id) WHERE ordinal IS NULL;
CREATE INDEX notifications_position ON notifications (user_id, position);
CREATE INDEX notifications_expires_at ON notifications (expires_at);
