//! Tests of the mapping: one per rule, named after it.
