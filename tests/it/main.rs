//! The integration tests: one program, one module per subject.
