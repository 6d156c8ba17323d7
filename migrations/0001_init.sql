-- What we believe (entries), what we sent (runs, calls, intents), what took effect (targets, account_versions).
-- Times are milliseconds since 1970 UTC; days are ISO dates; lists and objects are JSON text.

-- One row per setting of the database itself: its id, the salt of the audit trail.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A configured gateway. Dirty: mutations may have reached it and no later commit is confirmed.
CREATE TABLE targets (
    name            TEXT PRIMARY KEY,
    url             TEXT,              -- the device that the snapshot belongs to; null before the first contact
    dialect         TEXT,
    generation      INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0),
    state           TEXT NOT NULL DEFAULT 'clean' CHECK (state IN ('clean', 'dirty', 'quarantined')),
    quarantined_by  TEXT,              -- the check that must hold again
    dirty_since     INTEGER,
    committed_at    INTEGER,           -- last confirmed commit
    paused_reason   TEXT,
    paused_until    TEXT,
    paused_by       TEXT,
    update_checked  INTEGER NOT NULL DEFAULT 0 CHECK (update_checked IN (0, 1)), -- a first update was looked at before and after
    contacted       INTEGER NOT NULL DEFAULT 0 CHECK (contacted IN (0, 1)),      -- first contact is over
    config          TEXT,              -- the target's configuration at the last run, to say what was loosened
    CHECK ((url IS NULL) = (dialect IS NULL)),
    CHECK ((state = 'quarantined') = (quarantined_by IS NOT NULL)),
    CHECK ((state = 'clean') = (dirty_since IS NULL)),
    CHECK ((paused_reason IS NULL) = (paused_by IS NULL)),
    CHECK (paused_until IS NULL OR paused_reason IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- Everybody any roster ever showed, with what tells one human from another under the same key.
CREATE TABLE people (
    person     TEXT PRIMARY KEY,
    sources    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(sources)),
    identity   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(identity)),
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- User names tied to people by hand, before any template.
CREATE TABLE links (
    target    TEXT NOT NULL REFERENCES targets (name),
    person    TEXT NOT NULL,
    username  TEXT NOT NULL,
    PRIMARY KEY (target, person),
    UNIQUE (target, username)
) STRICT, WITHOUT ROWID;

-- The snapshot: what an answer or a look confirmed. Unknown while an open intent names the person.
CREATE TABLE entries (
    target          TEXT NOT NULL REFERENCES targets (name),
    person          TEXT NOT NULL,
    username        TEXT NOT NULL,
    origin          TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    group_path      TEXT NOT NULL CHECK (group_path LIKE '/%'),
    note            TEXT NOT NULL,
    phone           TEXT NOT NULL,
    roles           TEXT NOT NULL CHECK (json_valid(roles)),
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    expires_on      TEXT,
    gateway_id      TEXT,
    disabled_reason TEXT,              -- rosterd disabled it (and nobody enabled it since): why
    disabled_at     INTEGER,           -- when the commit of that disable was confirmed
    PRIMARY KEY (target, person),
    UNIQUE (target, username),
    CHECK (disabled_at IS NULL OR disabled_reason IS NOT NULL),
    CHECK (disabled_reason IS NULL OR enabled = 0)
) STRICT, WITHOUT ROWID;

-- Groups that a look or a creation confirmed.
CREATE TABLE groups (
    target    TEXT NOT NULL REFERENCES targets (name),
    path      TEXT NOT NULL CHECK (path LIKE '/%'),
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (target, path)
) STRICT, WITHOUT ROWID;

-- Plans, as shown; never changed once stored.
CREATE TABLE plans (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    target      TEXT NOT NULL REFERENCES targets (name),
    digest      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    body        TEXT NOT NULL CHECK (json_valid(body))
) STRICT;

