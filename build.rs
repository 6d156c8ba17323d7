//! Tells cargo that translations and migrations are part of the program: both are embedded by macros that it cannot see through.

fn main() {
    println!("cargo:rerun-if-changed=src/locales");
    println!("cargo:rerun-if-changed=migrations");
}
