//! SQLite through sqlx: snapshot, plans, journal, audit. Knows no gateway and decides nothing.
