//! The table, as Markdown.

use crate::scenario::{Row, Scenario};

/// The table of a scenario.
#[must_use]
pub fn render(scenario: &Scenario, rows: &[Row]) -> String {
    let mut lines = vec![vec!["case".to_owned(), "balancer".to_owned()]];
    lines[0].extend(scenario.columns.iter().map(|column| column.head.to_owned()));
    let mut last = None;
    for row in rows {
        let case = &scenario.cases[row.case];
        let name = if last.replace(row.case) == Some(row.case) { String::new() } else { case.name.clone() };
        let mut line = vec![name, row.kind.as_str().to_owned()];
        line.extend(scenario.columns.iter().map(|column| (column.cell)(&row.outcome, &case.setting)));
        lines.push(line);
    }
    format!("# {}\n\n{}\n\n{}", scenario.name, scenario.about, aligned(&lines))
}

/// Lines of cells as a table in Markdown; the first is its head.
pub(crate) fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
        text += &format!("|{}\n", cells.collect::<String>());
        if number == 0 {
            let rule = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2)));
            text += &format!("|{}\n", rule.collect::<String>());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_markdown() {
        let lines =
            [vec!["a".to_owned(), "long head".to_owned()], vec!["wide cell".to_owned(), "1".to_owned()]];
        let expected = "| a         | long head |\n|-----------|-----------|\n| wide cell | 1         |\n";
        assert_eq!(aligned(&lines), expected);
    }
}
