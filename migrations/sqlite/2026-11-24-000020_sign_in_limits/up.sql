-- How often somebody has tried, and until when they must wait. The key of an account is a hash of the address that was
-- given, so that what people mistype into a sign-in is not kept.
CREATE TABLE attempts (
    kind TEXT NOT NULL
        CHECK (kind IN ('account', 'familiar', 'network', 'password', 'reset_account', 'reset_network')),
    key TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    since INTEGER NOT NULL,
    blocked_until INTEGER,
    PRIMARY KEY (kind, key)
) STRICT;

-- The networks from which a user has signed in.
CREATE TABLE known_networks (
    user_id BLOB NOT NULL REFERENCES users (id) CHECK (length(user_id) = 16),
    network TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, network)
) STRICT;

CREATE INDEX attempts_since ON attempts (since);
CREATE INDEX known_networks_last_seen_at ON known_networks (last_seen_at);
