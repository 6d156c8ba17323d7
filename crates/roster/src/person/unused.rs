//! Columns that hold no field, watched for status words: one whose header nobody knows may say that people have left.

use std::collections::BTreeMap;

use csv::StringRecord;

use crate::model::Cell;
use crate::roster::budget;
use crate::roster::cell::clean;
use crate::roster::header::{Columns, Names, fold_header};
use crate::roster::status::{Evidence, Hint, Statuses};
use crate::roster::{Field, aliases};

/// The share of filled cells that must be status words, in percent.
const SHARE: u64 = 80;
/// The longest word that is looked at, in bytes.
const WORD: usize = 60;
/// How many different words of a column are remembered.
const WORDS: usize = 64;
/// After so many filled cells, a column whose words are mostly others is not watched any more.
const ENOUGH: u64 = 1_000;

/// The unused columns of one file.
#[derive(Debug)]
pub(super) struct Unused(Vec<Watched>);

/// One column, and what it held so far.
#[derive(Debug)]
struct Watched {
    column: usize,
    hint: Hint,
    filled: u64,
    words: u64,
    gone: u64,
    known: BTreeMap<String, Evidence>,
}

impl Unused {
    /// The columns of a file that hold no field. Those with a name of the status field are known to the report: another
    /// one was preferred.
    pub(super) fn new(columns: &Columns, names: &Names) -> Self {
        let mapped = columns.mapped();
        let strange = |(column, header): &(usize, &String)| {
            !mapped.contains(column)
                && !names.names(header, Field::Status)
                && !aliases::OTHER_STATES.contains(&fold_header(header).as_str())
        };
        let watched = |(column, header): (usize, &String)| Watched {
            column,
            hint: Hint::of(&fold_header(header)),
            filled: 0,
            words: 0,
            gone: 0,
            known: BTreeMap::new(),
        };
        let strange = columns.headers.iter().enumerate().filter(strange).take(budget::WATCHED);
        Self(strange.map(watched).collect())
    }

    /// Looks at a row.
    pub(super) fn record(&mut self, record: &StringRecord, statuses: &Statuses) {
        for watched in &mut self.0 {
            watched.cell(record.get(watched.column).unwrap_or_default(), statuses);
        }
        self.0.retain(|watched| watched.filled < ENOUGH || watched.words * 2 >= watched.filled);
    }

    /// The columns that read like statuses, some of which say that somebody is not here.
    pub(super) fn suspicious(&self) -> impl Iterator<Item = usize> {
        let alike = |w: &&Watched| w.gone > 0 && w.words * 100 >= w.filled * SHARE;
        self.0.iter().filter(alike).map(|watched| watched.column)
    }
}

impl Watched {
    fn cell(&mut self, raw: &str, statuses: &Statuses) {
        if raw.is_empty() {
            return;
        }
        let evidence = match self.known.get(raw) {
            Some(known) => *known,
            None => {
                let found = match clean(raw).cell {
                    Cell::Empty => return,
                    Cell::Value(word) if word.len() <= WORD => statuses.evidence(&word, self.hint),
                    Cell::Value(_) | Cell::Unknown => Evidence::Other,
                };
                if self.known.len() < WORDS && raw.len() <= WORD {
                    self.known.insert(raw.to_owned(), found);
                }
                found
            }
        };
        self.filled += 1;
        self.words += u64::from(evidence != Evidence::Other);
        self.gone += u64::from(evidence == Evidence::NotActive);
    }
}
