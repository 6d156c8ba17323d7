//! A progress bar on stderr, only where people watch it.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rust_i18n::t;

use super::args::Global;
use super::output;
use crate::app::sync::Watcher;
use crate::roster::{Progress, ProgressSink};

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
        // The templates are constants; one that does not parse would leave the default look.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {pos}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Told by the reader of the roster, on its own thread.
    pub fn reading(&self) -> ProgressSink {
        let bar = self.0.clone();
        Arc::new(move |progress: Progress| {
            bar.set_message(t!("cli.progress.reading").into_owned());
            bar.set_position(progress.rows);
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
