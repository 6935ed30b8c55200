//! What holds for every body.

use proptest::collection::vec;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::api::Api;

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just(" "), Just("\r\n\t")]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#""max_tokens""#.to_owned()),
        Just(r#""m\u0061x_tokens""#.to_owned()),
        Just(r#""max_completion_tokens""#.to_owned()),
        Just(r#""model""#.to_owned()),
        "\\PC{0,4}".prop_map(|name| Value::from(name).to_string()),
    ]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        (0_u64..600).prop_map(|number| number.to_string()),
        any::<i16>().prop_map(|number| format!("{number}.50e-1")),
        "\\PC{0,8}".prop_map(|text| Value::from(text).to_string()),
        Just("null".to_owned()),
        Just(r#""}\"\\{\u00e9""#.to_owned()),
    ]
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), name(), space(), value).prop_map(|(before, name, between, value)| {
        format!("{before}{name}{between}:{between}{value}{before}")
    });
    (space(), vec(member, 0..5))
        .prop_map(|(space, members)| format!("{{{space}{}}}{space}", members.join(",")))
}

/// A body as clients may write one, with some of the wanted names in it.
fn body() -> impl Strategy<Value = String> {
    object(scalar().prop_recursive(2, 12, 4, |value| {
        let items = vec(value.clone(), 0..4);
        prop_oneof![object(value), items.prop_map(|items| format!("[{}]", items.join(", ")))]
    }))
}

proptest! {
    #[test]
    fn setting_is_what_setting_a_member_of_a_tree_is(text in body(), tokens: u32) {
        let new = [("max_tokens", tokens.to_string()), ("model", "\"small\"".to_owned())];
        let members: Vec<_> = new.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match set_members(text.as_bytes(), &members) {
            Ok(written) => {
                let mut expected: Value = serde_json::from_str(&text).unwrap();
                expected["max_tokens"] = Value::from(tokens);
                expected["model"] = Value::from("small");
                prop_assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), expected);
                prop_assert_eq!(member(&written, "model"), Ok(Some(&b"\"small\""[..])));
                // Set again, nothing changes: the second time every byte stays.
                prop_assert_eq!(&set_members(&written, &members).unwrap(), &written);
            }
            Err(error) => prop_assert_eq!(error, RewriteError::Twice),
        }
    }

    #[test]
    fn every_other_byte_is_as_it_was(text in body(), tokens: u32) {
        let value = tokens.to_string();
        let Ok(written) = set_members(text.as_bytes(), &[("max_tokens", &value)]) else { return Ok(()) };
        if let Some(old) = member(text.as_bytes(), "max_tokens").unwrap() {
            let back = set_members(&written, &[("max_tokens", str::from_utf8(old).unwrap())]).unwrap();
            prop_assert_eq!(back, text.as_bytes());
        } else {
            let (before, after) = text.split_at(text.rfind('}').unwrap());
            let added = str::from_utf8(&written).unwrap().strip_prefix(before).unwrap();
            let added = added.strip_suffix(after).unwrap().trim_start_matches(',');
            prop_assert_eq!(added, format!("\"max_tokens\":{value}"));
        }
    }

    #[test]
    fn what_is_capped_asks_for_no_more_and_stays(text in body(), most in 1_u64..600) {
        for api in Api::ALL {
            let Ok(Some(written)) = capped_output(text.as_bytes(), api, most) else { continue };
            prop_assert_eq!(capped_output(&written, api, most), Ok(None));
            // The names that facts prefer are those of these two.
            if matches!(api, Api::ChatCompletions | Api::Completions) {
                let limit = crate::facts::read(&written, 0).unwrap().output_limit;
                prop_assert!(limit.is_some_and(|limit| u64::from(limit) <= most));
            }
        }
    }

    #[test]
    fn what_is_not_capped_asks_for_no_more_already(text in body(), most in 1_u64..600) {
        for api in [Api::ChatCompletions, Api::Completions] {
            if let Ok(None) = capped_output(text.as_bytes(), api, most) {
                let limit = crate::facts::read(text.as_bytes(), 0).unwrap().output_limit;
                prop_assert!(limit.is_some_and(|limit| u64::from(limit) <= most));
            }
        }
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(bytes in vec(any::<u8>(), 0..60)) {
        let is_object = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object());
        prop_assert_eq!(set_members(&bytes, &[("max_tokens", "1")]).is_ok(), is_object);
    }

    #[test]
    fn and_so_is_text_that_looks_like_json(text in "\\{(\"[ab]{0,2}\": ?[0-9.e{}\\[\\]\"\\\\a-]{0,4},? ?){0,3}\\}") {
        let value = serde_json::from_str::<Value>(&text);
        let written = set_members(text.as_bytes(), &[("ab", "1")]);
        prop_assert_eq!(written.is_ok() || written == Err(RewriteError::Twice), value.is_ok());
        drop(capped_output(text.as_bytes(), Api::ChatCompletions, 1));
    }
}
