//! From files to people: what HR says now. Files are found, read once, decoded, mapped to fields and checked here;
//! what a person should hold on a gateway is `mapping`'s business, what to do about it is `plan`'s.

mod aliases;
mod budget;
mod cell;
mod date;
mod department;
mod digest;
mod encoding;
mod error;
pub mod facts;
mod find;
mod header;
pub mod identity;
mod ldap;
mod ldap_fault;
mod marks;
mod merge;
mod open;
mod person;
mod phone;
mod preset;
mod progress;
mod read;
mod reading;
mod records;
mod rules;
mod sources;
mod spellings;
mod status;
#[cfg(test)]
mod tests;
mod text_file;
mod workbook;
mod workbook_parts;

pub use error::{Damage, FileKind, RosterError};
pub use facts::RosterReport;
pub use ldap_fault::LdapFault;
pub use marks::FileMark;
pub use progress::{Progress, ProgressSink};
pub use read::{ReadOptions, RosterOverride, Sighted, check, read, read_memory, see};
pub use reading::Reading;

pub use rosterd_core::people::{Doubt, DoubtKind, Employment, Field, Person, Roster, SourceFacts, Texts};

use crate as roster;
use rosterd_core::{model, pieces, reason};
use rosterd_host::clock;
use rosterd_http as http;

mod config {
    pub use rosterd_core::config::*;
    pub use rosterd_host::env::Env;
}
use rosterd_core::secret;

rosterd_words::speak!();
