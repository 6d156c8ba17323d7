//! Questions that people ask: runs, history, who is blocked. Read only.
