//! The access token.

use super::app::App;
use super::error::{ApiError, Code};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// What requests must prove to know.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Vec<u8>);

/// Shorter ones could be guessed.
const SHORTEST: usize = 16;

impl Token {
    /// From the text of a file; white space around it does not count.
    ///
    /// # Errors
    /// When it is too short, or has characters that a header cannot hold.
    pub fn parse(text: &str) -> Result<Self, String> {
        let token = text.trim();
        if token.len() < SHORTEST {
            return Err(format!("the token is shorter than {SHORTEST} characters"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token has characters other than visible ASCII".to_owned());
        }
        Ok(Self(token.as_bytes().to_vec()))
    }

    /// Takes the same time wherever the two differ.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        let given =
            value.split_first_chunk::<7>().filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        given.is_some_and(|(_, given)| given.ct_eq(&self.0).into())
    }
}

/// No character of it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Lets requests through that have the token.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if app.token.as_ref().is_some_and(|token| !token.is_in(request.headers())) {
        app.metrics.request("any", Code::Unauthorized.as_str());
        return ApiError::new(
            Code::Unauthorized,
            "the request needs the access token as Authorization: Bearer",
        )
        .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_one_token() {
        assert_eq!(Token::parse(" 0123456789abcdef\n").unwrap(), Token(b"0123456789abcdef".to_vec()));
        assert_eq!(Token::parse("short").unwrap_err(), "the token is shorter than 16 characters");
        let error = Token::parse("0123456789 abcdefgh").unwrap_err();
        assert_eq!(error, "the token has characters other than visible ASCII");
    }

    #[test]
    fn only_the_whole_token_is_one() {
        let token = Token::parse("0123456789abcdef").unwrap();
        for (value, expected) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer 0123456789abcdef", true),
            ("Bearer 0123456789abcdeg", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Bearer ", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(token.is_in(&headers), expected, "{value}");
        }
        assert!(!token.is_in(&HeaderMap::new()));
    }
}
