//! A picture of lines, as SVG beside the tables.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition,
};
use plotters::style::colors::WHITE;

/// Told apart by people who do not see all colours too (Okabe and Ito 2008).
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(150, 150, 150), RGBColor(0, 158, 115)];

/// A line: its name and its points.
pub(super) type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// Draws the lines and writes `target/bench/<name>.svg`.
pub(super) fn publish(name: &str, title: &str, [x, y]: [&str; 2], lines: &[Line<'_>]) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench").join(format!("{name}.svg"));
    let svg = draw(title, [x, y], lines)?;
    std::fs::write(&file, svg).with_context(|| format!("{} cannot be written", file.display()))?;
    println!("picture: target/bench/{name}.svg");
    Ok(())
}

fn draw(title: &str, [x, y]: [&str; 2], lines: &[Line<'_>]) -> Result<String> {
    let points = || lines.iter().flat_map(|(_, points)| points).copied();
    let last = points().map(|(x, _)| x).fold(1.0, f64::max);
    // Above the lines there is room for their names.
    let height = points().map(|(_, y)| y).fold(1e-3, f64::max) * 1.4;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (960, 480)).into_drawing_area();
        area.fill(&WHITE).map_err(refused)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..last, 0.0..height)
            .map_err(refused)?;
        chart.configure_mesh().x_desc(x).y_desc(y).light_line_style(WHITE).draw().map_err(refused)?;
        for ((name, points), colour) in lines.iter().zip(COLOURS) {
            let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3);
            chart
                .draw_series(line)
                .map_err(refused)?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        let labels = &mut chart.configure_series_labels();
        let labels = labels.position(SeriesLabelPosition::UpperRight).background_style(WHITE);
        labels.draw().map_err(refused)?;
        area.present().map_err(refused)?;
    }
    Ok(svg)
}

fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the picture cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[test]
    fn a_picture_names_its_lines() {
        let svg = draw("Title", ["load", "good"], &[("ours", vec![(1.0, 2.0)]), ("theirs", vec![])]).unwrap();
        assert!(["Title", "ours", "theirs", "load"].iter().all(|text| svg.contains(text)), "{svg}");
    }
}
