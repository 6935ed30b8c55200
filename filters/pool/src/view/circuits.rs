//! The circuits of a pool as one VM saw them last.

use spillway_breaker::{Circuit, Policy, State};
use spillway_host::Host;
use spillway_primitives::Timestamp;

use super::View;
use crate::circuits::{Probe, Scope, WHOLE, policy, record};
use crate::keys::BLOCK;

impl View {
    /// Takes in the circuits if any has changed since the last time; endpoints whose circuits have opened are left out
    /// of what may be chosen at once, those whose circuits have closed come back with the next look.
    pub(crate) fn follow_circuits(&mut self, host: &dyn Host) {
        let changes = self.circuit_changes.read(host);
        if self.circuits_seen == Some(changes) {
            return;
        }
        self.circuits_seen = Some(changes);
        self.circuits.clear();
        if changes == 0 {
            return;
        }
        self.policy = policy::read(host, self.id.0);
        for block in 0..self.places().div_ceil(BLOCK) {
            self.circuits.append(&mut record::read(host, self.id.0, block));
        }
        let Self { snapshot, circuits, .. } = self;
        let closed = |place| {
            let circuit = circuits.get(&(place, WHOLE));
            circuit.is_none_or(|circuit| circuit.state() == State::Closed)
        };
        snapshot.leave_out(|place| !closed(place));
    }

    /// What the circuit of a model at a place is.
    pub(crate) fn circuit(&self, place: u32, model: u32) -> State {
        self.circuits.get(&(place, model)).map_or(State::Closed, Circuit::state)
    }

    /// Every circuit of a model that is worth remembering, as (place, state).
    pub(crate) fn known_circuits(&self, model: u32) -> impl Iterator<Item = (u32, State)> {
        let of_model = self.circuits.iter().filter(move |((_, of), _)| *of == model);
        of_model.map(|((place, _), circuit)| (*place, circuit.state()))
    }

    /// When a request may be sent there again; `None` when it may be now.
    pub(crate) fn retry_at(&self, place: u32, model: u32, policy: &Policy) -> Option<Timestamp> {
        self.circuits.get(&(place, model))?.retry_at(policy)
    }

    /// A circuit of an endpoint that serves whose time for a probe has come, for requests of that scope.
    pub(crate) fn due(&self, scope: Scope, now: Timestamp) -> Option<(u32, u32)> {
        if self.circuits.is_empty() {
            return None;
        }
        let policy = self.policy?;
        let is_due = |place: u32, model: u32| {
            scope.models().any(|of| of == model)
                && self.retry_at(place, model, &policy).is_some_and(|at| at <= now)
                && self.is_present(place)
        };
        self.circuits.keys().copied().find(|(place, model)| is_due(*place, *model))
    }

    /// Whether a probe is out, as far as this VM knows.
    pub(crate) fn is_out(&self, probe: Probe) -> bool {
        let circuit = self.circuits.get(&(probe.place, probe.model));
        circuit.is_some_and(|circuit| circuit.is_out(probe.permit))
    }

    /// What the operator set about circuits; `None` where no filter keeps them.
    pub(crate) const fn policy(&self) -> Option<Policy> {
        self.policy
    }
}
