-- Times are UTC in microseconds since 1970, ids are 16 bytes, amounts are minor units, dates are YYYY-MM-DD.
-- Columns that end in _key and search_text hold text folded by the domain, so that order and search are equal on both databases.

CREATE TABLE roles (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    rules TEXT NOT NULL CHECK (json_valid(rules)),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE teams (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    manager_id BLOB REFERENCES users (id) CHECK (length(manager_id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id BLOB CHECK (length(owner_id) = 16),
    team_id BLOB CHECK (length(team_id) = 16),
    created_at INTEGER NOT NULL,
    created_by BLOB CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB CHECK (length(updated_by) = 16),
    deleted_at INTEGER
) STRICT;

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    role_id BLOB NOT NULL REFERENCES roles (id) CHECK (length(role_id) = 16),
    locale TEXT NOT NULL CHECK (locale IN ('en', 'fr')),
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    last_login_at INTEGER,
    password_hash TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id BLOB REFERENCES users (id) CHECK (length(owner_id) = 16),
    team_id BLOB REFERENCES teams (id) CHECK (length(team_id) = 16),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER
) STRICT;

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    access_hash BLOB NOT NULL UNIQUE,
    access_expires_at INTEGER NOT NULL,
    refresh_expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    address TEXT,
    agent TEXT,
    ended_at INTEGER
) STRICT;

CREATE TABLE refresh_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL REFERENCES sessions (id) CHECK (length(session_id) = 16),
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;

CREATE TABLE organisations (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    type TEXT CHECK (type IN ('client', 'investor', 'supplier', 'distributor', 'issuer', 'other')),
    category TEXT CHECK (category IN ('institution', 'wholesale', 'asset_manager', 'independent_adviser', 'startup', 'corporation', 'other')),
    email TEXT,
    phone TEXT,
    website TEXT,
    address TEXT,
    city TEXT,
    city_key TEXT,
    postal_code TEXT,
    country_code TEXT CHECK (length(country_code) = 2),
    language TEXT CHECK (length(language) = 2),
    domicile TEXT CHECK (length(domicile) = 2),
    aum INTEGER,
    aum_date TEXT,
    strategies TEXT NOT NULL CHECK (json_valid(strategies)),
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    lei TEXT CHECK (length(lei) = 20),
    registration_number TEXT,
    licence_number TEXT,
    pipeline_stage TEXT NOT NULL CHECK (pipeline_stage IN ('lead', 'qualified', 'prospect', 'qualification', 'proposal', 'negotiation', 'signed', 'lost', 'inactive')),
    potential_amount INTEGER,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    signature_probability INTEGER CHECK (signature_probability BETWEEN 0 AND 100),
    signature_date TEXT,
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    description TEXT,
    notes TEXT,
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

CREATE TABLE people (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    first_name TEXT,
    first_name_key TEXT,
    last_name TEXT NOT NULL,
    last_name_key TEXT NOT NULL,
    full_name_key TEXT NOT NULL,
    email TEXT,
    email_key TEXT,
    personal_email TEXT,
    phone TEXT,
    mobile TEXT,
    job_title TEXT,
    country_code TEXT CHECK (length(country_code) = 2),
    language TEXT CHECK (length(language) = 2),
    linkedin_url TEXT,
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    consent INTEGER NOT NULL CHECK (consent IN (0, 1)),
    consent_date TEXT,
    notes TEXT,
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

CREATE TABLE links (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organisation_id BLOB NOT NULL REFERENCES organisations (id) CHECK (length(organisation_id) = 16),
    person_id BLOB NOT NULL REFERENCES people (id) CHECK (length(person_id) = 16),
    role TEXT CHECK (role IN ('main_contact', 'secondary_contact', 'decision_maker', 'technical', 'administrative', 'other')),
    is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
    job_title TEXT,
    work_email TEXT,
    work_phone TEXT,
    since TEXT,
    until TEXT,
    notes TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER,
    CONSTRAINT links_date_order CHECK (since <= until)
) STRICT;

CREATE TABLE imports (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    resource TEXT NOT NULL CHECK (resource IN ('organisations', 'people')),
    file_name TEXT NOT NULL,
    file_path TEXT,
    mapping TEXT NOT NULL CHECK (json_valid(mapping)),
    dry_run INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
    on_duplicate TEXT NOT NULL CHECK (on_duplicate IN ('update', 'fill', 'skip')),
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'reverting', 'reverted')),
    counts TEXT NOT NULL CHECK (json_valid(counts)),
    unmapped TEXT NOT NULL CHECK (json_valid(unmapped)),
    headers TEXT NOT NULL CHECK (json_valid(headers)),
    failure TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

CREATE TABLE import_errors (
    import_id BLOB NOT NULL REFERENCES imports (id) CHECK (length(import_id) = 16),
    number INTEGER NOT NULL,
    row_number INTEGER NOT NULL,
    line INTEGER NOT NULL,
    column_name TEXT,
    value TEXT,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    cells TEXT NOT NULL CHECK (json_valid(cells)),
    PRIMARY KEY (import_id, number)
) STRICT;

CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    position INTEGER UNIQUE,
    at INTEGER NOT NULL,
    actor_id BLOB REFERENCES users (id) CHECK (length(actor_id) = 16),
    reason TEXT,
    resource TEXT NOT NULL,
    record_id BLOB NOT NULL CHECK (length(record_id) = 16),
    version INTEGER NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('created', 'updated', 'deleted', 'restored')),
    event TEXT NOT NULL,
    fields TEXT NOT NULL CHECK (json_valid(fields)),
    request_id TEXT,
    import_id BLOB REFERENCES imports (id) CHECK (length(import_id) = 16),
    CONSTRAINT changes_record_version UNIQUE (record_id, version)
) STRICT;

