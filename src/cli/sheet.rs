//! A result that is rows: as a table, as JSON, or as CSV that no spreadsheet takes for a formula.

use std::borrow::Cow;

use serde_json::Value;

use super::args::Output;
use super::output;
use crate::report::csv_safe::csv_safe;
use crate::report::grid::{Grid, Tone};

/// Rows with named columns. Cells may be secrets, so there is no `Debug`.
pub struct Sheet {
    columns: Vec<(&'static str, String)>,
    exact: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Columns by their name for scripts and their title for people.
    pub fn new(columns: &[(&'static str, Cow<'_, str>)]) -> Self {
        let columns = columns.iter().map(|(name, title)| (*name, title.clone().into_owned())).collect();
        Self { columns, exact: Vec::new(), rows: Vec::new() }
    }

    /// A column whose cells go into CSV as they are: a password with a `'` in front is another password.
    pub fn exact(mut self, name: &'static str) -> Self {
        self.exact.push(name);
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Leaves the last column away where nothing is in it.
    pub fn without_empty_last(mut self) -> Self {
        if self.rows.iter().all(|row| row.last().is_none_or(String::is_empty)) {
            self.columns.pop();
            self.rows.iter_mut().for_each(|row| drop(row.pop()));
        }
        self
    }

    /// Shows the rows, or `value` where JSON is wanted.
    pub fn show(&self, form: Output, value: &Value) -> anyhow::Result<()> {
        match form {
            Output::Json => output::json(value),
            Output::Csv => output::text(&self.csv()?),
            Output::Table => output::text(&self.table()),
        }
    }

    fn table(&self) -> String {
        let mut grid = Grid::new(0, output::width());
        grid.header(&self.columns.iter().map(|(_, title)| title.as_str()).collect::<Vec<_>>());
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(|cell| (cell.clone(), Tone::Plain)).collect();
            grid.row(&cells);
        }
        grid.render()
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|(name, _)| name))?;
        for row in &self.rows {
            let cells = self.columns.iter().zip(row).map(|((name, _), cell)| {
                if self.exact.contains(name) { Cow::Borrowed(cell.as_str()) } else { csv_safe(cell) }
            });
            writer.write_record(cells.map(Cow::into_owned))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_disarms_formulas_and_leaves_passwords_alone() {
        let mut sheet = Sheet::new(&[("id", "ID".into()), ("password", "x".into())]).exact("password");
        sheet.row(["=1+1".to_owned(), "=1+1,\"".to_owned()]);
        assert_eq!(sheet.csv().unwrap(), "id,password\n'=1+1,\"=1+1,\"\"\"\n");
    }

    #[test]
    fn an_empty_last_column_is_left_away() {
        let mut sheet = Sheet::new(&[("id", "ID".into()), ("error", "x".into())]);
        sheet.row(["a".to_owned(), String::new()]);
        assert_eq!(sheet.without_empty_last().csv().unwrap(), "id\na\n");
    }
}
