-- How often somebody has tried, and until when they must wait. The key of an account is a hash of the address that was
-- given, so that what people mistype into a sign-in is not kept.
CREATE TABLE attempts (
    kind TEXT COLLATE "C" NOT NULL
        CHECK (kind IN ('account', 'familiar', 'network', 'password', 'reset_account', 'reset_network')),
    key TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL CHECK (count >= 0),
    since TIMESTAMPTZ NOT NULL,
    blocked_until TIMESTAMPTZ,
    PRIMARY KEY (kind, key)
);

-- The networks from which a user has signed in.
CREATE TABLE known_networks (
    user_id UUID NOT NULL REFERENCES users (id),
    network TEXT COLLATE "C" NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, network)
);

CREATE INDEX attempts_since ON attempts (since);
CREATE INDEX known_networks_last_seen_at ON known_networks (last_seen_at);
