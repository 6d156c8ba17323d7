//! Carries a plan out: lock, recovery, journal, pace, retry, commit. Decides nothing about people.
