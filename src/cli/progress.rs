//! A progress bar on stderr, only where people watch it.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rust_i18n::t;

use super::args::Global;
use super::output;
use crate::app::sync::Watcher;
use crate::roster::{Progress, ProgressSink};

/// So many.
const COUNTING: &str = "{spinner} {msg} {pos}";
/// So many of a part that is known.
const MEASURING: &str = "{spinner} {msg} {prefix} {bar:40} {percent:>3}%";

/// The templates are constants; one that does not parse would leave the look as it is.
fn look(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// What people watch while a roster is read and actions are carried out.
#[derive(Debug, Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar, hidden unless stderr is a terminal.
    pub fn new(global: &Global) -> Self {
        if global.quiet || !output::is_watched() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::no_length();
        look(&bar, COUNTING);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Told by the reader of the roster, on its own thread.
    pub fn reading(&self) -> ProgressSink {
        let bar = self.0.clone();
        Arc::new(move |Progress { bytes, total, rows }: Progress| {
            bar.set_message(t!("cli.progress.reading").into_owned());
            // A workbook is in memory before its first row is read, and a directory has no size: then rows are counted.
            if bytes < total {
                look(&bar, MEASURING);
                bar.set_prefix(rows.to_string());
                bar.set_length(total);
                bar.set_position(bytes);
            } else {
                look(&bar, COUNTING);
                bar.set_position(rows);
            }
        })
    }

    /// Told after each action.
    pub fn acted(&self, more: u64) {
        self.count(&t!("cli.progress.acting"), more);
    }

    /// Told after each name that a gateway was asked about.
    pub fn asked(&self, more: u64) {
        self.count(&t!("cli.progress.asking"), more);
    }

    fn count(&self, word: &str, more: u64) {
        if self.0.message() != word {
            look(&self.0, COUNTING);
            self.0.set_message(word.to_owned());
            self.0.set_position(0);
        }
        self.0.inc(more);
    }

    /// Takes the bar away, so that the result stands alone.
    pub fn done(&self) {
        self.0.finish_and_clear();
    }
}

/// Whoever watches `bar`.
pub fn watch<'a>(bar: &Bar, actions: &'a (dyn Fn(u64) + Send + Sync)) -> Watcher<'a> {
    Watcher { reading: Some(bar.reading()), actions }
}