CREATE TABLE relay (
    name TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    status INTEGER,
    location TEXT,
    etag TEXT,
    body BLOB,
    PRIMARY KEY (user_id, path, key)
) STRICT;

CREATE UNIQUE INDEX users_email ON users (email_key) WHERE deleted_at IS NULL;
CREATE INDEX users_team ON users (team_id);
CREATE UNIQUE INDEX teams_name ON teams (name_key) WHERE deleted_at IS NULL;
CREATE INDEX sessions_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE UNIQUE INDEX organisations_lei ON organisations (lei) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX organisations_licence_number ON organisations (licence_number) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_name_key ON organisations (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_city_key ON organisations (city_key, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_country_code ON organisations (country_code, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_aum ON organisations (aum, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_pipeline_stage ON organisations (pipeline_stage, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_potential_amount ON organisations (potential_amount, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_signature_date ON organisations (signature_date, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_created_at ON organisations (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_by_updated_at ON organisations (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX organisations_with_registration_number ON organisations (registration_number) WHERE deleted_at IS NULL AND registration_number IS NOT NULL;
CREATE INDEX organisations_with_email ON organisations (email) WHERE deleted_at IS NULL AND email IS NOT NULL;
CREATE INDEX organisations_with_phone ON organisations (phone) WHERE deleted_at IS NULL AND phone IS NOT NULL;
CREATE INDEX organisations_with_type ON organisations (type) WHERE deleted_at IS NULL AND type IS NOT NULL;
CREATE INDEX organisations_with_category ON organisations (category) WHERE deleted_at IS NULL AND category IS NOT NULL;
CREATE INDEX organisations_with_language ON organisations (language) WHERE deleted_at IS NULL AND language IS NOT NULL;
CREATE INDEX organisations_with_domicile ON organisations (domicile) WHERE deleted_at IS NULL AND domicile IS NOT NULL;
CREATE INDEX organisations_with_updated_by ON organisations (updated_by) WHERE deleted_at IS NULL AND updated_by IS NOT NULL;
CREATE INDEX organisations_with_postal_code ON organisations (postal_code) WHERE deleted_at IS NULL AND postal_code IS NOT NULL;
CREATE INDEX organisations_with_aum_date ON organisations (aum_date) WHERE deleted_at IS NULL AND aum_date IS NOT NULL;
CREATE INDEX organisations_with_owner_id ON organisations (owner_id) WHERE deleted_at IS NULL AND owner_id IS NOT NULL;
CREATE INDEX organisations_with_team_id ON organisations (team_id) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
CREATE INDEX organisations_with_created_by ON organisations (created_by) WHERE deleted_at IS NULL AND created_by IS NOT NULL;
CREATE UNIQUE INDEX people_email ON people (email_key) WHERE deleted_at IS NULL;
CREATE INDEX people_by_first_name_key ON people (first_name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX people_by_last_name_key ON people (last_name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX people_by_email_key ON people (email_key, id) WHERE deleted_at IS NULL;
CREATE INDEX people_by_country_code ON people (country_code, id) WHERE deleted_at IS NULL;
CREATE INDEX people_by_created_at ON people (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX people_by_updated_at ON people (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX people_with_full_name_key ON people (full_name_key) WHERE deleted_at IS NULL;
CREATE INDEX people_with_phone ON people (phone) WHERE deleted_at IS NULL AND phone IS NOT NULL;
CREATE INDEX people_with_language ON people (language) WHERE deleted_at IS NULL AND language IS NOT NULL;
CREATE INDEX people_with_updated_by ON people (updated_by) WHERE deleted_at IS NULL AND updated_by IS NOT NULL;
CREATE INDEX people_with_personal_email ON people (personal_email) WHERE deleted_at IS NULL AND personal_email IS NOT NULL;
CREATE INDEX people_with_job_title ON people (job_title) WHERE deleted_at IS NULL AND job_title IS NOT NULL;
CREATE INDEX people_with_consent_date ON people (consent_date) WHERE deleted_at IS NULL AND consent_date IS NOT NULL;
CREATE INDEX people_with_mobile ON people (mobile) WHERE deleted_at IS NULL AND mobile IS NOT NULL;
CREATE INDEX people_with_owner_id ON people (owner_id) WHERE deleted_at IS NULL AND owner_id IS NOT NULL;
CREATE INDEX people_with_team_id ON people (team_id) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
CREATE INDEX people_with_created_by ON people (created_by) WHERE deleted_at IS NULL AND created_by IS NOT NULL;
CREATE UNIQUE INDEX links_pair ON links (organisation_id, person_id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX links_primary ON links (organisation_id) WHERE deleted_at IS NULL AND is_primary;
CREATE INDEX links_person ON links (person_id, organisation_id) WHERE deleted_at IS NULL;
CREATE INDEX imports_by_created_at ON imports (created_at, id);
CREATE INDEX changes_unpositioned ON changes (sequence) WHERE position IS NULL;
CREATE INDEX changes_import ON changes (import_id, sequence) WHERE import_id IS NOT NULL;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE VIRTUAL TABLE organisations_search USING fts5 (
    search_text, content = 'organisations', content_rowid = 'sequence', tokenize = 'trigram', detail = 'none'
);
CREATE TRIGGER organisations_search_insert AFTER INSERT ON organisations BEGIN
    INSERT INTO organisations_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER organisations_search_update AFTER UPDATE OF search_text ON organisations WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO organisations_search (organisations_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
    INSERT INTO organisations_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER organisations_search_delete AFTER DELETE ON organisations BEGIN
    INSERT INTO organisations_search (organisations_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
END;

CREATE VIRTUAL TABLE people_search USING fts5 (
    search_text, content = 'people', content_rowid = 'sequence', tokenize = 'trigram', detail = 'none'
);
CREATE TRIGGER people_search_insert AFTER INSERT ON people BEGIN
    INSERT INTO people_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER people_search_update AFTER UPDATE OF search_text ON people WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO people_search (people_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
    INSERT INTO people_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER people_search_delete AFTER DELETE ON people BEGIN
    INSERT INTO people_search (people_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
END;


INSERT INTO relay (name, position) VALUES ('changes', 0);
INSERT INTO roles (id, name, name_key, rules, version, created_at, updated_at) VALUES
    (X'00000000000070008000000000000001', 'admin', 'admin', '[]', 1, 1767225600000000, 1767225600000000),
    (X'00000000000070008000000000000002', 'manager', 'manager', '[]', 1, 1767225600000000, 1767225600000000),
    (X'00000000000070008000000000000003', 'user', 'user', '[]', 1, 1767225600000000, 1767225600000000),
    (X'00000000000070008000000000000004', 'read_only', 'read only', '[]', 1, 1767225600000000, 1767225600000000);
