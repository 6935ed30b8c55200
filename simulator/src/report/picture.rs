//! The picture: a line for each of what is compared, over the seconds of a run, as SVG.

use anyhow::{Result, anyhow};
use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition,
};
use plotters::style::colors::WHITE;

use crate::scenario::{Row, Scenario};

/// Told apart by people who do not see all colours too (Okabe and Ito 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(150, 150, 150),
    RGBColor(0, 0, 0),
];

/// The picture of a scenario.
///
/// # Errors
///
/// When the drawing library refuses the picture.
pub fn draw(scenario: &Scenario, rows: &[Row]) -> Result<String> {
    let curve = scenario.curve;
    let points = |row: &Row| {
        let seconds = row.outcome.seconds.iter().enumerate();
        seconds.map(|(second, values)| (second as f64, (curve.of)(values))).collect()
    };
    let rows = rows.iter().filter(|row| row.case == curve.case);
    let lines: Vec<_> = rows.map(|row| (row.kind.as_str(), points(row))).collect();
    chart(&format!("{}: {}", scenario.name, curve.title), "seconds", &lines)
}

/// A picture of lines, each with its name.
pub(crate) fn chart(title: &str, x: &str, lines: &[(&str, Vec<(f64, f64)>)]) -> Result<String> {
    let points = || lines.iter().flat_map(|(_, points)| points).copied();
    let last = points().map(|(x, _)| x).fold(1.0, f64::max);
    let most = points().map(|(_, y)| y).fold(1e-3, f64::max);
    // Above the lines there is room for their names.
    let height = most * 1.4;
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
        chart.configure_mesh().x_desc(x).light_line_style(WHITE).draw().map_err(refused)?;
        for ((name, points), colour) in lines.iter().zip(COLOURS) {
            let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
            chart
                .draw_series(line)
                .map_err(refused)?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE)
            .draw()
            .map_err(refused)?;
        area.present().map_err(refused)?;
    }
    Ok(svg)
}

fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the picture cannot be drawn: {error}")
}
