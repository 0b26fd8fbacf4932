-- Webhooks: where changes are sent to, and each delivery with what came of it. A change is delivered once to an endpoint, by a
-- unique key; who serves an endpoint now holds its row, so that no two instances send the same at the same time.

CREATE TABLE webhooks (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    events JSONB NOT NULL,
    owner_id UUID NOT NULL REFERENCES users (id),
    is_enabled BOOLEAN NOT NULL,
    disabled_reason TEXT COLLATE "C" CHECK (disabled_reason IN ('asked', 'gone', 'failing')),
    disabled_at TIMESTAMPTZ,
    secret BYTEA NOT NULL,
    previous_secret BYTEA,
    previous_until TIMESTAMPTZ,
    starts_after BIGINT NOT NULL,
    failing_since TIMESTAMPTZ,
    failures BIGINT NOT NULL CHECK (failures >= 0),
    paused_until TIMESTAMPTZ,
    held_by UUID,
    held_until TIMESTAMPTZ,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT webhooks_disabled CHECK (is_enabled = (disabled_reason IS NULL))
);

CREATE TABLE webhook_deliveries (
    id UUID NOT NULL PRIMARY KEY,
    webhook_id UUID NOT NULL REFERENCES webhooks (id),
    position BIGINT,
    event TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C",
    record_id UUID,
    body TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'withheld')),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    next_attempt_at TIMESTAMPTZ,
    last_attempt_at TIMESTAMPTZ,
    status BIGINT,
    error TEXT COLLATE "C",
    duration_milliseconds BIGINT,
    answer TEXT COLLATE "C",
    created_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    CONSTRAINT webhook_deliveries_once UNIQUE (webhook_id, position),
    CONSTRAINT webhook_deliveries_waiting CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL))
);

CREATE INDEX webhooks_owner ON webhooks (owner_id);
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);

-- What is in the log already is nobody's news.
INSERT INTO relay (name, position) SELECT 'webhooks', position FROM relay WHERE name = 'changes';

-- Whoever owns a webhook is told when it is switched off.
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN ('task_assigned', 'task_due', 'task_overdue', 'task_completed', 'owner_changed', 'pipeline_signed', 'pipeline_lost', 'mandate_signed', 'mandate_expiring', 'import_finished', 'new_sign_in', 'role_changed', 'webhook_disabled'));
