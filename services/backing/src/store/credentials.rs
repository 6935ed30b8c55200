//! Who asks.

use object_store::aws::AmazonS3Builder;
use std::fmt;

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Credentials {
    /// From a file as Amazon's tools write it: lines of `aws_access_key_id = …` and `aws_secret_access_key = …`, and
    /// perhaps `aws_session_token = …`. Of several sections the first counts.
    ///
    /// # Errors
    /// What is missing. Nothing of the file is repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value = |wanted: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == wanted).then(|| value.trim().to_owned()).filter(|value| !value.is_empty())
            })
        };
        let needed = |name: &str| value(name).ok_or_else(|| format!("there is no {name} in it"));
        let (id, secret) = (needed("aws_access_key_id")?, needed("aws_secret_access_key")?);
        Ok(Self { id, secret, token: value("aws_session_token") })
    }

    pub(super) fn apply(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let builder = builder.with_access_key_id(&self.id).with_secret_access_key(&self.secret);
        match &self.token {
            Some(token) => builder.with_token(token),
            None => builder,
        }
    }
}

/// Nothing of it.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_amazons_tools_write_it() {
        let text = "[default]\naws_access_key_id = AKID\naws_secret_access_key=a=b+c/\n[other]\naws_access_key_id = X\n";
        let expected = Credentials { id: "AKID".to_owned(), secret: "a=b+c/".to_owned(), token: None };
        assert_eq!(Credentials::parse(text), Ok(expected.clone()));
        let with_token = format!("{text}aws_session_token = t\n");
        assert_eq!(
            Credentials::parse(&with_token),
            Ok(Credentials { token: Some("t".to_owned()), ..expected })
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |text: &str, expected: &str| assert_eq!(Credentials::parse(text).unwrap_err(), expected);
        check("secret", "there is no aws_access_key_id in it");
        check("aws_access_key_id = A\naws_secret_access_key =", "there is no aws_secret_access_key in it");
        let credentials = Credentials::parse("aws_access_key_id=A\naws_secret_access_key=B").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials(..)");
    }
}
