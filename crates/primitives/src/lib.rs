//! Timestamps, moving averages and seeded randomness: what every decision is made of.
