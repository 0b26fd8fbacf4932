-- Interactions with those who took part, tasks, and when something last happened with an organisation or a person.

CREATE TABLE interactions (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    type TEXT NOT NULL CHECK (type IN ('call', 'email', 'meeting', 'webinar', 'visit', 'other')),
    occurred_at INTEGER NOT NULL,
    occurred_month INTEGER NOT NULL,
    duration_minutes INTEGER CHECK (duration_minutes BETWEEN 0 AND 10080),
    subject TEXT NOT NULL,
    subject_key TEXT NOT NULL,
    body TEXT,
    outcome TEXT,
    organisation_id BLOB REFERENCES organisations (id) CHECK (length(organisation_id) = 16),
    product_id BLOB REFERENCES products (id) CHECK (length(product_id) = 16),
    search_text TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id BLOB REFERENCES users (id) CHECK (length(owner_id) = 16),
    team_id BLOB REFERENCES teams (id) CHECK (length(team_id) = 16),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER,
    CONSTRAINT interactions_subject CHECK (organisation_id IS NOT NULL OR product_id IS NOT NULL)
) STRICT;

-- The time is that of the interaction: one walk of an index lists those of a person, newest first.
CREATE TABLE interaction_people (
    interaction_id BLOB NOT NULL REFERENCES interactions (id) CHECK (length(interaction_id) = 16),
    person_id BLOB NOT NULL REFERENCES people (id) CHECK (length(person_id) = 16),
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (interaction_id, person_id)
) STRICT;

CREATE TABLE interaction_users (
    interaction_id BLOB NOT NULL REFERENCES interactions (id) CHECK (length(interaction_id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (interaction_id, user_id)
) STRICT;

CREATE TABLE tasks (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    description TEXT,
    due_at INTEGER,
    priority TEXT NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    status TEXT NOT NULL CHECK (status IN ('todo', 'doing', 'done', 'cancelled')),
    assignee_id BLOB REFERENCES users (id) CHECK (length(assignee_id) = 16),
    completed_at INTEGER,
    organisation_id BLOB REFERENCES organisations (id) CHECK (length(organisation_id) = 16),
    person_id BLOB REFERENCES people (id) CHECK (length(person_id) = 16),
    mandate_id BLOB REFERENCES mandates (id) CHECK (length(mandate_id) = 16),
    interaction_id BLOB REFERENCES interactions (id) CHECK (length(interaction_id) = 16),
    recurrence TEXT,
    previous_task_id BLOB REFERENCES tasks (id) CHECK (length(previous_task_id) = 16),
    search_text TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id BLOB REFERENCES users (id) CHECK (length(owner_id) = 16),
    team_id BLOB REFERENCES teams (id) CHECK (length(team_id) = 16),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER,
    CONSTRAINT tasks_completed CHECK ((status = 'done') = (completed_at IS NOT NULL)),
    CONSTRAINT tasks_recurrence_due CHECK (recurrence IS NULL OR due_at IS NOT NULL),
    CONSTRAINT tasks_one_subject CHECK (CASE WHEN organisation_id IS NULL THEN 0 ELSE 1 END + CASE WHEN person_id IS NULL THEN 0 ELSE 1 END + CASE WHEN mandate_id IS NULL THEN 0 ELSE 1 END + CASE WHEN interaction_id IS NULL THEN 0 ELSE 1 END <= 1)
) STRICT;

ALTER TABLE organisations ADD COLUMN last_activity_at INTEGER;
ALTER TABLE people ADD COLUMN last_activity_at INTEGER;

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

CREATE VIRTUAL TABLE interactions_search USING fts5 (
    search_text, content = 'interactions', content_rowid = 'sequence', tokenize = 'trigram', detail = 'none'
);
CREATE TRIGGER interactions_search_insert AFTER INSERT ON interactions BEGIN
    INSERT INTO interactions_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER interactions_search_update AFTER UPDATE OF search_text ON interactions WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO interactions_search (interactions_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
    INSERT INTO interactions_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER interactions_search_delete AFTER DELETE ON interactions BEGIN
    INSERT INTO interactions_search (interactions_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
END;

CREATE VIRTUAL TABLE tasks_search USING fts5 (
    search_text, content = 'tasks', content_rowid = 'sequence', tokenize = 'trigram', detail = 'none'
);
CREATE TRIGGER tasks_search_insert AFTER INSERT ON tasks BEGIN
    INSERT INTO tasks_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER tasks_search_update AFTER UPDATE OF search_text ON tasks WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO tasks_search (tasks_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
    INSERT INTO tasks_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER tasks_search_delete AFTER DELETE ON tasks BEGIN
    INSERT INTO tasks_search (tasks_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
END;
