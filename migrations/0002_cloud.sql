-- The other doors of the jump host. No password and no key is in here: passwords are in the sink, keys are salted marks.

-- One change of the out-of-band VPN's password.
--   pending: about to be written and sent   sent: a request may have left   current: in force, and the sink says so
--   refused: it never came into force        dropped: given up; if doubtful, a kept file holds it
-- Unsettled: a send had no usable answer, and no confirmed send has begun later than such a request can live.
CREATE TABLE oob_rotations (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     TEXT NOT NULL,
    sink        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'current', 'refused', 'dropped')),
    mode        TEXT CHECK (mode IN ('create', 'update')),
    created_at  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    sent_at     INTEGER,               -- when the last send began
    doubtful_at INTEGER,               -- when the last send without a usable answer began
    unsettled   INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    file        TEXT,                  -- device and inode of the pending file: a rename keeps them
    ended_at    INTEGER,
    CHECK (state <> 'pending' OR sent_at IS NULL),
    CHECK (state NOT IN ('sent', 'current', 'refused') OR sent_at IS NOT NULL),
    CHECK ((ended_at IS NULL) = (state IN ('pending', 'sent'))),
    CHECK (unsettled = 0 OR doubtful_at IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX oob_rotations_open ON oob_rotations (sink) WHERE ended_at IS NULL;
CREATE INDEX oob_rotations_unsettled ON oob_rotations (sink) WHERE unsettled = 1;

-- Where UCloud's keys were looked at: endpoint, region, zone and project together.
CREATE TABLE ucloud_scopes (
    scope     TEXT PRIMARY KEY,
    seen_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The keys as last seen, by salted marks.
CREATE TABLE ucloud_keys (
    scope     TEXT NOT NULL REFERENCES ucloud_scopes (scope),
    domain    TEXT NOT NULL,
    type      TEXT NOT NULL,
    position  INTEGER NOT NULL CHECK (position >= 0),
    key_mark  TEXT NOT NULL,
    iv_mark   TEXT NOT NULL,
    PRIMARY KEY (scope, domain, type, position)
) STRICT, WITHOUT ROWID;
