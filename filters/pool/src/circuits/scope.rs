//! Which circuits an attempt belongs to.

/// The model number of an endpoint as a whole.
pub(crate) const WHOLE: u32 = 0;
/// The model number of the circuits that only watch: they never keep a request from an endpoint.
const WATCHING: u32 = u32::MAX;

/// Which circuits an attempt belongs to: that of its endpoint, and that of its model there, where the model is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    model: u32,
    watching: bool,
}

impl Scope {
    /// The circuit of an endpoint alone, where models are not told apart.
    #[must_use]
    pub const fn any() -> Self {
        Self { model: WHOLE, watching: false }
    }

    /// The circuits of an attempt for the model whose name has this hash. `None` where it is not known.
    #[must_use]
    pub fn of(model: Option<u32>) -> Self {
        // Two values are taken, and an even number of models share theirs.
        let model = model.map_or(WHOLE, |hash| hash.clamp(WHOLE + 1, WATCHING - 1));
        Self { model, watching: false }
    }

    /// The circuit that only watches, for mode `observe`.
    #[must_use]
    pub const fn watching() -> Self {
        Self { model: WHOLE, watching: true }
    }

    /// Whether nothing follows from these circuits.
    #[must_use]
    pub const fn is_watching(self) -> bool {
        self.watching
    }

    /// The model numbers of every circuit that must let an attempt through.
    pub(crate) fn models(self) -> impl Iterator<Item = u32> {
        let (first, second) = match (self.watching, self.model) {
            (true, _) => (WATCHING, None),
            (false, WHOLE) => (WHOLE, None),
            (false, model) => (WHOLE, Some(model)),
        };
        std::iter::once(first).chain(second)
    }

    /// The circuit that hears of a failure: of the endpoint when nothing of it works, else of the model.
    pub(crate) const fn judge(self, whole_endpoint: bool) -> u32 {
        match (self.watching, whole_endpoint) {
            (true, _) => WATCHING,
            (false, true) => WHOLE,
            (false, false) => self.model,
        }
    }
}

pub(crate) const fn is_watching(model: u32) -> bool {
    model == WATCHING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_attempt_belongs_to() {
        let models = |scope: Scope| scope.models().collect::<Vec<_>>();
        assert_eq!(models(Scope::of(None)), [WHOLE]);
        assert_eq!(models(Scope::of(Some(7))), [WHOLE, 7]);
        assert_eq!(models(Scope::of(Some(0))), [WHOLE, 1]);
        assert_eq!(models(Scope::of(Some(u32::MAX))), [WHOLE, u32::MAX - 1]);
        assert_eq!(models(Scope::watching()), [WATCHING]);
        assert_eq!((Scope::of(Some(7)).judge(false), Scope::of(Some(7)).judge(true)), (7, WHOLE));
    }
}
