//! [`Page`]: standard output as a command sees it: so many columns, coloured or not, in a language.

use std::io::{self, IsTerminal, Write};

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table,
    presets,
};
use serde::Serialize;

use super::Error;
use super::words::{Lang, Words};

/// Columns of what goes to a file or a pipe.
const WIDTH: u16 = 100;
/// The fewest columns that a table is squeezed into.
const WIDTH_MIN: u16 = 60;

/// Where a command prints.
pub(super) struct Page {
    out: Box<dyn Write>,
    width: u16,
    colour: bool,
    /// The words of the reader's language.
    pub(super) words: &'static Words,
}

impl Page {
    /// Standard output, as wide as its terminal; no colours with NO_COLOR or in a pipe.
    pub(super) fn of_stdout(lang: Option<Lang>) -> Self {
        let stdout = io::stdout();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = stdout.is_terminal();
        let width = Table::new().width().filter(|_| terminal).unwrap_or(WIDTH);
        let lang = lang.unwrap_or_else(|| Lang::of_environment(|name| std::env::var(name).ok()));
        Self {
            out: Box::new(stdout),
            width: width.max(WIDTH_MIN),
            colour: terminal && !dumb && !set("NO_COLOR"),
            words: lang.words(),
        }
    }

    /// Prints one or more lines.
    pub(super) fn print(&mut self, text: impl AsRef<str>) -> Result<(), Error> {
        // a pipe sees each line when it happens and not when a buffer is full
        let line = writeln!(self.out, "{}", text.as_ref());
        line.and_then(|()| self.out.flush()).map_err(Error::Print)
    }

    /// Prints a value as JSON over several lines.
    pub(super) fn print_json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value).map_err(|e| Error::Print(e.into()))?;
        self.print(text)
    }

    /// Prints a table, one line a row.
    pub(super) fn print_table(
        &mut self,
        columns: Columns<'_>,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Result<(), Error> {
        let mut table = self.table();
        table.set_header(columns.heads.iter().map(unknown));
        // one line a row, or the eye loses the columns; what does not fit ends in …, wherever
        // that falls, so no character is a place to break a line at
        table.set_delimiter('\u{0}');
        let one_line = |cells| {
            let mut row = Row::from(cells);
            row.max_height(1);
            row
        };
        table.add_rows(rows.into_iter().map(one_line));
        for (n, column) in table.column_iter_mut().enumerate() {
            column.set_padding(PADDING);
            if n != columns.gives_way {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            if columns.numbers.contains(&n) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        self.print(table.trim_fmt())
    }

    /// Prints names and values; a long value goes on below.
    pub(super) fn print_facts(&mut self, facts: &[(&str, String)]) -> Result<(), Error> {
        let mut table = self.table();
        table.add_rows(facts.iter().map(|(name, value)| vec![unknown(name), plain(value)]));
        for column in table.column_iter_mut() {
            column.set_padding(PADDING);
        }
        self.print(table.trim_fmt())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_width(self.width);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_truncation_indicator("…");
        if self.colour {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        table
    }
}

/// Empty columns before and behind a cell.
const PADDING: (u16, u16) = (0, 2);

/// What a table's columns are.
pub(super) struct Columns<'a> {
    /// Their headings.
    pub(super) heads: &'a [&'a str],
    /// Those that stand at the right, counted from 0.
    pub(super) numbers: &'a [usize],
    /// The one that is cut when the page is too narrow; codes and numbers never are.
    pub(super) gives_way: usize,
}

/// A cell without colour.
pub(super) fn plain(text: impl ToString) -> Cell {
    Cell::new(text)
}

/// A cell that says that all is well.
pub(super) fn good(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Green)
}

/// A cell that somebody should look at.
pub(super) fn bad(text: impl ToString) -> Cell {
    Cell::new(text).fg(Color::Red)
}

/// A cell of something that cannot be known.
pub(super) fn unknown(text: impl ToString) -> Cell {
    Cell::new(text).add_attribute(Attribute::Dim)
}
