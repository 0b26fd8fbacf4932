-- Products, mandates, and which product is sold under which mandate.
-- A product is attached only while the mandate is signed or active, and a mandate moves proposed, signed, active, ended
-- only. The domain says so first; the triggers hold it against any statement.

CREATE TABLE products (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    isin TEXT CHECK (length(isin) = 12),
    type TEXT CHECK (type IN ('ucits', 'fcp', 'sicav', 'etf', 'alternative', 'other')),
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'pending')),
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

CREATE TABLE mandates (
    sequence INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    organisation_id BLOB NOT NULL REFERENCES organisations (id) CHECK (length(organisation_id) = 16),
    number TEXT,
    number_key TEXT,
    status TEXT NOT NULL CHECK (status IN ('proposed', 'signed', 'active', 'ended')),
    signed_on TEXT,
    starts_on TEXT,
    ends_on TEXT,
    notes TEXT,
    search_text TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    owner_id BLOB REFERENCES users (id) CHECK (length(owner_id) = 16),
    team_id BLOB REFERENCES teams (id) CHECK (length(team_id) = 16),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER,
    CONSTRAINT mandates_signed_on_known CHECK (status = 'proposed' OR signed_on IS NOT NULL),
    CONSTRAINT mandates_signed_before_start CHECK (signed_on <= starts_on),
    CONSTRAINT mandates_start_before_end CHECK (starts_on <= ends_on),
    CONSTRAINT mandates_signed_before_end CHECK (signed_on <= ends_on)
) STRICT;

-- Detaching sets deleted_at: what was once sold under a mandate stays on record.
CREATE TABLE mandate_products (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    mandate_id BLOB NOT NULL REFERENCES mandates (id) CHECK (length(mandate_id) = 16),
    product_id BLOB NOT NULL REFERENCES products (id) CHECK (length(product_id) = 16),
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at INTEGER NOT NULL,
    created_by BLOB REFERENCES users (id) CHECK (length(created_by) = 16),
    updated_at INTEGER NOT NULL,
    updated_by BLOB REFERENCES users (id) CHECK (length(updated_by) = 16),
    deleted_at INTEGER
) STRICT;

CREATE UNIQUE INDEX products_isin ON products (isin) WHERE deleted_at IS NULL;
CREATE INDEX products_by_name_key ON products (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_isin ON products (isin, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_type ON products (type, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_status ON products (status, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_created_at ON products (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX products_by_updated_at ON products (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX products_with_owner_id ON products (owner_id) WHERE deleted_at IS NULL AND owner_id IS NOT NULL;
CREATE INDEX products_with_team_id ON products (team_id) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
CREATE INDEX products_with_created_by ON products (created_by) WHERE deleted_at IS NULL AND created_by IS NOT NULL;
CREATE INDEX products_with_updated_by ON products (updated_by) WHERE deleted_at IS NULL AND updated_by IS NOT NULL;
CREATE INDEX mandates_by_number_key ON mandates (number_key, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_by_status ON mandates (status, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_by_signed_on ON mandates (signed_on, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_by_starts_on ON mandates (starts_on, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_by_ends_on ON mandates (ends_on, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_by_created_at ON mandates (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_by_updated_at ON mandates (updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_with_organisation_id ON mandates (organisation_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX mandates_with_owner_id ON mandates (owner_id) WHERE deleted_at IS NULL AND owner_id IS NOT NULL;
CREATE INDEX mandates_with_team_id ON mandates (team_id) WHERE deleted_at IS NULL AND team_id IS NOT NULL;
CREATE INDEX mandates_with_created_by ON mandates (created_by) WHERE deleted_at IS NULL AND created_by IS NOT NULL;
CREATE INDEX mandates_with_updated_by ON mandates (updated_by) WHERE deleted_at IS NULL AND updated_by IS NOT NULL;
CREATE UNIQUE INDEX mandate_products_pair ON mandate_products (mandate_id, product_id) WHERE deleted_at IS NULL;
CREATE INDEX mandate_products_product ON mandate_products (product_id, mandate_id) WHERE deleted_at IS NULL;

CREATE VIRTUAL TABLE products_search USING fts5 (
    search_text, content = 'products', content_rowid = 'sequence', tokenize = 'trigram', detail = 'none'
);
CREATE TRIGGER products_search_insert AFTER INSERT ON products BEGIN
    INSERT INTO products_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER products_search_update AFTER UPDATE OF search_text ON products WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO products_search (products_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
    INSERT INTO products_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER products_search_delete AFTER DELETE ON products BEGIN
    INSERT INTO products_search (products_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
END;

CREATE VIRTUAL TABLE mandates_search USING fts5 (
    search_text, content = 'mandates', content_rowid = 'sequence', tokenize = 'trigram', detail = 'none'
);
CREATE TRIGGER mandates_search_insert AFTER INSERT ON mandates BEGIN
    INSERT INTO mandates_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER mandates_search_update AFTER UPDATE OF search_text ON mandates WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO mandates_search (mandates_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
    INSERT INTO mandates_search (rowid, search_text) VALUES (new.sequence, new.search_text);
END;
CREATE TRIGGER mandates_search_delete AFTER DELETE ON mandates BEGIN
    INSERT INTO mandates_search (mandates_search, rowid, search_text) VALUES ('delete', old.sequence, old.search_text);
END;

CREATE TRIGGER mandates_transition BEFORE UPDATE OF status ON mandates
WHEN old.status <> new.status AND (old.status, new.status) NOT IN (VALUES ('proposed', 'signed'), ('signed', 'active'), ('active', 'ended')) BEGIN
    SELECT RAISE(ABORT, 'mandates_transition');
END;
CREATE TRIGGER mandate_products_fixed BEFORE UPDATE OF mandate_id, product_id ON mandate_products
WHEN old.mandate_id <> new.mandate_id OR old.product_id <> new.product_id BEGIN
    SELECT RAISE(ABORT, 'mandate_products_fixed');
END;
CREATE TRIGGER mandate_products_insert BEFORE INSERT ON mandate_products
WHEN NOT EXISTS (SELECT 1 FROM mandates WHERE id = new.mandate_id AND status IN ('signed', 'active')) BEGIN
    SELECT RAISE(ABORT, 'mandate_products_open');
END;
CREATE TRIGGER mandate_products_update BEFORE UPDATE OF deleted_at ON mandate_products
WHEN old.deleted_at IS NOT new.deleted_at
    AND NOT EXISTS (SELECT 1 FROM mandates WHERE id = new.mandate_id AND status IN ('signed', 'active')) BEGIN
    SELECT RAISE(ABORT, 'mandate_products_open');
END;
CREATE TRIGGER mandate_products_delete BEFORE DELETE ON mandate_products
WHEN NOT EXISTS (SELECT 1 FROM mandates WHERE id = old.mandate_id AND status IN ('signed', 'active')) BEGIN
    SELECT RAISE(ABORT, 'mandate_products_open');
END;

-- A condition of a table can only be changed with the table. What refers to it finds its rows again before the commit.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE imports_kept AS SELECT * FROM imports;
DROP TABLE imports;
CREATE TABLE imports (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    resource TEXT NOT NULL CHECK (resource IN ('organisations', 'people', 'products', 'mandates', 'interactions', 'tasks')),
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
INSERT INTO imports SELECT * FROM imports_kept;
DROP TABLE imports_kept;
CREATE INDEX imports_by_created_at ON imports (created_at, id);
