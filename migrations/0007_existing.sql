-- Users who were on a gateway before rosterd: what looks at them showed, kept until a review of them is applied, so that a
-- slow device is not asked twice.
CREATE TABLE looks (
    target    TEXT NOT NULL,
    username  TEXT NOT NULL,
    device    TEXT NOT NULL,           -- address and dialect that were asked
    seen_at   INTEGER NOT NULL,
    record    TEXT CHECK (record IS NULL OR json_valid(record)),   -- null: no such user
    PRIMARY KEY (target, username)
) STRICT, WITHOUT ROWID;
