//! The forward pass.

use super::plain;
use super::tiny::{HIDDEN, Tiny, VOCABULARY};
use crate::engine::bert::encoder::Encoder;
use crate::engine::bert::folder;
use crate::engine::bert::weights::Weights;
use spillway_primitives::rng_from;

fn encoder(tiny: &Tiny) -> Encoder {
    let dir = tempfile::tempdir().unwrap();
    tiny.write(dir.path());
    let file = folder::bytes(dir.path(), "model.safetensors").unwrap();
    let shape = folder::describe(dir.path()).unwrap().shape;
    Encoder::take(&Weights::new(&file).unwrap(), &shape).unwrap()
}

/// Inputs of these lengths.
fn inputs(lengths: &[usize]) -> Vec<Vec<u32>> {
    let mut rng = rng_from(&[3]);
    let last = u32::try_from(VOCABULARY).unwrap();
    lengths.iter().map(|length| (0..*length).map(|_| rng.u32(..last)).collect()).collect()
}

fn embed(encoder: &Encoder, inputs: &[Vec<u32>]) -> Vec<Vec<f32>> {
    encoder.embed(inputs.iter().map(Vec::as_slice)).unwrap()
}

#[track_caller]
fn near(a: &[f32], b: &[f32], by: f32) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= by, "{a} and {b}");
    }
}

#[test]
fn a_vector_is_what_the_definition_says() {
    let tiny = Tiny::new();
    let inputs = inputs(&[1, 2, 17, 64]);
    for (vector, input) in embed(&encoder(&tiny), &inputs).iter().zip(&inputs) {
        let expected: Vec<f32> =
            plain::vector(&tiny, input).into_iter().map(|number| number as f32).collect();
        assert_eq!(vector.len(), HIDDEN);
        near(vector, &expected, 1e-5);
    }
}

#[test]
fn a_vector_is_the_same_alone_and_among_others() {
    let encoder = encoder(&Tiny::new());
    let inputs = inputs(&[5, 64, 1, 33, 5, 20]);
    let together = embed(&encoder, &inputs);
    for (input, vector) in inputs.iter().zip(&together) {
        near(&embed(&encoder, std::slice::from_ref(input))[0], vector, 1e-5);
    }
    let far: f32 = together[0].iter().zip(&together[4]).map(|(a, b)| (a - b).abs()).sum();
    assert!(far > 0.01, "other inputs have other vectors, even of the same length");
}

#[test]
fn the_order_of_tokens_matters() {
    let encoder = encoder(&Tiny::new());
    let vectors = embed(&encoder, &[vec![5, 6, 7], vec![7, 6, 5]]);
    assert!(vectors[0].iter().zip(&vectors[1]).any(|(a, b)| (a - b).abs() > 1e-4));
}
