-- Times are UTC with microseconds.
-- Columns that end in _key and search_text hold text folded by the domain, so that order and search are equal on both databases.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE roles (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    rules JSONB NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE teams (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    manager_id UUID,
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID,
    team_id UUID,
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID,
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID,
    deleted_at TIMESTAMPTZ
);

CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role_id UUID NOT NULL REFERENCES roles (id),
    locale TEXT COLLATE "C" NOT NULL CHECK (locale IN ('en', 'fr')),
    is_active BOOLEAN NOT NULL,
    last_login_at TIMESTAMPTZ,
    password_hash TEXT COLLATE "C",
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID REFERENCES users (id),
    team_id UUID REFERENCES teams (id),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ
);

CREATE TABLE sessions (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    access_hash BYTEA NOT NULL UNIQUE,
    access_expires_at TIMESTAMPTZ NOT NULL,
    refresh_expires_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    address TEXT COLLATE "C",
    agent TEXT COLLATE "C",
    ended_at TIMESTAMPTZ
);

CREATE TABLE refresh_tokens (
    hash BYTEA NOT NULL PRIMARY KEY,
    session_id UUID NOT NULL REFERENCES sessions (id),
    created_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

CREATE TABLE organisations (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" CHECK (type IN ('client', 'investor', 'supplier', 'distributor', 'issuer', 'other')),
    category TEXT COLLATE "C" CHECK (category IN ('institution', 'wholesale', 'asset_manager', 'independent_adviser', 'startup', 'corporation', 'other')),
    email TEXT COLLATE "C",
    phone TEXT COLLATE "C",
    website TEXT COLLATE "C",
    address TEXT COLLATE "C",
    city TEXT COLLATE "C",
    city_key TEXT COLLATE "C",
    postal_code TEXT COLLATE "C",
    country_code TEXT COLLATE "C" CHECK (length(country_code) = 2),
    language TEXT COLLATE "C" CHECK (length(language) = 2),
    domicile TEXT COLLATE "C" CHECK (length(domicile) = 2),
    aum BIGINT,
    aum_date DATE,
    strategies JSONB NOT NULL,
    tags JSONB NOT NULL,
    lei TEXT COLLATE "C" CHECK (length(lei) = 20),
    registration_number TEXT COLLATE "C",
    licence_number TEXT COLLATE "C",
    pipeline_stage TEXT COLLATE "C" NOT NULL CHECK (pipeline_stage IN ('lead', 'qualified', 'prospect', 'qualification', 'proposal', 'negotiation', 'signed', 'lost', 'inactive')),
    potential_amount BIGINT,
    currency TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    signature_probability SMALLINT CHECK (signature_probability BETWEEN 0 AND 100),
    signature_date DATE,
    is_active BOOLEAN NOT NULL,
    description TEXT COLLATE "C",
    notes TEXT COLLATE "C",
    search_text TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID REFERENCES users (id),
    team_id UUID REFERENCES teams (id),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ
);

CREATE TABLE people (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL UNIQUE,
    first_name TEXT COLLATE "C",
    first_name_key TEXT COLLATE "C",
    last_name TEXT COLLATE "C" NOT NULL,
    last_name_key TEXT COLLATE "C" NOT NULL,
    full_name_key TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    email_key TEXT COLLATE "C",
    personal_email TEXT COLLATE "C",
    phone TEXT COLLATE "C",
    mobile TEXT COLLATE "C",
    job_title TEXT COLLATE "C",
    country_code TEXT COLLATE "C" CHECK (length(country_code) = 2),
    language TEXT COLLATE "C" CHECK (length(language) = 2),
    linkedin_url TEXT COLLATE "C",
    tags JSONB NOT NULL,
    is_active BOOLEAN NOT NULL,
    consent BOOLEAN NOT NULL,
    consent_date DATE,
    notes TEXT COLLATE "C",
    search_text TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID REFERENCES users (id),
    team_id UUID REFERENCES teams (id),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ
);

CREATE TABLE links (
    id UUID NOT NULL PRIMARY KEY,
    organisation_id UUID NOT NULL REFERENCES organisations (id),
    person_id UUID NOT NULL REFERENCES people (id),
    role TEXT COLLATE "C" CHECK (role IN ('main_contact', 'secondary_contact', 'decision_maker', 'technical', 'administrative', 'other')),
    is_primary BOOLEAN NOT NULL,
    job_title TEXT COLLATE "C",
    work_email TEXT COLLATE "C",
    work_phone TEXT COLLATE "C",
    since DATE,
    until DATE,
    notes TEXT COLLATE "C",
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ,
    CONSTRAINT links_date_order CHECK (since <= until)
);

CREATE TABLE imports (
    id UUID NOT NULL PRIMARY KEY,
    resource TEXT COLLATE "C" NOT NULL CHECK (resource IN ('organisations', 'people')),
    file_name TEXT COLLATE "C" NOT NULL,
    file_path TEXT COLLATE "C",
    mapping JSONB NOT NULL,
    dry_run BOOLEAN NOT NULL,
    on_duplicate TEXT COLLATE "C" NOT NULL CHECK (on_duplicate IN ('update', 'fill', 'skip')),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'reverting', 'reverted')),
    counts JSONB NOT NULL,
    unmapped JSONB NOT NULL,
    headers JSONB NOT NULL,
    failure TEXT COLLATE "C",
    version BIGINT NOT NULL CHECK (version >= 1),
    created_by UUID REFERENCES users (id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);

