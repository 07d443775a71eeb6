//! Columns of text, aligned; and the one way to make a CSV file in memory.

/// A table for a terminal: the first column and those marked are aligned left, all others right.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Line>,
    left: Vec<usize>,
}

#[derive(Debug)]
enum Line {
    Cells(Vec<String>),
    /// A line of its own, not aligned.
    Heading(String),
}

impl Table {
    /// An empty table whose columns at these positions are aligned left.
    pub(super) fn new(left: &[usize]) -> Self {
        Self { rows: Vec::new(), left: left.to_vec() }
    }

    /// Adds a row.
    pub(super) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(Line::Cells(cells.into_iter().map(Into::into).collect()));
    }

    /// Adds a line that is not aligned.
    pub(super) fn heading(&mut self, text: impl Into<String>) {
        self.rows.push(Line::Heading(text.into()));
    }

    /// The table's text, two spaces between columns, every line indented by `indent`.
    pub(super) fn render(&self, indent: usize) -> String {
        let mut widths: Vec<usize> = Vec::new();
        for cells in self.rows.iter().filter_map(Line::cells) {
            for (index, cell) in cells.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(index) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let line = match row {
                Line::Heading(heading) => heading.clone(),
                Line::Cells(cells) => self.line(cells, &widths),
            };
            text.push_str(format!("{:indent$}{line}", "").trim_end());
            text.push('\n');
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cells = cells.iter().zip(widths).enumerate().map(|(index, (cell, &width))| {
            if index == 0 || self.left.contains(&index) {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ")
    }
}

impl Line {
    fn cells(&self) -> Option<&[String]> {
        match self {
            Self::Cells(cells) => Some(cells),
            Self::Heading(_) => None,
        }
    }
}

/// Breaks a text at spaces into lines of at most `width` characters; later lines are indented by
/// `indent`.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join("\n")
}

/// A CSV file in memory.
pub(super) struct Csv(csv::Writer<Vec<u8>>);

impl Csv {
    /// With its header.
    pub(super) fn new(header: &[&str]) -> Self {
        let mut csv = Self(csv::Writer::from_writer(Vec::new()));
        csv.row(header);
        csv
    }

    /// Adds a row.
    pub(super) fn row<S: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = S>) {
        self.0.write_record(fields).expect("rows of one length in memory can be written");
    }

    /// The file's bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("memory can be flushed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_headings_are_left_alone() {
        let mut table = Table::new(&[2]);
        table.row(["step", "took", "why"]);
        table.heading("zone1, a long heading");
        table.row(["stop", "1.24 s", "x"]);
        let expected = " step    took  why\n zone1, a long heading\n stop  1.24 s  x\n";
        assert_eq!(table.render(1), expected);
    }

    #[test]
    fn a_long_sentence_is_broken_at_spaces() {
        assert_eq!(wrap("one two three", 8, 2), "one two\n  three");
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("unbreakable", 3, 2), "unbreakable");
    }
}
