-- Products, mandates, and which product is sold under which mandate.
-- A product is attached only while the mandate is signed or active, and a mandate moves proposed, signed, active, ended
-- only. The domain says so first; the triggers hold it against any statement.

CREATE TABLE products (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    isin TEXT COLLATE "C" CHECK (length(isin) = 12),
    type TEXT COLLATE "C" CHECK (type IN ('ucits', 'fcp', 'sicav', 'etf', 'alternative', 'other')),
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive', 'pending')),
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

CREATE TABLE mandates (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY,
    id UUID NOT NULL UNIQUE,
    organisation_id UUID NOT NULL REFERENCES organisations (id),
    number TEXT COLLATE "C",
    number_key TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('proposed', 'signed', 'active', 'ended')),
    signed_on DATE,
    starts_on DATE,
    ends_on DATE,
    notes TEXT COLLATE "C",
    search_text TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    owner_id UUID REFERENCES users (id),
    team_id UUID REFERENCES teams (id),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ,
    CONSTRAINT mandates_signed_on_known CHECK (status = 'proposed' OR signed_on IS NOT NULL),
    CONSTRAINT mandates_signed_before_start CHECK (signed_on <= starts_on),
    CONSTRAINT mandates_start_before_end CHECK (starts_on <= ends_on),
    CONSTRAINT mandates_signed_before_end CHECK (signed_on <= ends_on)
);

-- Detaching sets deleted_at: what was once sold under a mandate stays on record.
CREATE TABLE mandate_products (
    id UUID NOT NULL PRIMARY KEY,
    mandate_id UUID NOT NULL REFERENCES mandates (id),
    product_id UUID NOT NULL REFERENCES products (id),
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TIMESTAMPTZ NOT NULL,
    created_by UUID REFERENCES users (id),
    updated_at TIMESTAMPTZ NOT NULL,
    updated_by UUID REFERENCES users (id),
    deleted_at TIMESTAMPTZ
);

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

-- Without a condition, so that they join with the indexes of the filters.
CREATE INDEX products_search ON products USING gin (search_text gin_trgm_ops);
CREATE INDEX mandates_search ON mandates USING gin (search_text gin_trgm_ops);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'check_violation', CONSTRAINT = TG_ARGV[0];
END $$;
CREATE FUNCTION mandate_products_open() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    link mandate_products := COALESCE(new, old);
BEGIN
    IF NOT EXISTS (SELECT 1 FROM mandates WHERE id = link.mandate_id AND status IN ('signed', 'active')) THEN
        RAISE EXCEPTION 'mandate_products_open' USING ERRCODE = 'check_violation', CONSTRAINT = 'mandate_products_open';
    END IF;
    RETURN link;
END $$;

CREATE TRIGGER mandates_transition BEFORE UPDATE OF status ON mandates FOR EACH ROW
    WHEN (old.status <> new.status AND (old.status, new.status) NOT IN (('proposed', 'signed'), ('signed', 'active'), ('active', 'ended')))
    EXECUTE FUNCTION refuse('mandates_transition');
CREATE TRIGGER mandate_products_fixed BEFORE UPDATE OF mandate_id, product_id ON mandate_products FOR EACH ROW
    WHEN (old.mandate_id <> new.mandate_id OR old.product_id <> new.product_id)
    EXECUTE FUNCTION refuse('mandate_products_fixed');
CREATE TRIGGER mandate_products_insert BEFORE INSERT ON mandate_products FOR EACH ROW
    EXECUTE FUNCTION mandate_products_open();
CREATE TRIGGER mandate_products_update BEFORE UPDATE OF deleted_at ON mandate_products FOR EACH ROW
    WHEN (old.deleted_at IS DISTINCT FROM new.deleted_at)
    EXECUTE FUNCTION mandate_products_open();
CREATE TRIGGER mandate_products_delete BEFORE DELETE ON mandate_products FOR EACH ROW
    EXECUTE FUNCTION mandate_products_open();

ALTER TABLE imports
    DROP CONSTRAINT imports_resource_check,
    ADD CONSTRAINT imports_resource_check CHECK (resource IN ('organisations', 'people', 'products', 'mandates', 'interactions', 'tasks'));
