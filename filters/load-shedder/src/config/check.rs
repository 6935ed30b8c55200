//! Whether the fields agree with one another.

use spillway_host::ConfigError;
use spillway_shedding::level::Levels;

use super::Config;

impl Config {
    /// The levels, if all fields agree with one another.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field, what came and what was expected.
    pub fn check(&self) -> Result<Levels, ConfigError> {
        let names = self.levels.iter().map(|level| level.name.clone()).collect();
        let levels = Levels::new(names).map_err(|error| ConfigError::field("levels", error.to_string()))?;
        if self.limit.min > super::Ranged::held(self.limit.max.get()) {
            let (min, max) = (self.limit.min.get(), self.limit.max.get());
            return Err(ConfigError::field(
                "limit.min",
                format!("{min}, expected not above limit.max, which is {max}"),
            ));
        }
        if self.pools().len() > 16 {
            return Err(ConfigError::field("pools", format!("{}, expected at most 16", self.pools().len())));
        }
        self.shared_budgets.check()?;
        known(&levels, "default_level".into(), &self.default_level)?;
        for (number, rule) in self.rules.iter().enumerate() {
            if !rule.level.is_empty() {
                known(&levels, format!("rules[{number}].level"), &rule.level)?;
            }
        }
        for (number, consumer) in self.consumers.iter().enumerate() {
            let field = |name: &str| format!("consumers[{number}].{name}");
            if !consumer.level.is_empty() {
                known(&levels, field("level"), &consumer.level)?;
            }
            match (consumer.name.is_empty(), consumer.credential_sha256.is_empty()) {
                (true, true) | (false, false) => {
                    return Err(ConfigError::field(
                        field("name"),
                        "expected either this or credential_sha256",
                    ));
                }
                (false, true) if self.consumer_header.is_empty() => {
                    return Err(ConfigError::field(
                        "consumer_header",
                        "empty, expected the header in which consumers[].name stands",
                    ));
                }
                (true, false) if digest(&consumer.credential_sha256).is_none() => {
                    return Err(ConfigError::field(
                        field("credential_sha256"),
                        "expected 64 hexadecimal digits",
                    ));
                }
                _ => {}
            }
        }
        Ok(levels)
    }

    /// Levels that no request can get, as the fields that name them. Not an error: an operator may be about to add a rule.
    pub(crate) fn unreachable(&self, levels: &Levels) -> Vec<String> {
        let named = |name: &str| levels.named(name);
        let rules = self.rules.iter().filter_map(|rule| named(&rule.level));
        let consumers = self.consumers.iter().filter_map(|consumer| named(&consumer.level));
        let given: Vec<_> = rules.chain(consumers).chain(named(&self.default_level)).collect();
        // Whoever has a level may ask for a less important one.
        let highest = given.iter().min().copied();
        let asked =
            |level| !self.priority_header.is_empty() && (self.trust_priority_header || highest < Some(level));
        let missing = levels.iter().filter(|(level, _)| !given.contains(level) && !asked(*level));
        missing.map(|(level, name)| format!("levels[{}] ({name})", level.index())).collect()
    }
}

fn known(levels: &Levels, field: String, name: &str) -> Result<(), ConfigError> {
    if levels.named(name).is_some() {
        return Ok(());
    }
    let names: Vec<_> = levels.iter().map(|(_, name)| format!("`{name}`")).collect();
    Err(ConfigError::field(field, format!("`{name}`, expected one of {}", names.join(", "))))
}

/// A digest in hexadecimal.
pub(crate) fn digest(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut digest = [0; 32];
    if pairs.len() != digest.len() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(digest)
}
