-- The audit trail says of each run, once it is over, what its rows are: a digest of them stands in a record of the chain.
-- Here is what is mixed into it, so that nobody can try out phone numbers against it. Whoever is forgotten takes rows away:
-- the runs concerned are then sealed anew, with another salt, by the record that says so.
CREATE TABLE seals (
    run      INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    salt     TEXT NOT NULL,
    settled  INTEGER NOT NULL CHECK (settled IN (0, 1))   -- the outcomes of its calls are sealed too, for none can change
) STRICT;
