//! The OpenAI-style request and response: facts of a request, server-sent events.
