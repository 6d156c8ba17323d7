//! Carries a plan out: lock, recovery, journal, pace, retry, commit. Decides nothing about people.

pub mod caller;
pub mod lock;
pub mod recovery;
pub mod words;
