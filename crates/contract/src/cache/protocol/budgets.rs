//! What several Envoys have used of their tenants' budgets, added up.
//!
//! Each process tells what it has used since it last told, and is answered with what all of them owe. Both are times: so
//! many microseconds of a minute's budget as bring what was used. So whoever adds it up knows no quota.
//!
//! Under one number a process tells of a tenant one thing. When it comes a second time, because the answer was lost, it is
//! answered and not added again.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::cache::key;

/// Where it is told, with `POST`: [`Tell`] as JSON, answered with [`Told`].
pub const BUDGETS_PATH: &str = "/v1/budgets";

/// The media type of both.
pub const BUDGETS_MEDIA_TYPE: &str = "application/json";

/// The most tenants that are told of at once.
pub const MAX_TENANTS: usize = 256;

/// The longest [`Tell`], in bytes: so many tenants take less than half of it.
pub const MAX_TELL_BYTES: usize = 128 << 10;

/// The most that is used or owed of one budget, in microseconds: a minute's budget, and a debt of one more.
pub const MAX_OWED_US: i64 = 120_000_000;

/// The largest number under which something is told: what a double holds exactly.
pub const MAX_SEQUENCE: u64 = (1 << 53) - 1;

/// How long a number is remembered, in seconds. Well above the time after which what was used is paid: then it is of no
/// interest whether it was told.
pub const REMEMBERED_S: u64 = 300;

/// A process, or a tenant: a digest from which nothing can be read back, as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub [u8; 32]);

impl Name {
    /// The 64 hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        key::to_hex(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        // What came is not repeated: it could be a credential.
        key::from_hex(&text).map(Self).ok_or_else(|| D::Error::custom("expected 64 hex digits"))
    }
}

/// What a process has used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// Which process.
    pub process: Name,
    /// Of each tenant, at most [`MAX_TENANTS`].
    pub tenants: Vec<TenantUsed>,
}

/// What a process has used of one tenant's budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantUsed {
    /// Whose they are.
    pub tenant: Name,
    /// The number under which it is told: larger than all before, 1 to [`MAX_SEQUENCE`].
    pub sequence: u64,
    /// Of the budget of requests, in microseconds, −[`MAX_OWED_US`] to [`MAX_OWED_US`]; less than zero was given back.
    pub requests_us: i64,
    /// Of the budget of tokens, in the same way.
    pub tokens_us: i64,
}

/// What all processes owe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of those tenants that it could be said of. What was told of any other is to be told again.
    pub tenants: Vec<TenantOwed>,
}

/// What all processes together owe of one tenant's budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantOwed {
    /// Whose they are.
    pub tenant: Name,
    /// The number under which it was told.
    pub sequence: u64,
    /// Of the budget of requests, in microseconds, 0 to [`MAX_OWED_US`].
    pub requests_us: i64,
    /// Of the budget of tokens, in the same way.
    pub tokens_us: i64,
}

