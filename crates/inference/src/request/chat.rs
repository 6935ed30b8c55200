//! The body of `/v1/chat/completions`.

use super::error::RequestError;
use super::fields::{Field, Fields};
use super::logprobs::of_chat;
use super::model_name;
use super::options::Options;
use serde_json::Value;

/// A checked chat request.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The model that is asked for, not empty.
    pub model: String,
    /// The conversation: at least one message, and at least one of them with text.
    pub messages: Vec<Message>,
    /// How to generate and to answer.
    pub options: Options,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; text parts are joined.
    pub content: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The operator of the conversation; `developer` is the newer word for it.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The word that chat templates know.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl ChatRequest {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::of_body(body)?;
        let model = model_name(&mut fields)?;
        let messages = messages(fields.require("messages", EXPECTED_MESSAGES)?)?;
        Ok(Self { model, messages, options: Options::take_from(&mut fields, of_chat)? })
    }
}

const EXPECTED_MESSAGES: &str = "an array of at least one message";
const EXPECTED_CONTENT: &str = "a string or an array of text parts";

fn messages(field: Field) -> Result<Vec<Message>, RequestError> {
    let path = field.path().to_owned();
    if field.value().as_array().is_some_and(Vec::is_empty) {
        return Err(field.refuse(EXPECTED_MESSAGES));
    }
    let messages = field.items(EXPECTED_MESSAGES)?.map(message).collect::<Result<Vec<_>, _>>()?;
    if messages.iter().all(|message| message.content.is_empty()) {
        return Err(RequestError::Value {
            param: path,
            expected: "some text in at least one message".to_owned(),
            got: "only empty messages".to_owned(),
        });
    }
    Ok(messages)
}

fn message(field: Field) -> Result<Message, RequestError> {
    let mut fields = field.object("a message such as {\"role\": \"user\", \"content\": \"...\"}")?;
    let role = role(&fields.require("role", EXPECTED_ROLE)?)?;
    let content = fields.require("content", EXPECTED_CONTENT)?;
    Ok(Message { role, content: content_text(content)? })
}

const EXPECTED_ROLE: &str = "one of system, developer, user, assistant";

fn role(field: &Field) -> Result<Role, RequestError> {
    match field.value().as_str() {
        Some("system" | "developer") => Ok(Role::System),
        Some("user") => Ok(Role::User),
        Some("assistant") => Ok(Role::Assistant),
        _ => Err(field.refuse_word(EXPECTED_ROLE)),
    }
}

fn content_text(field: Field) -> Result<String, RequestError> {
    match field.value() {
        Value::Array(_) => field.items(EXPECTED_CONTENT)?.map(part_text).collect(),
        _ => field.text(EXPECTED_CONTENT),
    }
}

fn part_text(field: Field) -> Result<String, RequestError> {
    let mut part = field.object("a part such as {\"type\": \"text\", \"text\": \"...\"}")?;
    let kind = part.require("type", "\"text\"")?;
    if kind.value() != "text" {
        return Err(kind.refuse_word("\"text\" (only text is served)"));
    }
    part.require("text", "a string")?.text("a string")
}
