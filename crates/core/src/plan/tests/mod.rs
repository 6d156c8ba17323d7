//! Tests of the planner: one per rule, named after it; and properties.

mod world;

mod basics;
mod checker;
mod digests;
mod existing;
mod guard_facts;
mod guards;
mod names;
mod places;
mod properties;
mod removals;
mod undo;
