//! Tables and a picture.

use anyhow::Result;

use super::study::LOADS;
use super::{Finding, Findings, Kind, NAME};
use crate::report;

/// When the burst is over.
const RECOVERY: std::ops::Range<usize> = 40..90;

/// The tables, as Markdown.
#[must_use]
pub fn render(findings: &Findings) -> String {
    let about = "Three inference workers with eight slots, answers of half a second, one Envoy where nothing else is said. \
                 C is what they can serve. 20 % of the requests are critical, 30 % standard, 50 % sheddable, and come at equal \
                 distances. In time is a first token within a second.";
    let gates = "How much of C is answered in time, which share of each level, how long the first token of critical requests \
                 takes, and where the limit is.";
    let limits = "The limit at 2 x C: the least and the most of its means over ten seconds, from ten seconds on after the start or \
                  the change, as a share of the slots.";
    let bursts = "0.5 x C, from 30 s on 2 x C as a Poisson process, after ten seconds 0.5 x C again or for good. Who is refused comes \
                  back once.";
    format!(
        "# {NAME}\n\n{about}\n\n## Loads\n\n{gates}\n\n{}\n## Limits\n\n{limits}\n\n{}\n## Bursts\n\n{bursts}\n\n{}",
        report::aligned(&gate_lines(&findings.gates)),
        report::aligned(&limit_lines(&findings.limits)),
        report::aligned(&burst_lines(&findings.bursts)),
    )
}

/// The picture: goodput over load.
///
/// # Errors
///
/// When the drawing library refuses the picture.
pub fn draw(findings: &Findings) -> Result<String> {
    let lines = Kind::ALL.map(|kind| {
        let of_kind = findings.gates.iter().filter(|finding| finding.kind == kind);
        let points = LOADS.into_iter().zip(of_kind).map(|(load, finding)| (load, goodput(finding))).collect();
        (kind.as_str(), points)
    });
    report::chart(&format!("{NAME}: answers in time as a share of C"), "load as a multiple of C", &lines)
}

fn goodput(finding: &Finding) -> f64 {
    finding.outcome.goodput() / finding.plan.capacity_at(0)
}

fn gate_lines(findings: &[Finding]) -> Vec<Vec<String>> {
    let head = [
        "load",
        "gate",
        "in time",
        "critical",
        "standard",
        "sheddable",
        "critical p50",
        "critical p99",
        "limit ÷ slots",
        "ladder changes a minute",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let mut last = "";
    for finding in findings {
        let Finding { name, kind, plan, outcome } = finding;
        let mut line =
            vec![if name == last { String::new() } else { name.clone() }, kind.as_str().to_owned()];
        last = name;
        line.push(percent(goodput(finding)));
        line.extend([0, 1, 2].map(|level| percent(outcome.share(level))));
        line.extend(
            [0.5, 0.99].map(|share| format!("{:.0} ms", outcome.first_token(0, share).as_secs_f64() * 1e3)),
        );
        line.push(if *kind == Kind::Unlimited { "-".to_owned() } else { range(finding) });
        line.push(format!("{:.1}", outcome.changes_a_minute(plan.warm_up)));
        lines.push(line);
    }
    lines
}

fn limit_lines(findings: &[Finding]) -> Vec<Vec<String>> {
    let head = ["slots", "answers", "workers", "limit ÷ slots", "in time ÷ C", "critical p99"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let mut last = None;
    for finding in findings {
        let Finding { name, plan, outcome, .. } = finding;
        let is_new = last.replace((plan.slots, plan.generation)) != Some((plan.slots, plan.generation));
        let shown = |text: String| if is_new { text } else { String::new() };
        let capacity = plan.capacity_at(plan.seconds - 1);
        lines.push(vec![
            shown(plan.slots.to_string()),
            shown(format!("{:?}", plan.generation)),
            name.clone(),
            range(finding),
            percent(outcome.goodput() / capacity),
            format!("{:.0} ms", outcome.first_token(0, 0.99).as_secs_f64() * 1e3),
        ]);
    }
    lines
}

fn burst_lines(findings: &[Finding]) -> Vec<Vec<String>> {
    let head = [
        "burst",
        "came back",
        "of these in time",
        "most in a second after 40 s",
        "in time ÷ C after 40 s",
        "told at most",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for Finding { name, plan, outcome, .. } in findings {
        let capacity = plan.capacity_at(0);
        let good: u32 = outcome.seconds[RECOVERY].iter().map(|second| second.good).sum();
        let told = outcome.seconds.iter().map(|second| second.promised).max().unwrap_or_default();
        lines.push(vec![
            name.clone(),
            outcome.returned.0.to_string(),
            percent(outcome.second_tries()),
            format!("{:.2} C", f64::from(outcome.most_arrived(RECOVERY)) / capacity),
            percent(f64::from(good) / RECOVERY.len() as f64 / capacity),
            format!("{} s", told.as_secs()),
        ]);
    }
    lines
}

fn range(finding: &Finding) -> String {
    let (least, most) = finding.limit_range();
    format!("{least:.2} to {most:.2}")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
