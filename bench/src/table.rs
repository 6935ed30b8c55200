//! Tables for people and for Markdown, printed and kept in `target/bench/`.

use std::path::Path;

use anyhow::{Context, Result};

/// A table.
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, head: &[&str]) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self { title: title.into(), rows: vec![head] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as Markdown.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
            format!("|{}\n", cells.collect::<String>())
        };
        let mut text = format!("{}\n\n", self.title);
        for (number, row) in self.rows.iter().enumerate() {
            text += &line(row);
            if number == 0 {
                text += &format!(
                    "|{}\n",
                    widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect::<String>()
                );
            }
        }
        text
    }

    /// Prints the table and writes it to `target/bench/<name>.md`.
    pub(crate) fn publish(&self, name: &str) -> Result<()> {
        let text = self.render();
        println!("\n{text}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
        let file = folder.join(format!("{name}.md"));
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&file, format!("{}\n\n{text}", crate::machine::describe())))
            .with_context(|| format!("{} cannot be written", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_markdown() {
        let mut table = Table::new("Title", &["a", "long head"]);
        table.row(["wide cell".to_owned(), "1".to_owned()]);
        let expected =
            "Title\n\n| a         | long head |\n|-----------|-----------|\n| wide cell | 1         |\n";
        assert_eq!(table.render(), expected);
    }
}
