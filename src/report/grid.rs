//! Aligned columns without borders: the one look of every table here. Chinese characters count two columns. Colours
//! are always written; whoever prints strips them where they are not wanted.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use crate::model::visible;

/// What a cell says by its colour, beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// New, good.
    Good,
    /// Changed, to be looked at.
    Notice,
    /// Taken away, wrong.
    Bad,
    /// Of less interest.
    Faint,
}

impl Tone {
    const fn color(self) -> Option<Color> {
        match self {
            Self::Plain => None,
            Self::Good => Some(Color::DarkGreen),
            Self::Notice => Some(Color::DarkYellow),
            Self::Bad => Some(Color::DarkRed),
            Self::Faint => Some(Color::DarkGrey),
        }
    }

    /// `text` in this tone, for lines outside a grid.
    pub fn paint(self, text: &str) -> String {
        use owo_colors::OwoColorize as _;
        match self {
            Self::Plain => text.to_owned(),
            Self::Good => text.green().to_string(),
            Self::Notice => text.yellow().to_string(),
            Self::Bad => text.red().to_string(),
            Self::Faint => text.bright_black().to_string(),
        }
    }
}

/// `text` in bold.
pub fn strong(text: &str) -> String {
    use owo_colors::OwoColorize as _;
    text.bold().to_string()
}

/// Rows of aligned columns.
#[derive(Debug)]
pub struct Grid {
    table: Table,
    indent: usize,
}

impl Grid {
    /// An empty grid, `indent` blanks from the left, wrapped to `width` columns if there is one.
    pub fn new(indent: usize, width: Option<u16>) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).enforce_styling().set_truncation_indicator("…");
        table.style_text_only();
        if let Some(width) = width {
            let indent = u16::try_from(indent).unwrap_or(u16::MAX);
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.saturating_sub(indent).max(40));
        } else {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        Self { table, indent }
    }

    /// Names the columns.
    pub fn header<T: AsRef<str>>(&mut self, names: &[T]) {
        let cell = |name: &T| Cell::new(name.as_ref()).add_attribute(Attribute::Bold);
        self.table.set_header(names.iter().map(cell).collect::<Vec<_>>());
    }

    /// Adds a row. Line breaks inside a cell are kept, other deceptive characters are shown.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[(T, Tone)]) {
        let cell = |(text, tone): &(T, Tone)| {
            let lines: Vec<_> = text.as_ref().split('\n').map(visible).collect();
            let cell = Cell::new(lines.join("\n"));
            match tone.color() {
                // An empty cell in a colour would leave blanks at the end of the line.
                Some(color) if !text.as_ref().is_empty() => cell.fg(color),
                _ => cell,
            }
        };
        self.table.add_row(cells.iter().map(cell).collect::<Vec<_>>());
    }

    /// Aligns a column to the right, for numbers.
    pub fn right(&mut self, column: usize) {
        if let Some(column) = self.table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The text, every line ended.
    pub fn render(mut self) -> String {
        if let Some(first) = self.table.column_mut(0) {
            first.set_padding((0, 1));
        }
        let indent = " ".repeat(self.indent);
        let mut text = String::new();
        for line in self.table.lines() {
            text.push_str(&indent);
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
