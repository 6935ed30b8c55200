//! The same calculation in plain loops and 64 bits, by the definition and not by the engine's code.

use super::tiny::{EPSILON, HEADS, HIDDEN, LAYERS, Tiny};

type Row = Vec<f64>;

/// The vector of one input.
pub(super) fn vector(tiny: &Tiny, tokens: &[u32]) -> Row {
    let words = table(tiny, "embeddings.word_embeddings.weight");
    let places = table(tiny, "embeddings.position_embeddings.weight");
    let kind = table(tiny, "embeddings.token_type_embeddings.weight").remove(0);
    let first = tokens.iter().zip(&places).map(|(token, place)| {
        let word = &words[usize::try_from(*token).unwrap()];
        norm(tiny, "embeddings.LayerNorm", &add(&add(word, place), &kind))
    });
    let rows = (0..LAYERS).fold(first.collect(), |rows: Vec<Row>, layer| {
        forward(tiny, &format!("encoder.layer.{layer}"), &rows)
    });
    let sum = rows.iter().fold(vec![0.0; HIDDEN], |sum, row| add(&sum, row));
    let length = dot(&sum, &sum).sqrt();
    sum.into_iter().map(|number| number / length).collect()
}

fn forward(tiny: &Tiny, name: &str, rows: &[Row]) -> Vec<Row> {
    let all =
        |part: &str| rows.iter().map(|row| linear(tiny, &format!("{name}.attention.{part}"), row)).collect();
    let (queries, keys, values): (Vec<Row>, Vec<Row>, Vec<Row>) =
        (all("self.query"), all("self.key"), all("self.value"));
    let size = HIDDEN / HEADS;
    let attend = |(row, query): (&Row, &Row)| {
        let mut mixed = vec![0.0; HIDDEN];
        for head in (0..HIDDEN).step_by(size) {
            let own = head..head + size;
            let scores =
                keys.iter().map(|key| dot(&query[own.clone()], &key[own.clone()]) / (size as f64).sqrt());
            let powers: Vec<f64> = scores.map(f64::exp).collect();
            let all: f64 = powers.iter().sum();
            for (power, value) in powers.iter().zip(&values) {
                own.clone().for_each(|at| mixed[at] += power / all * value[at]);
            }
        }
        let mixed = linear(tiny, &format!("{name}.attention.output.dense"), &mixed);
        let row = norm(tiny, &format!("{name}.attention.output.LayerNorm"), &add(row, &mixed));
        let up = linear(tiny, &format!("{name}.intermediate.dense"), &row);
        let fed: Row = up.into_iter().map(gelu).collect();
        let down = linear(tiny, &format!("{name}.output.dense"), &fed);
        norm(tiny, &format!("{name}.output.LayerNorm"), &add(&row, &down))
    };
    rows.iter().zip(&queries).map(attend).collect()
}

/// x times the share of a normal distribution that is below x, which is integrated here in small steps.
fn gelu(x: f64) -> f64 {
    const STEPS: u32 = 2_000;
    let width = x / f64::from(STEPS);
    let density = |at: f64| (-at * at / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let area: f64 = (0..STEPS).map(|step| density((f64::from(step) + 0.5) * width) * width).sum();
    x * (0.5 + area)
}

fn norm(tiny: &Tiny, name: &str, row: &[f64]) -> Row {
    let size = row.len() as f64;
    let mean = row.iter().sum::<f64>() / size;
    let variance = row.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / size;
    let (weight, bias) = (numbers(tiny, &format!("{name}.weight")), numbers(tiny, &format!("{name}.bias")));
    let each = row.iter().zip(weight).zip(bias);
    each.map(|((number, weight), bias)| (number - mean) / (variance + EPSILON).sqrt() * weight + bias)
        .collect()
}

fn linear(tiny: &Tiny, name: &str, row: &[f64]) -> Row {
    let bias = numbers(tiny, &format!("{name}.bias"));
    table(tiny, &format!("{name}.weight"))
        .iter()
        .zip(bias)
        .map(|(weights, bias)| dot(weights, row) + bias)
        .collect()
}

fn table(tiny: &Tiny, name: &str) -> Vec<Row> {
    let columns = tiny.tensors[name].dims()[1];
    numbers(tiny, name).chunks(columns).map(<[f64]>::to_vec).collect()
}

fn numbers(tiny: &Tiny, name: &str) -> Row {
    let numbers = tiny.tensors[name].flatten_all().unwrap().to_vec1::<f32>().unwrap();
    numbers.into_iter().map(f64::from).collect()
}

fn add(a: &[f64], b: &[f64]) -> Row {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
