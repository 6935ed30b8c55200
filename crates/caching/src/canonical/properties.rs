//! What holds for every document, with `serde_json`'s tree as the judge of what is the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;
use spillway_primitives::{Rng, rng_from};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Limits, Reason, read};
use crate::digest::Digest;

/// A document, apart from how it is written.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Word(&'static str),
    Number(&'static str),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab\"\\\\\n/é😀\\x00]{0,3}", "\\PC{0,12}"]
}

/// Small ones over few words, so that pairs often are alike.
fn value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        proptest::sample::select(vec!["true", "false", "null"]).prop_map(Json::Word),
        proptest::sample::select(vec!["0", "1", "-1", "10", "2.5", "1e9"]).prop_map(Json::Number),
        text().prop_map(Json::Text),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let member = (prop_oneof![3 => "[ab]{0,2}", 1 => text()], inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Json::Array),
            proptest::collection::vec(member, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Json> {
    proptest::collection::vec(("[abc]{0,2}", value()), 0..4)
        .prop_map(|members| Json::Object(members.into_iter().collect()))
}

/// Writes a document in one of the many ways.
struct Writer {
    rng: Rng,
    text: String,
}

impl Writer {
    fn write(document: &Json, seed: u64) -> String {
        let mut writer = Self { rng: rng_from(&[seed]), text: String::new() };
        writer.value(document);
        writer.text
    }

    fn value(&mut self, value: &Json) {
        self.space();
        match value {
            Json::Word(word) | Json::Number(word) => self.text += word,
            Json::Text(text) => self.string(text),
            Json::Array(items) => {
                self.text.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        self.text.push(',');
                    }
                    self.value(item);
                }
                self.space();
                self.text.push(']');
            }
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                self.rng.shuffle(&mut members);
                self.text.push('{');
                for (n, (name, value)) in members.into_iter().enumerate() {
                    if n > 0 {
                        self.text.push(',');
                    }
                    self.space();
                    self.string(name);
                    self.space();
                    self.text.push(':');
                    self.value(value);
                }
                self.space();
                self.text.push('}');
            }
        }
        self.space();
    }

    fn space(&mut self) {
        for _ in 0..self.rng.usize(..3) {
            self.text.push([' ', '\n', '\r', '\t'][self.rng.usize(..4)]);
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' if self.rng.bool() => self.text.extend(['\\', character]),
                '/' if self.rng.bool() => self.text += "\\/",
                '\n' if self.rng.bool() => self.text += "\\n",
                '"' | '\\' | '\0'..' ' => self.escaped(character),
                _ if self.rng.u8(..4) == 0 => self.escaped(character),
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }

    fn escaped(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            let written = if self.rng.bool() { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
            self.text += &written;
        }
    }
}

#[track_caller]
fn digest(body: &str) -> Digest {
    read(body.as_bytes(), &[""; 0], Limits::default()).unwrap().digest
}

/// Every scalar of a document.
fn scalars(value: &mut Json) -> Vec<&mut Json> {
    match value {
        Json::Array(items) => items.iter_mut().flat_map(scalars).collect(),
        Json::Object(members) => members.values_mut().flat_map(scalars).collect(),
        scalar => vec![scalar],
    }
}

fn changed(scalar: &Json) -> Json {
    match scalar {
        Json::Word("true") => Json::Word("false"),
        Json::Number("1") => Json::Text("1".to_owned()),
        Json::Text(text) => Json::Text(format!("{text}x")),
        _ => Json::Number("1"),
    }
}

proptest! {
    #[test]
    fn every_way_to_write_a_document_has_the_same_digest(document in document(), seeds: [u64; 2]) {
        let [one, other] = seeds.map(|seed| Writer::write(&document, seed));
        let trees = [&one, &other].map(|text| serde_json::from_str::<Value>(text).unwrap());
        prop_assert_eq!(&trees[0], &trees[1], "the writer is wrong: {} and {}", &one, &other);
        prop_assert_eq!(digest(&one), digest(&other), "{} and {}", &one, &other);
    }

    #[test]
    fn documents_have_the_same_digest_exactly_if_their_trees_are_the_same(
        one in document(), other in document(), seed: u64,
    ) {
        let [one, other] = [one, other].map(|document| Writer::write(&document, seed));
        let trees = [&one, &other].map(|text| serde_json::from_str::<Value>(text).unwrap());
        prop_assert_eq!(digest(&one) == digest(&other), trees[0] == trees[1], "{} and {}", &one, &other);
    }

    #[test]
    fn any_scalar_counts(document in document(), at: proptest::sample::Index, seed: u64) {
        let mut other = document.clone();
        let mut scalars = scalars(&mut other);
        if scalars.is_empty() {
            return Ok(());
        }
        let at = at.index(scalars.len());
        let scalar = &mut *scalars[at];
        *scalar = changed(scalar);
        prop_assert_ne!(digest(&Writer::write(&document, seed)), digest(&Writer::write(&other, seed)));
    }

    #[test]
    fn what_serde_json_refuses_is_refused(text in "[\\{\\}\\[\\]\":,0-3ue\\-\\+\\.a \\\\]{0,30}") {
        agrees(&format!("{{\"k\":{text}}}"))?;
        agrees(&text)?;
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let accepted = read(&bytes, &[""; 0], Limits::default()).is_ok();
        prop_assert!(!accepted || serde_json::from_slice::<Value>(&bytes).is_ok());
    }
}

/// Both take a text or both refuse it, but for what this crate alone looks at.
fn agrees(text: &str) -> Result<(), TestCaseError> {
    let ours = read(text.as_bytes(), &[""; 0], Limits::default());
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => {
            prop_assert!(matches!(ours, Ok(_) | Err(Reason::DuplicateName)), "{text}: {ours:?}");
        }
        Ok(_) => prop_assert_eq!(ours, Err(Reason::NotAnObject), "{}", text),
        // To a tree a number is out of range that is fine as text.
        Err(error) => prop_assert!(ours.is_err() || error.to_string().contains("out of range"), "{text}"),
    }
    Ok(())
}

#[test]
fn a_member_cannot_be_cancelled_by_another() {
    let mut bodies = Vec::new();
    for members in 0..64_u32 {
        let mut body = String::from("{");
        for name in (0..6).filter(|name| members >> name & 1 == 1) {
            let comma = if body.len() > 1 { "," } else { "" };
            write!(body, "{comma}\"{name}\":{{\"x\":1}}").unwrap();
        }
        bodies.push(digest(&(body + "}")));
    }
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), 64);
}
