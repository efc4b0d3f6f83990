//! Tables: with lines on a terminal, plain columns in a pipe.

use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};

use super::Output;
use super::text::clean;

/// One cell: a value, or several.
#[derive(Clone, Debug)]
pub(crate) struct Cell(Vec<String>);

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(vec![text])
    }
}

impl From<Vec<String>> for Cell {
    fn from(values: Vec<String>) -> Self {
        Self(values)
    }
}

impl From<Vec<&str>> for Cell {
    fn from(values: Vec<&str>) -> Self {
        Self(values.into_iter().map(str::to_owned).collect())
    }
}

/// What a column on a terminal has beside its text, its line and its padding; the padding alone.
const FRAME: usize = 3;
const PADDING: u16 = 2;

/// Rows under a header.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    /// Whether lines part the rows where cells have several values.
    parted: bool,
    /// Columns that a narrow terminal has no room for, the first to go first.
    dropped: &'static [&'static str],
}

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new<const N: usize>(header: [&'static str; N]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new(), parted: true, dropped: &[] }
    }

    /// A table of properties and their values.
    pub(crate) fn properties() -> Self {
        Self { parted: false, ..Self::new(["PROPERTY", "VALUE"]) }
    }

    /// Leaves these columns out, one after the other, while a terminal is too narrow for the lines.
    pub(crate) fn dropping(mut self, columns: &'static [&'static str]) -> Self {
        self.dropped = columns;
        self
    }

    /// Adds a row, with a cell for every column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) -> &mut Self {
        self.rows.push(cells.to_vec());
        self
    }

    /// Adds a property and its value.
    pub(crate) fn property(&mut self, name: &str, value: impl Into<Cell>) -> &mut Self {
        self.row([name.into(), value.into()])
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text: several values stand below each other on a terminal, and on one line in a pipe.
    pub(crate) fn render(&self, output: &Output) -> String {
        match output.terminal {
            Some(width) => self.narrowed(width).text(output),
            None => self.text(output),
        }
    }

    /// The table without the columns that there is no room for.
    fn narrowed(&self, width: usize) -> Self {
        let mut table = self.clone();
        for column in self.dropped {
            if table.widths(|line| line.chars().count()).iter().map(|it| it + FRAME).sum::<usize>() < width {
                break;
            }
            if let Some(at) = table.header.iter().position(|it| it == column) {
                table.header.remove(at);
                table.rows.iter_mut().for_each(|row| drop(row.remove(at)));
            }
        }
        table
    }

    /// The widest of each column, by a measure of its lines.
    fn widths(&self, measure: impl Fn(&str) -> usize) -> Vec<usize> {
        let of = |(at, header): (usize, &&'static str)| {
            let lines = self.rows.iter().filter_map(|row| row.get(at)).flat_map(|cell| &cell.0);
            lines.map(|line| measure(line)).chain([header.chars().count()]).max().unwrap_or(0)
        };
        self.header.iter().enumerate().map(of).collect()
    }

    /// The least widths at which no word is broken, where the terminal has room for that.
    fn whole_words(&self, width: usize) -> Option<Vec<usize>> {
        let longest = |line: &str| line.split_whitespace().map(|it| it.chars().count()).max().unwrap_or(0);
        let widths = self.widths(longest);
        (widths.iter().map(|it| it + FRAME).sum::<usize>() < width).then_some(widths)
    }

    fn text(&self, output: &Output) -> String {
        let mut table = comfy_table::Table::new();
        let several = self.parted && self.rows.iter().flatten().any(|cell| cell.0.len() > 1);
        let separator = match output.terminal {
            Some(width) => {
                table.load_style(if several { presets::UTF8_FULL } else { presets::UTF8_FULL_CONDENSED });
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
                "\n"
            }
            None => {
                table.load_style(presets::NOTHING);
                table.set_content_arrangement(ContentArrangement::Disabled);
                ", "
            }
        };
        table.set_header(self.header.clone());
        for row in &self.rows {
            let cells = row.iter().map(|cell| {
                let lines: Vec<String> = cell.0.iter().map(|line| clean(line).replace('\n', " ")).collect();
                lines.join(separator)
            });
            table.add_row(cells.collect::<Vec<_>>());
        }
        if let Some(widths) = output.terminal.and_then(|width| self.whole_words(width)) {
            for (column, width) in table.column_iter_mut().zip(widths) {
                let width = u16::try_from(width).unwrap_or(u16::MAX).saturating_add(PADDING);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
        }
        if output.terminal.is_none() {
            for column in table.column_iter_mut() {
                column.set_padding((0, 2));
            }
        }
        // Padding of the last column is of no use to anybody.
        let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::OutputFormat;

    fn sample() -> Table {
        let mut table = Table::new(["NAME", "METHODS"]);
        table.row(["aws".into(), vec!["a", "b"].into()]).row(["x\x1b[1m".into(), "c".into()]);
        table
    }

    #[test]
    fn in_a_pipe_a_row_is_a_line() {
        let mut output = Output::new(OutputFormat::Table);
        output.terminal = None;
        assert_eq!(sample().render(&output), "NAME   METHODS\naws    a, b\nx\u{fffd}[1m  c");
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns_and_whole_words() {
        let mut table = Table::new(["NAME", "OWNER", "WHAT"]).dropping(&["OWNER"]);
        table.row(["production".into(), "somebody-of-a-long-name".into(), "several words here".into()]);
        let mut output = Output::new(OutputFormat::Table);
        output.terminal = Some(34);
        let text = table.render(&output);
        assert!(!text.contains("OWNER") && !text.contains("somebody"), "{text}");
        for word in ["production", "several", "words", "here"] {
            assert!(text.contains(word), "{word} is broken:\n{text}");
        }
        output.terminal = Some(80);
        assert!(table.render(&output).contains("somebody-of-a-long-name"));
    }

    #[test]
    fn on_a_terminal_values_stand_below_each_other_within_its_width() {
        let mut output = Output::new(OutputFormat::Table);
        output.terminal = Some(40);
        let text = sample().render(&output);
        assert!(text.contains('│') && text.lines().count() >= 7, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}
