//! What people see of reports: tables, HTML, words. The values they are made from, and JSON, are the core's.

pub mod csv_safe;
pub mod grid;
pub mod roster_html;
pub mod spoken;
pub mod table;
#[cfg(test)]
mod tests;
pub mod words;

pub use csv_safe::csv_safe;
pub use rosterd_core::model::visible;
pub use rosterd_core::report::*;
pub use spoken::Spoken;