-- One attempt to carry out a plan on one target.
CREATE TABLE runs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    target         TEXT NOT NULL REFERENCES targets (name),
    dry            INTEGER NOT NULL CHECK (dry IN (0, 1)),
    trigger        TEXT NOT NULL CHECK (trigger IN ('cli', 'schedule', 'watch', 'signal', 'web')),
    actor          TEXT NOT NULL CHECK (json_valid(actor)),
    version        TEXT NOT NULL,
    config_digest  TEXT NOT NULL,
    started_at     INTEGER NOT NULL,
    as_of          TEXT NOT NULL,
    roster_digest  TEXT,
    plan_id        INTEGER REFERENCES plans (id),
    ended_at       INTEGER,
    outcome        TEXT CHECK (outcome IN ('no_changes', 'planned', 'applied', 'partial', 'held', 'failed', 'locked', 'unconfirmed', 'crashed')),
    exit_code      INTEGER,
    commit_state   TEXT CHECK (commit_state IN ('none', 'confirmed', 'unconfirmed', 'withheld')),
    report         TEXT CHECK (report IS NULL OR json_valid(report)),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK ((exit_code IS NULL) = (outcome IS NULL OR outcome = 'crashed')),
    CHECK (outcome IS NOT 'planned' OR dry = 1),
    CHECK (dry = 0 OR commit_state IS NULL OR commit_state IN ('none', 'withheld'))
) STRICT;
CREATE INDEX runs_by_target ON runs (target, id);
CREATE INDEX runs_open ON runs (target) WHERE ended_at IS NULL;