/// Why a [`Tell`] or a [`Told`] is not read. The words repeat nothing of what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetsError {
    /// It is no such JSON.
    #[error("it is not what is told of budgets: line {line}, column {column}")]
    Malformed {
        /// Where, beginning with 1.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// Of more tenants than [`MAX_TENANTS`].
    #[error("tenants: expected at most {MAX_TENANTS}")]
    TooMany,
    /// A number out of its range.
    #[error("tenants[{at}].{field}: expected a number from {min} to {max}")]
    Range {
        /// Of which tenant, beginning with 0.
        at: usize,
        /// Which number.
        field: &'static str,
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
}

impl Tell {
    /// From the body of a request.
    ///
    /// # Errors
    ///
    /// [`BudgetsError`] says what is wrong, and where.
    pub fn parse(body: &[u8]) -> Result<Self, BudgetsError> {
        let tell: Self = parse(body)?;
        if tell.tenants.len() > MAX_TENANTS {
            return Err(BudgetsError::TooMany);
        }
        for (at, used) in tell.tenants.iter().enumerate() {
            if !(1..=MAX_SEQUENCE).contains(&used.sequence) {
                let max = i64::try_from(MAX_SEQUENCE).unwrap_or(i64::MAX);
                return Err(BudgetsError::Range { at, field: "sequence", min: 1, max });
            }
            for (field, value) in [("requests_us", used.requests_us), ("tokens_us", used.tokens_us)] {
                in_range((at, field), value, -MAX_OWED_US)?;
            }
        }
        Ok(tell)
    }
}

impl Told {
    /// From the body of an answer.
    ///
    /// # Errors
    ///
    /// [`BudgetsError`] says what is wrong, and where.
    pub fn parse(body: &[u8]) -> Result<Self, BudgetsError> {
        let told: Self = parse(body)?;
        for (at, owed) in told.tenants.iter().enumerate() {
            for (field, value) in [("requests_us", owed.requests_us), ("tokens_us", owed.tokens_us)] {
                in_range((at, field), value, 0)?;
            }
        }
        Ok(told)
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BudgetsError> {
    serde_json::from_slice(body)
        .map_err(|error| BudgetsError::Malformed { line: error.line(), column: error.column() })
}

fn in_range((at, field): (usize, &'static str), value: i64, min: i64) -> Result<(), BudgetsError> {
    let max = MAX_OWED_US;
    if (min..=max).contains(&value) { Ok(()) } else { Err(BudgetsError::Range { at, field, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn used(requests_us: i64, tokens_us: i64) -> TenantUsed {
        TenantUsed { tenant: Name([0xab; 32]), sequence: 7, requests_us, tokens_us }
    }

    fn json(tenants: Vec<TenantUsed>) -> Vec<u8> {
        serde_json::to_vec(&Tell { process: Name([1; 32]), tenants }).unwrap()
    }

    #[test]
    fn what_is_told_is_read_back() {
        let text = format!(
            r#"{{"process":"{}","tenants":[{{"tenant":"{}","sequence":7,"requests_us":6000000,"tokens_us":-5}}]}}"#,
            "01".repeat(32),
            "ab".repeat(32)
        );
        let body = json(vec![used(6_000_000, -5)]);
        assert_eq!(String::from_utf8(body.clone()).unwrap(), text);
        assert_eq!(Tell::parse(&body).unwrap().tenants, [used(6_000_000, -5)]);
        let owed = TenantOwed {
            tenant: Name([2; 32]),
            sequence: MAX_SEQUENCE,
            requests_us: 0,
            tokens_us: MAX_OWED_US,
        };
        let told = Told { tenants: vec![owed] };
        assert_eq!(Told::parse(&serde_json::to_vec(&told).unwrap()), Ok(told));
    }

    #[test]
    fn as_many_as_may_be_told_fit() {
        let largest = TenantUsed { sequence: MAX_SEQUENCE, ..used(-MAX_OWED_US, -MAX_OWED_US) };
        let body = json(vec![largest; MAX_TENANTS]);
        assert!(body.len() < MAX_TELL_BYTES / 2, "{}", body.len());
        assert!(Tell::parse(&body).is_ok());
        assert_eq!(Tell::parse(&json(vec![largest; MAX_TENANTS + 1])), Err(BudgetsError::TooMany));
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_it() {
        for (body, expected) in [
            (
                json(vec![used(0, 0), used(MAX_OWED_US + 1, 0)]),
                "tenants[1].requests_us: expected a number from -120000000 to 120000000",
            ),
            (
                json(vec![TenantUsed { sequence: 0, ..used(0, 0) }]),
                "tenants[0].sequence: expected a number from 1 to 9007199254740991",
            ),
            (
                br#"{"process":"secret","tenants":[]}"#.to_vec(),
                "it is not what is told of budgets: line 1, column 19",
            ),
        ] {
            assert_eq!(Tell::parse(&body).unwrap_err().to_string(), expected);
        }
        assert!(Told::parse(br#"{"tenants":[],"more":1}"#).is_ok(), "a tier of a later release");
        let less = format!(
            r#"{{"tenants":[{{"tenant":"{}","sequence":1,"requests_us":-1,"tokens_us":0}}]}}"#,
            "ab".repeat(32)
        );
        assert!(Told::parse(less.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Tell::parse(&bytes), Told::parse(&bytes));
        }
    }
}
