use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// The parts, owned: texts in the order of the key, those that may be absent last.
#[derive(Clone, Debug, PartialEq)]
struct Parts {
    tenant: Option<u8>,
    texts: [Vec<u8>; 4],
    optional: [Option<Vec<u8>>; 3],
    stream: bool,
    body: Option<u8>,
}

impl Parts {
    fn key(&self) -> Digest {
        let [route, method, path, headers] = &self.texts;
        let [host, model, release] = &self.optional;
        KeyParts {
            tenant: self.tenant.map_or(Tenant::Shared, |of| Tenant::of_name(&[of])),
            route,
            method,
            path,
            host: host.as_deref(),
            headers,
            model: model.as_deref(),
            release: release.as_deref(),
            stream: self.stream,
            body: self.body.map(|of| Digest::from_bytes([of; 32])),
        }
        .digest()
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    // Few different bytes and short texts, so that equal parts and shifted borders come up.
    proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(0), Just(1)], 0..4)
}

fn parts() -> impl Strategy<Value = Parts> {
    let some = || proptest::option::of(text());
    (proptest::option::of(0u8..2), [text(), text(), text(), text()], [some(), some(), some()], any::<bool>())
        .prop_flat_map(|(tenant, texts, optional, stream)| {
            proptest::option::of(0u8..2).prop_map(move |body| Parts {
                tenant,
                texts: texts.clone(),
                optional: optional.clone(),
                stream,
                body,
            })
        })
}

proptest! {
    /// The same parts have the same key; whatever part differs, the key does.
    #[test]
    fn keys_are_equal_where_all_parts_are(a in parts(), b in parts()) {
        prop_assert_eq!(a.key() == b.key(), a == b);
        prop_assert_eq!(a.key(), a.clone().key());
    }

    #[test]
    fn any_one_part_changes_the_key(parts in parts(), which in 0usize..10) {
        let mut other = parts.clone();
        match which {
            0 => other.tenant = Some(parts.tenant.map_or(0, |of| of + 1)),
            1..5 => other.texts[which - 1].push(b'x'),
            5..8 => other.optional[which - 5] = parts.optional[which - 5].is_none().then(Vec::new),
            8 => other.stream = !parts.stream,
            _ => other.body = Some(parts.body.map_or(0, |of| of + 1)),
        }
        prop_assert_ne!(parts.key(), other.key());
    }

    /// A byte that moves over the border of two neighbours changes the key.
    #[test]
    fn borders_count(parts in parts(), border in 0usize..6) {
        let mut texts: Vec<Vec<u8>> = parts.texts.to_vec();
        texts.extend(parts.optional.iter().map(|text| text.clone().unwrap_or_default()));
        let Some(byte) = texts[border].pop() else { return Ok(()) };
        texts[border + 1].insert(0, byte);
        let before = with_texts(&parts, |which| {
            if which < 4 { parts.texts[which].clone() } else { parts.optional[which - 4].clone().unwrap_or_default() }
        });
        let after = with_texts(&parts, |which| texts[which].clone());
        prop_assert_ne!(before.key(), after.key());
    }
}

fn with_texts(parts: &Parts, text: impl Fn(usize) -> Vec<u8>) -> Parts {
    Parts {
        texts: [text(0), text(1), text(2), text(3)],
        optional: [Some(text(4)), Some(text(5)), Some(text(6))],
        ..parts.clone()
    }
}

#[test]
fn tenants_differ_by_what_they_are_known_by() {
    let tenants = [
        Tenant::Shared,
        Tenant::of_credential(b"Bearer a"),
        Tenant::of_credential(b"Bearer b"),
        Tenant::of_credential(b""),
        Tenant::of_name(b"Bearer a"),
        Tenant::of_name(b""),
    ];
    for (n, one) in tenants.iter().enumerate() {
        for other in &tenants[n + 1..] {
            assert_ne!(one, other);
        }
    }
    assert_eq!(Tenant::of_credential(b"Bearer a"), Tenant::of_credential(b"Bearer a"));
}

#[test]
fn a_part_that_looks_like_a_border_is_none() {
    // What stands between two parts: that there is one, and how long it is.
    let border = [&1u64.to_le_bytes()[..], &1u64.to_le_bytes()].concat();
    for length in [8, 16] {
        let border = &border[..length];
        let long = |first: &[u8], second: &[u8]| [first, border, second].concat();
        let of = |route: Vec<u8>, method: Vec<u8>| {
            Parts {
                tenant: None,
                texts: [route, method, b"p".to_vec(), Vec::new()],
                optional: [None, None, None],
                stream: false,
                body: None,
            }
            .key()
        };
        assert_ne!(of(long(b"a", b"b"), b"c".to_vec()), of(b"a".to_vec(), long(b"b", b"c")));
    }
}