-- The journal's requests: written before the first byte is sent, completed after the answer.
CREATE TABLE calls (
    run           INTEGER NOT NULL REFERENCES runs (id),
    seq           INTEGER NOT NULL CHECK (seq > 0),
    kind          TEXT NOT NULL CHECK (kind IN ('add', 'update', 'delete', 'add_group', 'kick', 'commit')),
    payload       TEXT NOT NULL,       -- BLAKE3 of what is sent, without password
    state         TEXT NOT NULL CHECK (state IN ('sending', 'applied', 'refused', 'not_sent', 'unknown', 'done', 'undone')),
    attempts      INTEGER NOT NULL DEFAULT 1 CHECK (attempts > 0),
    first_sent_at INTEGER NOT NULL,
    last_sent_at  INTEGER NOT NULL CHECK (last_sent_at >= first_sent_at OR attempts > 1),
    answered_at   INTEGER,
    code          INTEGER,
    message       TEXT,
    PRIMARY KEY (run, seq),
    CHECK (state <> 'sending' OR answered_at IS NULL),
    CHECK (state <> 'refused' OR code IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- The journal's people: what one call means to do to one account.
--   sending: no answer recorded (a crash leaves it so)   applied, refused, not_sent: by the answer
--   unknown: no usable answer                             done, undone: by a look
-- Unsettled: it ever was unknown, and no look has come later than the token's life after the last send.
CREATE TABLE intents (
    run          INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    target       TEXT NOT NULL REFERENCES targets (name),
    person       TEXT NOT NULL,
    username     TEXT NOT NULL,
    new_username TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('add', 'adopt', 'update', 'rename', 'enable', 'disable', 'delete')),
    reason       TEXT NOT NULL,
    before       TEXT CHECK (before IS NULL OR json_valid(before)),
    after        TEXT CHECK (after IS NULL OR json_valid(after)),
    origin       TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    source       TEXT CHECK (source IS NULL OR json_valid(source)),
    state        TEXT NOT NULL CHECK (state IN ('sending', 'applied', 'refused', 'not_sent', 'unknown', 'done', 'undone')),
    unsettled    INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    settled_at   INTEGER,
    audited      INTEGER NOT NULL DEFAULT 0 CHECK (audited IN (0, 1)),
    PRIMARY KEY (run, seq, person),
    FOREIGN KEY (run, seq) REFERENCES calls (run, seq),
    CHECK ((after IS NULL) = (kind = 'delete')),
    CHECK (kind = 'rename' OR username = new_username),
    CHECK (state NOT IN ('done', 'undone') OR settled_at IS NOT NULL),
    CHECK (state <> 'unknown' OR unsettled = 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX intents_open ON intents (target, person) WHERE state IN ('sending', 'unknown') OR unsettled = 1;
CREATE INDEX intents_unaudited ON intents (target) WHERE audited = 0;
CREATE INDEX intents_by_person ON intents (person, run);
CREATE INDEX intents_by_username ON intents (username);
CREATE INDEX intents_removals ON intents (target, settled_at) WHERE kind IN ('disable', 'delete') AND state IN ('applied', 'done');

-- Who had which account when: from the run that wrote it to the run that changed it.
CREATE TABLE account_versions (
    target    TEXT NOT NULL REFERENCES targets (name),
    person    TEXT NOT NULL,
    from_run  INTEGER NOT NULL REFERENCES runs (id),
    from_at   INTEGER NOT NULL,
    to_run    INTEGER REFERENCES runs (id),
    to_at     INTEGER,
    username  TEXT NOT NULL,
    fields    TEXT NOT NULL CHECK (json_valid(fields)),
    PRIMARY KEY (target, person, from_at, from_run),
    CHECK ((to_run IS NULL) = (to_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_versions_open ON account_versions (target, person) WHERE to_run IS NULL;
CREATE INDEX account_versions_name ON account_versions (username);

-- A person's leave to pass guards, for what stood behind them.
CREATE TABLE approvals (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    target      TEXT NOT NULL REFERENCES targets (name),
    run         INTEGER NOT NULL REFERENCES runs (id),
    sets        TEXT NOT NULL CHECK (json_valid(sets)),
    reason      TEXT NOT NULL CHECK (reason <> ''),
    actor       TEXT NOT NULL CHECK (json_valid(actor)),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL CHECK (expires_at > created_at),
    used_run    INTEGER REFERENCES runs (id),
    used_at     INTEGER,
    CHECK ((used_run IS NULL) = (used_at IS NULL))
) STRICT;
CREATE INDEX approvals_open ON approvals (target) WHERE used_run IS NULL;

-- Who is left alone, since when.
CREATE TABLE blocked (
    target   TEXT NOT NULL REFERENCES targets (name),
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    TEXT NOT NULL,
    run      INTEGER NOT NULL REFERENCES runs (id),
    PRIMARY KEY (target, person, reason)
) STRICT, WITHOUT ROWID;

-- Good rosters without a person, by digest; cleared when the person is back.
CREATE TABLE missing (
    target        TEXT NOT NULL REFERENCES targets (name),
    person        TEXT NOT NULL,
    roster_digest TEXT NOT NULL,
    seen_at       INTEGER NOT NULL,
    PRIMARY KEY (target, person, roster_digest)
) STRICT, WITHOUT ROWID;

-- Rosters that were applied: what later ones are compared with.
CREATE TABLE applied_rosters (
    target   TEXT NOT NULL REFERENCES targets (name),
    run      INTEGER NOT NULL REFERENCES runs (id),
    digest   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    facts    TEXT NOT NULL CHECK (json_valid(facts)),
    PRIMARY KEY (target, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX applied_rosters_digest ON applied_rosters (target, digest);

-- What a person said about a person.
CREATE TABLE overrides (
    person     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('suspend', 'hold')),
    until      TEXT,
    reason     TEXT NOT NULL CHECK (reason <> ''),
    actor      TEXT NOT NULL CHECK (json_valid(actor)),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last moment a schedule was served, so that a tick missed while down is made up once.
CREATE TABLE ticks (
    name       TEXT PRIMARY KEY,
    served_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The audit trail: each record's digest covers the one before. The personal part lies beside it under a salted hash
-- and can be erased without breaking the chain.
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    target        TEXT,
    run           INTEGER,
    body          TEXT NOT NULL CHECK (json_valid(body)),
    personal_hash TEXT,
    prev          TEXT NOT NULL,
    digest        TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_run ON audit (run) WHERE run IS NOT NULL;
CREATE TABLE audit_personal (
    seq   INTEGER PRIMARY KEY REFERENCES audit (seq),
    salt  TEXT NOT NULL,
    body  TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
