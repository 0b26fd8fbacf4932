-- Interactions with those who took part, tasks, and when something last happened with an organisation or a person.

CREATE TABLE interactions (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL UNIQUE,
    type TEXT COLLATE "C" NOT NULL CHECK (type IN ('call', 'email', 'meeting', 'webinar', 'visit', 'other')),
    occurred_at TIMESTAMPTZ NOT NULL,
    occurred_month BIGINT NOT NULL,
    duration_minutes SMALLINT CHECK (duration_minutes BETWEEN 0 AND 10080),
    subject TEXT COLLATE "C" NOT NULL,
    subject_key TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C",
    outcome TEXT COLLATE "C",
    organisation_id UUID REFERENCES organisations (id),
    product_id UUID REFERENCES products (id),
    search_text TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID REFERENCES users (id),
    team_id UUID REFERENCES teams (id),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ,
    CONSTRAINT interactions_subject CHECK (organisation_id IS NOT NULL OR product_id IS NOT NULL)
);

-- The time is that of the interaction: one walk of an index lists those of a person, newest first.
CREATE TABLE interaction_people (
    interaction_id UUID NOT NULL REFERENCES interactions (id),
    person_id UUID NOT NULL REFERENCES people (id),
    occurred_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (interaction_id, person_id)
);

CREATE TABLE interaction_users (
    interaction_id UUID NOT NULL REFERENCES interactions (id),
    user_id UUID NOT NULL REFERENCES users (id),
    occurred_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (interaction_id, user_id)
);

CREATE TABLE tasks (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL UNIQUE,
    title TEXT COLLATE "C" NOT NULL,
    title_key TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    due_at TIMESTAMPTZ,
    priority TEXT COLLATE "C" NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('todo', 'doing', 'done', 'cancelled')),
    assignee_id UUID REFERENCES users (id),
    completed_at TIMESTAMPTZ,
    organisation_id UUID REFERENCES organisations (id),
    person_id UUID REFERENCES people (id),
    mandate_id UUID REFERENCES mandates (id),
    interaction_id UUID REFERENCES interactions (id),
    recurrence TEXT COLLATE "C",
    previous_task_id UUID REFERENCES tasks (id),
    search_text TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID REFERENCES users (id),
    team_id UUID REFERENCES teams (id),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ,
    CONSTRAINT tasks_completed CHECK ((status = 'done') = (completed_at IS NOT NULL)),
    CONSTRAINT tasks_recurrence_due CHECK (recurrence IS NULL OR due_at IS NOT NULL),
    CONSTRAINT tasks_one_subject CHECK (CASE WHEN organisation_id IS NULL THEN 0 ELSE 1 END + CASE WHEN person_id IS NULL THEN 0 ELSE 1 END + CASE WHEN mandate_id IS NULL THEN 0 ELSE 1 END + CASE WHEN interaction_id IS NULL THEN 0 ELSE 1 END <= 1)
);

ALTER TABLE organisations ADD COLUMN last_activity_at TIMESTAMPTZ;
ALTER TABLE people ADD COLUMN last_activity_at TIMESTAMPTZ;

CREATE INDEX organisations_by_last_activity_at ON organisations (last_activity_at, id) WHERE deleted_at IS NULL;
CREATE INDEX people_by_last_activity_at ON people (last_activity_at, id) WHERE deleted_at IS NULL;
CREATE INDEX interactions_by_occurred_at ON interactions (occurred_at, id) WHERE deleted_at IS NULL;
CREATE INDEX interactions_by_subject_key ON interactions (subject_key, id) WHERE deleted_at IS NULL;
CREATE INDEX interactions_by_created_at ON interactions (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX interactions_by_updated_at ON interactions (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX interactions_by_month ON interactions (occurred_month, type) WHERE deleted_at IS NULL;
CREATE INDEX interactions_with_type ON interactions (type, occurred_at, id) WHERE deleted_at IS NULL;
CREATE INDEX interactions_with_organisation_id ON interactions (organisation_id, occurred_at, id) WHERE deleted_at IS NULL AND organisation_id IS NOT NULL;
CREATE INDEX interactions_with_product_id ON interactions (product_id, occurred_at, id) WHERE deleted_at IS NULL AND product_id IS NOT NULL;
CREATE INDEX interactions_with_duration_minutes ON interactions (duration_minutes) WHERE deleted_at IS NULL AND duration_minutes IS NOT NULL;
CREATE INDEX interactions_with_owner_id ON interactions (owner_id) WHERE deleted_at IS NULL AND owner_id IS NOT NULL;
CREATE INDEX interactions_with_team_id ON interactions (team_id) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
CREATE INDEX interactions_with_created_by ON interactions (created_by) WHERE deleted_at IS NULL AND created_by IS NOT NULL;
CREATE INDEX interactions_with_updated_by ON interactions (updated_by) WHERE deleted_at IS NULL AND updated_by IS NOT NULL;
CREATE INDEX interaction_people_person ON interaction_people (person_id, occurred_at, interaction_id);
CREATE INDEX interaction_users_user ON interaction_users (user_id, occurred_at, interaction_id);
-- One task comes after another, also of those that have been deleted: completing a task again makes no second one.
CREATE UNIQUE INDEX tasks_previous ON tasks (previous_task_id);
CREATE INDEX tasks_by_title_key ON tasks (title_key, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_due_at ON tasks (due_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_completed_at ON tasks (completed_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_created_at ON tasks (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_by_updated_at ON tasks (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_with_status ON tasks (status, due_at) WHERE deleted_at IS NULL;
CREATE INDEX tasks_with_priority ON tasks (priority) WHERE deleted_at IS NULL;
CREATE INDEX tasks_with_assignee_id ON tasks (assignee_id, due_at, id) WHERE deleted_at IS NULL AND assignee_id IS NOT NULL;
CREATE INDEX tasks_with_assignee_by_created_at ON tasks (assignee_id, created_at, id) WHERE deleted_at IS NULL AND assignee_id IS NOT NULL;
CREATE INDEX tasks_with_organisation_id ON tasks (organisation_id, created_at, id) WHERE deleted_at IS NULL AND organisation_id IS NOT NULL;
CREATE INDEX tasks_with_person_id ON tasks (person_id, created_at, id) WHERE deleted_at IS NULL AND person_id IS NOT NULL;
CREATE INDEX tasks_with_mandate_id ON tasks (mandate_id) WHERE deleted_at IS NULL AND mandate_id IS NOT NULL;
CREATE INDEX tasks_with_interaction_id ON tasks (interaction_id) WHERE deleted_at IS NULL AND interaction_id IS NOT NULL;
CREATE INDEX tasks_with_recurrence ON tasks (recurrence) WHERE deleted_at IS NULL AND recurrence IS NOT NULL;
CREATE INDEX tasks_with_owner_id ON tasks (owner_id) WHERE deleted_at IS NULL AND owner_id IS NOT NULL;
CREATE INDEX tasks_with_team_id ON tasks (team_id) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
CREATE INDEX tasks_with_created_by ON tasks (created_by) WHERE deleted_at IS NULL AND created_by IS NOT NULL;
CREATE INDEX tasks_with_updated_by ON tasks (updated_by) WHERE deleted_at IS NULL AND updated_by IS NOT NULL;

CREATE INDEX interactions_search ON interactions USING gin (search_text gin_trgm_ops);
CREATE INDEX tasks_search ON tasks USING gin (search_text gin_trgm_ops);
