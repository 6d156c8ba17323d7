-- What people were told, by receiver (a digest of its settings) and topic (`run:hq`, `roster` …), until it is fixed: so
-- that it is said first, then "still" from time to time, then "fixed", also by runs that a timer starts.
CREATE TABLE told (
    receiver  TEXT NOT NULL,
    topic     TEXT NOT NULL,
    cause     TEXT NOT NULL,           -- digest of what is wrong: another cause is news
    title     TEXT NOT NULL,
    since     INTEGER NOT NULL,
    said_at   INTEGER NOT NULL,
    PRIMARY KEY (receiver, topic)
) STRICT, WITHOUT ROWID;
