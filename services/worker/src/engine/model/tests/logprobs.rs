//! How likely tokens were, from the engine.

use super::engine::{Answer, Setup, answer, job, mixed, start, start_with};
use crate::engine::Job;
use spillway_inference::request::Sampling;
use spillway_inference::response::{FinishReason, Token, TokenLogprobs};
use std::sync::Arc;

fn bytes(place: &TokenLogprobs) -> Vec<u8> {
    match &place.token.token {
        Token::Text(bytes) => bytes.clone(),
        Token::Control(_) => Vec::new(),
    }
}

fn text(places: &[TokenLogprobs]) -> String {
    String::from_utf8_lossy(&places.iter().flat_map(bytes).collect::<Vec<_>>()).into_owned()
}

fn warm(prompt: &str) -> Job {
    Job { max_tokens: Some(40), sampling: Sampling::default(), seed: Some(3), ..job(prompt) }
}

#[tokio::test]
async fn every_token_has_its_place_and_the_answer_is_the_same() {
    let running = start().await;
    for seed in 0..20 {
        let plain = Job { seed: Some(seed), ..warm("abc") };
        let without = answer(&running, plain.clone()).await;
        let with = answer(&running, Job { logprobs: Some(3), ..plain }).await;
        assert_eq!((&with.text, with.usage), (&without.text, without.usage), "seed {seed}");
        assert_eq!(without.logprobs, []);
        assert_eq!(u32::try_from(with.logprobs.len()), Ok(with.usage.completion_tokens), "seed {seed}");
        for place in &with.logprobs {
            assert!(place.token.logprob < 0.0 && place.token.logprob > -20.0, "{place:?}");
            assert_eq!(place.top.len(), 3);
            assert!(place.top.iter().is_sorted_by(|a, b| a.logprob >= b.logprob), "{place:?}");
            assert!(place.top[0].logprob >= place.token.logprob, "{place:?}");
        }
    }
}

/// Random weights make bytes of all kinds: what a piece of text is made of comes no later than the text.
#[tokio::test]
async fn tokens_come_with_the_text_that_they_begin() {
    let running = start().await;
    let mut parts_of_characters = 0;
    for seed in 0..20 {
        let Answer { pieces, .. } =
            answer(&running, Job { seed: Some(seed), logprobs: Some(0), ..warm("abc") }).await;
        let (mut said, mut places) = (String::new(), Vec::new());
        for (piece, logprobs) in pieces {
            for place in &logprobs {
                let at = said.chars().count();
                assert!((at..=at + piece.chars().count()).contains(&place.text_offset), "{place:?}");
                parts_of_characters += usize::from(std::str::from_utf8(&bytes(place)).is_err());
            }
            said += &piece;
            places.extend(logprobs);
        }
        let made = text(&places);
        assert!(made.starts_with(&said), "{said:?} of {made:?}");
    }
    assert!(parts_of_characters > 0, "the weights make none: the test shows nothing");
}

#[tokio::test]
async fn what_a_stop_string_cuts_off_is_not_there() {
    let running = start().await;
    let whole = answer(&running, warm("abc")).await.text;
    let middle = whole.chars().count() / 2;
    let stop: String = whole.chars().skip(middle).take(3).collect();
    let stopped = Job { stop: vec![stop.clone()], logprobs: Some(0), ..warm("abc") };
    let Answer { text: before, reason, logprobs, usage, .. } = answer(&running, stopped).await;
    assert_eq!(reason, FinishReason::Stop);
    assert!(logprobs.iter().all(|place| place.text_offset < before.chars().count()), "{logprobs:?}");
    assert!(logprobs.len() < usage.completion_tokens as usize, "the stop string took tokens");
    let made = text(&logprobs);
    assert!(made.starts_with(&before) && !made.contains(&stop), "{made:?}");
}

#[tokio::test]
async fn the_greedy_token_is_the_first_of_the_likeliest() {
    let running = start().await;
    let greedy = Job { logprobs: Some(20), max_tokens: Some(40), ..job("to be") };
    let Answer { logprobs, .. } = answer(&running, greedy).await;
    assert_eq!(logprobs.len(), 40);
    for place in logprobs {
        assert_eq!(place.top.first(), Some(&place.token));
    }
}

/// They are of the scores as the model gave them, whatever is done with these afterwards.
#[tokio::test]
async fn sampling_does_not_change_them() {
    let running = start().await;
    let one = |sampling| Job { sampling, max_tokens: Some(1), logprobs: Some(20), ..warm("to be") };
    let plain = answer(&running, one(Sampling::default())).await.logprobs;
    let repetition_penalty = 5.0;
    let bent =
        Sampling { temperature: 0.3, top_k: Some(2), top_p: 0.5, repetition_penalty, ..Sampling::default() };
    let bent = answer(&running, one(bent)).await.logprobs;
    assert_eq!(plain[0].top, bent[0].top);
}

#[tokio::test]
async fn they_are_the_same_alone_and_among_others() {
    let alone = start_with(Setup { slots: 1, ..Setup::default() }).await;
    let together = Arc::new(start_with(Setup { slots: 8, ..Setup::default() }).await);
    let asks = |number| Job { logprobs: Some(5), ..mixed(number) };
    let mut answers = Vec::new();
    for number in 0..60 {
        answers.push(answer(&alone, asks(number)).await.logprobs);
    }
    let ask = |number| {
        let together = Arc::clone(&together);
        tokio::spawn(async move { answer(&together, asks(number)).await.logprobs })
    };
    let tasks: Vec<_> = (0..60).map(ask).collect();
    for (number, (task, alone)) in tasks.into_iter().zip(answers).enumerate() {
        assert_eq!(task.await.unwrap(), alone, "request {number}");
    }
}