CREATE TABLE import_errors (
    import_id UUID NOT NULL REFERENCES imports (id),
    number BIGINT NOT NULL,
    row_number BIGINT NOT NULL,
    line BIGINT NOT NULL,
    column_name TEXT COLLATE "C",
    value TEXT COLLATE "C",
    code TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    cells JSONB NOT NULL,
    PRIMARY KEY (import_id, number)
);

CREATE TABLE changes (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position BIGINT UNIQUE,
    at TIMESTAMPTZ NOT NULL,
    actor_id UUID REFERENCES users (id),
    reason TEXT COLLATE "C",
    resource TEXT COLLATE "C" NOT NULL,
    record_id UUID NOT NULL,
    version BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL CHECK (action IN ('created', 'updated', 'deleted', 'restored')),
    event TEXT COLLATE "C" NOT NULL,
    fields JSONB NOT NULL,
    request_id TEXT COLLATE "C",
    import_id UUID REFERENCES imports (id),
    CONSTRAINT changes_record_version UNIQUE (record_id, version)
);

CREATE TABLE relay (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    user_id UUID NOT NULL REFERENCES users (id),
    path TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    body_hash BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    status SMALLINT,
    location TEXT COLLATE "C",
    etag TEXT COLLATE "C",
    body BYTEA,
    PRIMARY KEY (user_id, path, key)
);

ALTER TABLE teams
    ADD FOREIGN KEY (manager_id) REFERENCES users (id);

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

CREATE INDEX organisations_search ON organisations USING gin (search_text gin_trgm_ops) WHERE deleted_at IS NULL;
CREATE INDEX people_search ON people USING gin (search_text gin_trgm_ops) WHERE deleted_at IS NULL;
CREATE INDEX organisations_tags ON organisations USING gin (tags) WHERE deleted_at IS NULL;
CREATE INDEX organisations_strategies ON organisations USING gin (strategies) WHERE deleted_at IS NULL;
CREATE INDEX people_tags ON people USING gin (tags) WHERE deleted_at IS NULL;

INSERT INTO relay (name, position) VALUES ('changes', 0);
INSERT INTO roles (id, name, name_key, rules, version, created_at, updated_at) VALUES
    ('00000000-0000-7000-8000-000000000001', 'admin', 'admin', '[]', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
    ('00000000-0000-7000-8000-000000000002', 'manager', 'manager', '[]', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
    ('00000000-0000-7000-8000-000000000003', 'user', 'user', '[]', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
    ('00000000-0000-7000-8000-000000000004', 'read_only', 'read only', '[]', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
