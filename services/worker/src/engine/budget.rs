//! Whether all models of a worker fit into the memory that it may use.
//!
//! What counts is what they hold for as long as they run: weights, and keys and values. The program itself, tokenizers and
//! what a computation needs while it lasts come on top.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

const MIB: u64 = 1 << 20;

/// What a model holds in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The model's name.
    pub model: String,
    /// Bytes of its weights.
    pub weights: u64,
    /// Bytes that keys and values may take.
    pub keys_and_values: u64,
}

/// The models do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct OverBudget {
    needs: Vec<Need>,
    budget: u64,
}

impl Need {
    fn bytes(&self) -> u64 {
        self.weights.saturating_add(self.keys_and_values)
    }
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(MIB);
        let all = self.needs.iter().map(Need::bytes).fold(0, u64::saturating_add);
        write!(f, "the models need {} MiB, and the memory budget is {} MiB", mib(all), self.budget / MIB)?;
        for need in &self.needs {
            write!(f, "; {} needs {} MiB of weights", need.model, mib(need.weights))?;
            if need.keys_and_values > 0 {
                write!(f, " and {} MiB of keys and values", mib(need.keys_and_values))?;
            }
        }
        Ok(())
    }
}

/// The memory that the models of a worker may use together. A copy is of the same memory.
#[derive(Debug, Clone)]
pub struct Budget {
    bytes: u64,
    /// What is needed by the models that came so far.
    needs: Arc<Mutex<Vec<Need>>>,
}

impl Budget {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { bytes, needs: Arc::default() }
    }

    /// Takes what a model needs, for good.
    ///
    /// # Errors
    /// With what each of them needs, where it does not fit beside those that came before.
    pub fn take(&self, own: Need) -> Result<(), OverBudget> {
        let mut needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        needs.push(own);
        let all = needs.iter().map(Need::bytes).fold(0, u64::saturating_add);
        if all <= self.bytes { Ok(()) } else { Err(OverBudget { needs: needs.clone(), budget: self.bytes }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(model: &str, weights: u64, keys_and_values: u64) -> Need {
        Need { model: model.to_owned(), weights, keys_and_values }
    }

    #[test]
    fn all_of_them_count_and_each_is_named() {
        let fits = |bytes| {
            let budget = Budget::new(bytes);
            budget.take(need("vectors", 87 * MIB, 0)).unwrap();
            budget.clone().take(need("chat", 100 * MIB + 1, 512 * MIB))
        };
        assert_eq!(fits(700 * MIB), Ok(()));
        assert_eq!(fits(699 * MIB + 1), Ok(()));
        assert_eq!(
            fits(699 * MIB).unwrap_err().to_string(),
            "the models need 700 MiB, and the memory budget is 699 MiB; vectors needs 87 MiB of weights; chat needs 101 MiB \
             of weights and 512 MiB of keys and values"
        );
        assert!(Budget::new(u64::MAX - 1).take(need("huge", u64::MAX, 1)).is_err());
    }
}
