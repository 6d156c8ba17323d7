-- A device may not show who is enabled. A disable whose answer was lost is then kept beside an account that was enabled
-- when it was last known: rosterd disabled it, perhaps. So the two may stand together.
CREATE TABLE entries_10 (
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
    disabled_reason TEXT,              -- rosterd disabled it (and nobody enabled it since), or perhaps so: why
    disabled_at     INTEGER,           -- when the commit of that disable was confirmed
    PRIMARY KEY (target, person),
    UNIQUE (target, username),
    CHECK (disabled_at IS NULL OR disabled_reason IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO entries_10 SELECT * FROM entries;
DROP TABLE entries;
ALTER TABLE entries_10 RENAME TO entries;
-- They went with the old table.
CREATE TRIGGER quiet_entries_1 AFTER INSERT ON entries BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_entries_2 AFTER UPDATE ON entries BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_entries_3 AFTER DELETE ON entries BEGIN DELETE FROM quiet WHERE target = OLD.target; END;
