-- People whose account somebody changed by hand, as a drift repair found: why the next change of it is made.
CREATE TABLE drifted (
    target    TEXT NOT NULL,
    person    TEXT NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (target, person)
) STRICT, WITHOUT ROWID;
