//! Which endpoint takes a request: score, choice, endpoint table.
